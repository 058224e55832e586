import { StemmaError, showPosition, type Milliseconds, type Position } from '@stemma/base'
import type { CommitStatements, PageChange } from '@stemma/log'
import { JournalReader, type JournalRecord } from './journal-reader.ts'
import type { JournalMemory } from './journal-memory.ts'
import { RecordQueue, type CommitFrames } from './record-queue.ts'

/** How a source comes by the statements of commits. */
export interface StatementsOptions {
  /** Where the program that writes puts them. */
  readonly journal: JournalMemory
  /** Of that program, as IANA names it. */
  readonly timeZone: string
  /** The program runs on another thread: a commit may be seen before its statements are here, and then it is worth to wait. */
  readonly mayWait: boolean
  /** How long to wait then, at most. */
  readonly waitMs?: Milliseconds
}

/** A commit as its statements are looked for. */
export interface SeenCommit {
  readonly position: Position
  /** Where the WAL has it; undefined when it stands for changes that nobody saw. */
  readonly frames: CommitFrames | undefined
  /** There is no time to wait for its record. */
  readonly isUrgent: boolean
  /** In the order of their page numbers. */
  readonly changed: readonly PageChange[]
}

/**
 * Finds out which commits are the program's, and which statements they were.
 *
 * A commit has statements when a record of the journal names the very frames that it has in the WAL, and its statements were judged by
 * the schema that it met. It would rather lose a text than give a commit one that is not its own.
 */
export class StatementMatcher {
  readonly #reader: JournalReader
  readonly #options: StatementsOptions
  readonly #queue = new RecordQueue(QUEUE_BYTES_MAX)
  /** The schema cookie after the last commit; undefined when it is not known. */
  #schema: number | undefined
  /** The phase that was waited for in vain. */
  #hopeless = 0

  constructor(options: StatementsOptions) {
    this.#options = options
    this.#reader = new JournalReader(options.journal)
  }

  /** @param pageOne - of the database as it is before the first commit */
  begin(pageOne: Uint8Array): void {
    this.#schema = schemaOf(pageOne)
  }

  /** Takes a commit. What is returned gives its statements, or throws StemmaError STATEMENTS_UNKNOWN. */
  step(commit: SeenCommit): () => CommitStatements {
    const schemaVersion = this.#schema
    this.#seeSchema(commit.changed)
    const record = commit.frames && this.#find(commit.frames, commit.isUrgent)
    if (record === undefined) {
      if (this.#schema !== schemaVersion) this.#tellSchema()
      return unknown(commit.position, 'the program that Stemma runs in did not tell them')
    }
    if (record.schemaVersion !== schemaVersion) {
      this.#tellSchema()
      return unknown(commit.position, 'the schema was another one than they were judged by')
    }
    const { timeZone } = this.#options
    let told: CommitStatements | undefined
    return () => (told ??= { schemaVersion, timeZone, statements: record.statements() })
  }

  close(): void {
    this.#reader.close()
  }

  #find(frames: CommitFrames, isUrgent: boolean): JournalRecord | undefined {
    const reader = this.#reader
    // In this order: when the phase is even, the record of each commit that is in the WAL is here.
    const { phase } = reader
    this.#drain()
    let found = this.#queue.take(frames)
    if (found === 'none' && (phase & 1) === 1 && phase !== this.#hopeless && this.#options.mayWait && !isUrgent) {
      reader.waitWhile(phase, this.#options.waitMs ?? WAIT)
      if (reader.phase === phase) this.#hopeless = phase
      this.#drain()
      found = this.#queue.take(frames)
    }
    return typeof found === 'string' ? undefined : found
  }

  #drain(): void {
    for (let record = this.#reader.take(); record !== undefined; record = this.#reader.take()) this.#queue.add(record)
  }

  #seeSchema(changed: readonly PageChange[]): void {
    if (changed[0]?.pageNumber !== 1) return
    try {
      this.#schema = schemaOf(changed[0].after)
    } catch {
      // A page of a large commit is read now. No statement has a schema that nobody knows, so rows are sent until it is seen again.
      this.#schema = undefined
    }
  }

  #tellSchema(): void {
    this.#reader.tellSchema(this.#schema ?? 0)
  }
}

/** What waits for its commits, in bytes. The engine's own limit: what the program wrote in the meantime is in the WAL, which is limited too. */
const QUEUE_BYTES_MAX = 64 * 1024 * 1024
/** A transaction is told within microseconds of its commit, unless its thread is stopped just then: then it is some slices of the scheduler. */
const WAIT: Milliseconds = 25

const SCHEMA_COOKIE_OFFSET = 40

function schemaOf(pageOne: Uint8Array): number {
  return new DataView(pageOne.buffer, pageOne.byteOffset).getInt32(SCHEMA_COOKIE_OFFSET)
}

function unknown(position: Position, why: string): () => never {
  let error: StemmaError | undefined
  return () => {
    error ??= new StemmaError('STATEMENTS_UNKNOWN', `the statements of commit ${showPosition(position)} are unknown: ${why}`, {
      ...position,
      why,
    })
    throw error
  }
}
