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
import type { StatementSink } from './statement-sink.ts'
import { NoRoom, StatementWriter } from './statement-writer.ts'
import { newWalMark, type WalMark } from './wal-mark.ts'

/** What the journal asks about the WAL. */
export interface WalMarks {
  /** Fills in how far the WAL has come; false when that can't be known at this moment. */
  read(into: WalMark): boolean
}

/**
 * The program's end of a journal of statements: each transaction becomes a record, with the place of its commit in the WAL.
 *
 * That place is found without a write to the database. SQLite counts commits in the wal-index. When that count went up by one between a reading
 * from before the transaction and one from after it, then the one commit in between is the transaction's own, and ends where the WAL ended at
 * the second reading. When others committed too, it still is the first one behind the first reading, if that was made under the write lock. In all
 * other cases, or when there is no room for a record, the text is dropped, and rows are sent.
 */
export class StatementJournal implements StatementSink {
  readonly #shared: JournalMemory
  readonly #cells: Int32Array
  readonly #marks: WalMarks
  readonly #now: () => Milliseconds
  readonly #writer: StatementWriter
  #before = newWalMark()
  #after = newWalMark()
  /** False when transactions may have come in since `before` was read. */
  #isBeforeGood = false
  /** Others may have committed even after `after` was read. */
  #isDoubtful = false
  /** `before` was read under the write lock. */
  #isExact = false
  #beganAt: Milliseconds = Number.NEGATIVE_INFINITY
  /** Transactions for which others are taken to write too, so that it is worth to look before each of them. */
  #wary = 0
  #phase = 0
  /** Where the record begins that is being made. */
  #start = 0
  #schemaVersion = 0
  /** Where each statement of the record begins. */
  readonly #places: number[] = []
  #count = 0
  #isLost = false
  /** The next record tells that all texts are forgotten. */
  #forgets = true
  /** Transactions whose text was dropped: since it had no room, and since others wrote at the same time. */
  droppedForRoom = 0
  droppedForOthers = 0

  constructor(parts: { readonly shared: JournalMemory; readonly marks: WalMarks; readonly now?: () => Milliseconds }) {
    this.#shared = parts.shared
    this.#cells = parts.shared.cells
    this.#marks = parts.marks
    this.#now = parts.now ?? (() => performance.now())
    this.#writer = new StatementWriter(parts.shared.bytes, parts.shared.view)
  }

