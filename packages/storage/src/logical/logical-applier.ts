import { StemmaError, showPosition, type TextEncoding } from '@stemma/base'
import type { CommitRows, DecodedEntry } from '@stemma/log'
import type { CopyPlace } from '../replica/copy-place.ts'
import { followsOn } from '../replica/follows-on.ts'
import { copyError } from '../replica/replica-error.ts'
import type { TableCatalog } from '../rows/table-catalog.ts'
import { isBusy, type SqliteConnection, type SqliteStatement } from '../sqlite/driver.ts'
import { CommitWriter } from './commit-writer.ts'
import { COPY_TABLE, readCopyNote, type CopyNote } from './copy-table.ts'
import type { LogicalFormat } from './logical-replica.ts'
import type { FoundDifference } from './row-difference.ts'
import { rowsError } from './rows-error.ts'
import { StrippedSchema } from './stripped-schema.ts'

export interface LogicalApplierOptions {
  /** A connection of its own, opened with `mayWriteSchema`. */
  readonly connection: SqliteConnection
  readonly catalog: TableCatalog
  readonly encoding: TextEncoding
  readonly formats: readonly LogicalFormat[]
  readonly note: CopyNote
  readonly merge: boolean
  readonly onDifference: 'stop' | 'force'
  forced(difference: FoundDifference): void
  /** Told after each transaction of ours. */
  committed(): void
}

// A group ends when its payloads have so many bytes, or it holds so many entries; what follows is the next group.
const GROUP_BYTES = 8 * 1024 * 1024
const GROUP_ENTRIES = 10_000

/**
 * Applies entries to a logical copy by SQL, in transactions that hold rows, schema and the note of the place.
 *
 * Whatever fails, the copy is left at the end of an entry, and `place` says which.
 */
export class LogicalApplier {
  readonly #options: LogicalApplierOptions
  readonly #connection: SqliteConnection
  readonly #formats: ReadonlyMap<string, LogicalFormat>
  readonly #stripped: StrippedSchema
  readonly #writer: CommitWriter
  readonly #begin: SqliteStatement
  readonly #commit: SqliteStatement
  #note: SqliteStatement | undefined
  #place: CopyPlace
  /** Something failed, and what the copy says of itself has not been looked at since. */
  #unsettled = false
  /** What is to be told once the transaction is in. */
  #forced: FoundDifference[] = []

  constructor(options: LogicalApplierOptions) {
    const { connection, catalog, encoding, onDifference } = options
    this.#options = options
    this.#connection = connection
    this.#place = options.note.place
    this.#formats = new Map(options.formats.map((format) => [format.name, format]))
    this.#begin = connection.prepare('BEGIN IMMEDIATE')
    this.#commit = connection.prepare('COMMIT')
    this.#stripped = new StrippedSchema(connection)
    const forced = (difference: FoundDifference): void => void this.#forced.push(difference)
    this.#writer = new CommitWriter({ connection, stripped: this.#stripped, catalog, encoding, onDifference, forced })
  }

  /** Where the copy stands, as its readers see it. */
  get place(): CopyPlace {
    return this.#place
  }

  /**
   * Applies entries that follow on from `place`; those that the copy has already are skipped. When it returns, readers see them.
   *
   * @throws StemmaError ENTRY_GAP, HISTORY_DIVERGED, ROW_DIFFERS, DAMAGED_ENTRY, SNAPSHOT_NEEDED, REPLICA_WRITTEN, REPLICA_FULL,
   *   REPLICA_FAILED, DATABASE_BUSY, NO_COMMON_FORMAT, MISSING_FUNCTION. The entries before the one at fault have been applied.
   */
  apply(entries: readonly DecodedEntry[]): void {
    this.settle()
    if (this.#options.merge && entries.length > 1) {
      try {
        return this.#run(entries, true)
      } catch (error) {
        if (!isEntryAtFault(error)) throw error
      }
    }
    this.#run(entries, false)
  }

