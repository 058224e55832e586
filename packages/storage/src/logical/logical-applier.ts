import { StemmaError, type TextEncoding } from '@stemma/base'
import type { DecodedEntry, StatementsOrRows } from '@stemma/log'
import type { CopyPlace } from '../replica/copy-place.ts'
import { followsOn } from '../replica/follows-on.ts'
import { copyError } from '../replica/replica-error.ts'
import type { TableCatalog } from '../rows/table-catalog.ts'
import type { SqliteConnection, SqliteDriver } from '../sqlite/driver.ts'
import { COPY_TABLE, readCopyNote, type CopyNote } from './copy-table.ts'
import type { LogicalFormat } from './logical-replica.ts'
import type { FoundDifference } from './row-difference.ts'
import { RowSide } from './row-side.ts'
import { rowsError } from './rows-error.ts'
import { StatementSide } from './statement-side.ts'

export interface LogicalApplierOptions {
  /** A connection of its own, opened with `mayWriteSchema`. */
  readonly connection: SqliteConnection
  /** Opens another one, that goes by the schema as it is, for statements. */
  openForStatements(): SqliteConnection
  readonly driver: SqliteDriver
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
// A row that a statement changed counts as so many bytes: its entry says nothing of what it puts into the WAL.
const ROW_BYTES = 64

/** One of the connections that write the copy. */
type Side = RowSide | StatementSide

/** What is to be done for one entry. */
interface Work {
  readonly side: Side
  /** It is a transaction of its own. */
  readonly isAlone: boolean
  /** What it counts as. */
  readonly byteLength: number
  /** True when it can come into the transaction that this side has open. */
  fits(): boolean
  start(): void
  write(): void
}

/**
 * Applies entries to a logical copy by SQL, in transactions that hold rows, schema and the note of the place.
 *
 * Whatever fails, the copy is left at the end of an entry, and `place` says which.
 */
export class LogicalApplier {
  readonly #options: LogicalApplierOptions
  readonly #connection: SqliteConnection
  readonly #formats: ReadonlyMap<string, LogicalFormat>
  readonly #rows: RowSide
  readonly #statements: StatementSide
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
    const forced = (difference: FoundDifference): void => void this.#forced.push(difference)
    this.#rows = new RowSide({ connection, catalog, encoding, onDifference, forced })
    this.#statements = new StatementSide({
      open: options.openForStatements,
      driver: options.driver,
      committed: options.committed,
    })
  }

  /** Where the copy stands, as its readers see it. */
  get place(): CopyPlace {
    return this.#place
  }

  /**
   * Applies entries that follow on from `place`; those that the copy has already are skipped. When it returns, readers see them.
   *
   * @throws StemmaError ENTRY_GAP, HISTORY_DIVERGED, ROW_DIFFERS, STATEMENT_DIFFERS, DAMAGED_ENTRY, SNAPSHOT_NEEDED, REPLICA_WRITTEN, REPLICA_FULL,
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
      this.#rows.rollback()
      this.#statements.rollback()
      const note = readCopyNote(this.#connection)
      if (note === undefined) throw new StemmaError('REPLICA_WRITTEN', `the copy has lost its table ${COPY_TABLE}`, {})
      this.#place = note.place
      this.#unsettled = false
    } catch (error) {
      throw copyError(error)
    }
  }

  close(): void {
    this.#statements.close()
  }

  #run(entries: readonly DecodedEntry[], merge: boolean): void {
    let open: Side | undefined
    let last: DecodedEntry | undefined
    let [bytes, count] = [0, 0]
    const end = (): void => {
      if (open !== undefined) this.#end(open, last!)
      open = undefined
    }
    try {
      for (const entry of entries) {
        if (!followsOn(last ?? this.#place, entry)) continue
        const { side, isAlone, byteLength, fits, start, write } = this.#work(entry)
        if (open !== undefined && (isAlone || open !== side || !fits())) end()
        if (open === undefined) {
          this.#forced = []
          start()
          open = side
          bytes = count = 0
        }
        write()
        last = entry
        bytes += byteLength
        count++
        if (isAlone || !merge || bytes >= GROUP_BYTES || count >= GROUP_ENTRIES) end()
      }
      end()
    } catch (error) {
      throw this.#failed(error)
    }
  }

  /** What an entry is for, and for which of the connections. */
  #work(entry: DecodedEntry): Work {
    const { position, byteLength } = entry
    const decoded = this.#decode(entry)
    if (decoded.kind === 'rows') {
      const { rows } = decoded
      const side = this.#rows
      return {
        side,
        isAlone: side.isAlone(rows),
        byteLength,
        fits: () => true,
        start: () => side.start(),
        write: () => side.write(rows, position),
      }
    }
    const { statements } = decoded
    const side = this.#statements
    return {
      side,
      isAlone: side.isAlone(statements),
      byteLength: statements.statements.reduce((sum, { outcome }) => sum + ROW_BYTES * outcome.changes, byteLength),
      fits: () => side.fits(statements),
      start: () => side.start(statements, position),
      write: () => side.write(statements, position),
    }
  }

  #decode(entry: DecodedEntry): StatementsOrRows {
    const format = this.#formats.get(entry.format)
    if (!format?.reads.includes(entry.formatVersion)) {
      const readable = [...this.#formats.keys()].join(', ')
      throw new StemmaError(
        'NO_COMMON_FORMAT',
        `the copy reads ${readable}, the entry is ${entry.format} ${entry.formatVersion}`,
        {},
      )
    }
    if (format.view === 'statements') return format.decode(entry.payload, entry.formatVersion)
    return { kind: 'rows', rows: format.decode(entry.payload, entry.formatVersion), because: undefined }
  }

  #end(side: Side, { position, digest, format }: DecodedEntry): void {
    side.end({ position, digest, format }, this.#place.position)
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