  get isWanted(): boolean {
    return Atomics.load(this.#cells, WANTED) === 1
  }

  takeSchemaNews(): number | undefined {
    if (Atomics.load(this.#cells, NEWS) === 0) return undefined
    Atomics.store(this.#cells, NEWS, 0)
    return Atomics.load(this.#cells, SCHEMA)
  }

  begin(schemaVersion: number, isAutocommit: boolean): void {
    this.#schemaVersion = schemaVersion
    this.#isExact = false
    if (isAutocommit) {
      const now = this.#now()
      const isRecent = now - this.#beganAt < RECENT
      this.#beganAt = now
      if (!this.#isBeforeGood || !isRecent || this.#wary > 0) this.#lookBefore()
      if (this.#wary > 0) this.#wary--
      this.#setPhase(true)
    }
    this.#startRecord()
  }

  mark(): number {
    return this.#count
  }

  truncate(mark: number): void {
    if (mark >= this.#count) return
    const at = this.#places[mark]!
    this.#count = mark
    if (this.#isLost) return
    this.#writer.dropNews(at)
    this.#writer.at = at
  }

  add(statement: LoggedStatement): void {
    const writer = this.#writer
    const { at } = writer
    this.#places[this.#count++] = at
    if (this.#isLost) return
    try {
      writer.write(statement)
    } catch (error) {
      if (!(error instanceof NoRoom)) throw error
      writer.dropNews(at)
      writer.at = at
      if (this.#raiseLimit()) {
        this.#count--
        this.add(statement)
      } else this.#isLost = true
    }
  }

  committing(): void {
    this.#lookBefore()
    this.#isExact = this.#isBeforeGood
    this.#setPhase(true)
  }

  committed(isOurs: () => boolean): void {
    const after = this.#after
    const isKnown = this.#isBeforeGood
    const isRead = this.#marks.read(after)
    this.#isDoubtful = false
    const isTold = this.#count > 0 && isKnown && isRead && this.#tell(this.#before, after, isOurs)
    if (!isTold) this.#writer.dropNews(this.#start)
    this.#after = this.#before
    this.#before = after
    this.#isBeforeGood = isRead && !this.#isDoubtful
    this.#setPhase(false)
  }

  dropped(): void {
    this.#writer.dropNews(this.#start)
    // A statement that failed may have left something, and committed it.
    this.#isBeforeGood = false
    this.#setPhase(false)
  }

  committedUntold(): void {
    this.#isBeforeGood = false
  }

  #lookBefore(): void {
    this.#isBeforeGood = this.#marks.read(this.#before)
  }

  #startRecord(): void {
    const { ringBytes } = this.#shared
    const writer = this.#writer
    if (writer.isFull) {
      writer.forget()
      this.#forgets = true
    }
    this.#count = 0
    this.#start = this.#cells[WRITTEN]!
    writer.at = this.#start + HEADER_BYTES
    // Most have room for long; when this is not enough, it is looked again.
    const taken = this.#cells[TAKEN]!
    writer.limit = this.#start >= taken ? Math.max(writer.at, ringBytes) : taken
    this.#isLost = writer.at > writer.limit && !this.#raiseLimit()
  }

  /** Looks how much room there is by now. */
  #raiseLimit(): boolean {
    const { recordBytesMax } = this.#shared
    const taken = Atomics.load(this.#cells, TAKEN)
    const end = this.#start + recordBytesMax
    const limit = this.#start >= taken ? end : Math.min(end, taken)
    if (limit <= this.#writer.limit) return false
    this.#writer.limit = limit
    return this.#writer.at <= limit
  }

  /** Finds out which commit it was, and gives the record on. */
  #tell(before: WalMark, after: WalMark, isOurs: () => boolean): boolean {
    const isSameWal = before.salt1 === after.salt1 && before.salt2 === after.salt2
    // There is no commit at all when nothing was written.
    if (isSameWal && after.frame <= before.frame) return false
    const isAlone = (after.commits - before.commits) >>> 0 === 1
    if (!isAlone) this.#wary = WARY_TRANSACTIONS
    // It is not known which of them it was when nothing kept others off, nor where the WAL of before ended when it is another one now.
    if (isAlone || (this.#isExact && isSameWal)) {
      if (isOurs()) return this.#publish(isAlone ? after : before, isAlone ? 0 : IS_BEFORE)
      this.#isDoubtful = true
    }
    this.droppedForOthers++
    return false
  }

  #publish(place: WalMark, isBefore: number): boolean {
    const { view } = this.#shared
    const writer = this.#writer
    const start = this.#start
    const next = this.#shared.after(writer.at)
    // A ring that is filled to the last byte would be taken for empty.
    if (this.#isLost || next === Atomics.load(this.#cells, TAKEN)) {
      this.droppedForRoom++
      return false
    }
    view.setUint32(start + LENGTH_AT, writer.at - start, true)
    view.setUint32(start + FLAGS_AT, isBefore | (writer.hasNews ? HAS_NEWS : 0) | (this.#forgets ? FORGETS : 0), true)
    view.setUint32(start + SALT1_AT, place.salt1, true)
    view.setUint32(start + SALT2_AT, place.salt2, true)
    view.setUint32(start + FRAME_AT, place.frame, true)
    view.setInt32(start + SCHEMA_AT, this.#schemaVersion, true)
    view.setUint32(start + COUNT_AT, this.#count, true)
    writer.keepNews()
    this.#forgets = false
    Atomics.store(this.#cells, WRITTEN, next)
    return true
  }

  /** @param isCommitting - from here on the commit may be there before its record is */
  #setPhase(isCommitting: boolean): void {
    const phase = this.#phase
    const isOdd = (phase & 1) === 1
    if (!isCommitting && !isOdd) return
    this.#phase = (phase + (isCommitting === isOdd ? 2 : 1)) | 0
    Atomics.store(this.#cells, PHASE, this.#phase)
    if (!isOdd || Atomics.load(this.#cells, WAITING) === 0) return
    Atomics.notify(this.#cells, PHASE)
  }
}

/** A reading of the WAL that is older than this may well have been overtaken by others, in milliseconds. */
const RECENT: Milliseconds = 0.1
const WARY_TRANSACTIONS = 1024
