import type { Milliseconds } from '@stemma/base'
import type { LoggedStatement } from '@stemma/log'
import { NEWS, PHASE, SCHEMA, TAKEN, WAITING, WANTED, WRITTEN, type JournalMemory } from './journal-memory.ts'
import {
  COUNT_AT,
  FLAGS_AT,
  FORGETS,
  FRAME_AT,
  HAS_NEWS,
  HEADER_BYTES,
  IS_BEFORE,
  LENGTH_AT,
  SALT1_AT,
  SALT2_AT,
  SCHEMA_AT,
} from './record-layout.ts'
import { readStatements, type Texts } from './statement-reader.ts'

/** One transaction of the program, and where its commit is in the WAL. */
export interface JournalRecord {
  readonly salt1: number
  readonly salt2: number
  /** The last frame of the commit; with `isBefore` the last one before it. */
  readonly frame: number
  readonly isBefore: boolean
  /** The schema cookie that its statements were judged by. */
  readonly schemaVersion: number
  /** What it takes in memory. */
  readonly byteLength: number
  statements(): LoggedStatement[]
}

/** The engine's end of a journal of statements. */
export class JournalReader {
  readonly #shared: JournalMemory
  readonly #cells: Int32Array
  #texts: Texts = new Map()

  constructor(shared: JournalMemory) {
    this.#shared = shared
    this.#cells = shared.cells
    Atomics.store(this.#cells, WANTED, 1)
  }

  /** Odd while a commit may be in the WAL whose record is not here yet. Ask this before `take`, to be sure. */
  get phase(): number {
    return Atomics.load(this.#cells, PHASE)
  }

  /** Takes the next record out of the ring; undefined when there is none. */
  take(): JournalRecord | undefined {
    const { bytes, view } = this.#shared
    const at = this.#cells[TAKEN]!
    if (at === Atomics.load(this.#cells, WRITTEN)) return undefined
    const length = view.getUint32(at + LENGTH_AT, true)
    const flags = view.getUint32(at + FLAGS_AT, true)
    const salt1 = view.getUint32(at + SALT1_AT, true)
    const salt2 = view.getUint32(at + SALT2_AT, true)
    const frame = view.getUint32(at + FRAME_AT, true)
    const schemaVersion = view.getInt32(at + SCHEMA_AT, true)
    const count = view.getUint32(at + COUNT_AT, true)
    const body = bytes.slice(at + HEADER_BYTES, at + length)
    Atomics.store(this.#cells, TAKEN, this.#shared.after(at + length))
    // Records that were taken before go on with the texts that they know.
    if ((flags & FORGETS) !== 0) this.#texts = new Map()
    const texts = this.#texts
    const known = (flags & HAS_NEWS) === 0 ? undefined : readStatements(body, count, texts)
    return {
      salt1,
      salt2,
      frame,
      isBefore: (flags & IS_BEFORE) !== 0,
      schemaVersion,
      byteLength: length,
      statements: () => known ?? readStatements(body, count, texts),
    }
  }

  /** Waits on this thread until `phase` has moved, but not long. */
  waitWhile(phase: number, timeout: Milliseconds): void {
    Atomics.store(this.#cells, WAITING, 1)
    Atomics.wait(this.#cells, PHASE, phase, timeout)
    Atomics.store(this.#cells, WAITING, 0)
  }

  /** Tells the program that its schema is not the one that it takes for it. */
  tellSchema(cookie: number): void {
    Atomics.store(this.#cells, SCHEMA, cookie)
    Atomics.store(this.#cells, NEWS, 1)
  }

  /** Nobody takes records any more. */
  close(): void {
    this.#shared.giveUp()
  }
}