  /** After a failure: sees what the copy says of itself. */
  settle(): void {
    if (!this.#unsettled) return
    try {
      this.#stripped.forget()
      this.#writer.forget()
      const note = readCopyNote(this.#connection)
      if (note === undefined) throw new StemmaError('REPLICA_WRITTEN', `the copy has lost its table ${COPY_TABLE}`, {})
      this.#place = note.place
      this.#unsettled = false
    } catch (error) {
      throw copyError(error)
    }
  }

  #run(entries: readonly DecodedEntry[], merge: boolean): void {
    let last: DecodedEntry | undefined
    let [bytes, count] = [0, 0]
    try {
      for (const entry of entries) {
        if (!followsOn(last ?? this.#place, entry)) continue
        const commit = this.#decode(entry)
        // A change of the schema is a transaction of its own.
        const isAlone = !merge || commit.schema.length > 0
        if (isAlone && count > 0) {
          this.#end(last!)
          count = 0
        }
        if (count === 0) {
          this.#start()
          bytes = 0
        }
        this.#writer.write(commit, entry.position)
        last = entry
        bytes += entry.byteLength
        count++
        if (!isAlone && bytes < GROUP_BYTES && count < GROUP_ENTRIES) continue
        this.#end(last)
        count = 0
      }
      if (count > 0) this.#end(last!)
    } catch (error) {
      throw this.#failed(error)
    }
  }

  #decode(entry: DecodedEntry): CommitRows {
    const format = this.#formats.get(entry.format)
    if (!format?.reads.includes(entry.formatVersion)) {
      const readable = [...this.#formats.keys()].join(', ')
      throw new StemmaError(
        'NO_COMMON_FORMAT',
        `the copy reads ${readable}, the entry is ${entry.format} ${entry.formatVersion}`,
        {},
      )
    }
    const decoded = format.decode(entry.payload, entry.formatVersion)
    if (!('kind' in decoded)) return decoded
    if (decoded.kind === 'rows') return decoded.rows
    throw new StemmaError('NO_COMMON_FORMAT', 'this copy runs no statements', {})
  }

  #start(): void {
    this.#forced = []
    try {
      this.#begin.run()
    } catch (error) {
      if (!isBusy(error)) throw error
      throw new StemmaError('DATABASE_BUSY', `another program writes to the copy`, {}, error)
    }
    if (this.#stripped.isLoaded()) return
    this.#writer.forget()
    this.#connection.exec('ROLLBACK')
    this.#stripped.load()
    this.#note = undefined
    this.#begin.run()
    // Whoever changed the schema between these two calls does so again only if it wants to be in our way.
    if (!this.#stripped.isLoaded()) throw new StemmaError('DATABASE_BUSY', 'another program changes the schema of the copy', {})
  }

  #end({ position, digest, format }: DecodedEntry): void {
    this.#note ??= this.#connection.prepare(
      `UPDATE ${COPY_TABLE} SET epoch = ?, sequence = ?, digest = ?, format = ? WHERE epoch = ? AND sequence = ?`,
    )
    const before = this.#place.position
    const values = [BigInt(position.epoch), BigInt(position.sequence), BigInt.asIntN(64, digest), format]
    // Exactly once: the place must be the one that these entries were held against.
    if (this.#note.run(...values, BigInt(before.epoch), BigInt(before.sequence)) !== 1)
      throw new StemmaError('REPLICA_WRITTEN', `the copy no longer says that it stands at ${showPosition(before)}`, {})
    this.#commit.run()
    this.#place = { ...this.#place, position, digest, format }
    this.#options.committed()
    for (const difference of this.#forced.splice(0)) this.#options.forced(difference)
  }

  #failed(error: unknown): unknown {
    this.#unsettled = true
    this.#forced = []
    const failure = rowsError(error)
    try {
      this.settle()
    } catch {
      // It is tried again before the next entries; what failed first says more.
      this.#unsettled = true
    }
    return failure
  }
}

function isEntryAtFault(error: unknown): boolean {
  return (
    StemmaError.is(error) && !['REPLICA_FULL', 'REPLICA_FAILED', 'DATABASE_BUSY', 'LOG_FULL', 'LOG_FAILED'].includes(error.code)
  )
}
