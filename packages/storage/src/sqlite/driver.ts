/** A value that goes into or comes out of a statement. Integers come out as `bigint`, always. */
export type DriverValue = null | bigint | number | string | Uint8Array

/** A row of a result, by the names of its columns. */
export type DriverRow = Readonly<Record<string, DriverValue>>

/** The part of a SQLite driver that Stemma needs. better-sqlite3 by default; node:sqlite is the second. */
export interface SqliteDriver {
  readonly name: string
  /**
   * Opens a database file; `:memory:` is a new database in memory.
   *
   * @throws whatever the driver throws; `sqliteCode` reads SQLite's result code out of it
   */
  open(path: string, options: OpenOptions): SqliteConnection
}

/** How a connection is opened. */
export interface OpenOptions {
  /** Fails when the file doesn't exist. */
  readonly mustExist: boolean
  readonly readOnly?: boolean
  /** How long SQLite waits for a lock, in milliseconds. 0 by default: Stemma decides itself when to try again. */
  readonly busyTimeout?: number
  /** Lets `PRAGMA writable_schema` take effect, which is shut off otherwise. */
  readonly mayWriteSchema?: boolean
}

/** A connection to one database, used on one thread. */
export interface SqliteConnection {
  readonly inTransaction: boolean
  /** Runs any number of statements that return nothing. */
  exec(sql: string): void
  prepare(sql: string): SqliteStatement
  /**
   * Defines a function of SQL for this connection. One of SQLite's own of that name and count of arguments is replaced wherever it is called:
   * in defaults, triggers, views and indexes too.
   *
   * @param call - gets an INTEGER as `bigint` and a REAL as `number`, and gives them so; what it throws fails the statement
   */
  define(name: string, options: FunctionOptions, call: SqlFunction): void
  close(): void
}

export interface FunctionOptions {
  /** How many arguments it takes; undefined for any number. */
  readonly argumentCount: number | undefined
  /** The same arguments give the same within a statement: it is called less often, and may be used in indexes. */
  readonly isDeterministic: boolean
}

export type SqlFunction = (...values: DriverValue[]) => DriverValue

/** What came of a statement, as SQLite's functions of these names tell it. */
export interface StatementResult {
  readonly changes: number
  readonly lastInsertRowid: bigint
}

/** A prepared statement. It is of no use once its connection is closed. */
export interface SqliteStatement {
  /** Runs it to its end. Gives how many rows it inserted, updated or deleted. */
  run(...values: DriverValue[]): number
  get(...values: DriverValue[]): DriverRow | undefined
  all(...values: DriverValue[]): DriverRow[]
  /**
   * Runs it to its end, whether it returns rows or not; rows are dropped.
   *
   * @param placed - what goes to `?`, in order
   * @param named - what goes to parameters with names, without the sigil
   */
  execute(placed: readonly DriverValue[], named?: Readonly<Record<string, DriverValue>>): StatementResult
}

/**
 * SQLite's result code by name, such as `SQLITE_BUSY` or `SQLITE_BUSY_SNAPSHOT`; undefined when the error is not SQLite's.
 * Of an extended code that is not in our table, the primary one.
 */
export function sqliteCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: unknown }
  if (typeof code === 'string' && code.startsWith('SQLITE_')) return code
  // node:sqlite gives the number.
  if (code !== 'ERR_SQLITE_ERROR' || typeof errcode !== 'number') return undefined
  return RESULT_CODES.get(errcode) ?? RESULT_CODES.get(errcode & 0xff) ?? 'SQLITE_ERROR'
}

/** True for SQLITE_BUSY and its extended codes: somebody else holds the lock. */
export function isBusy(error: unknown): boolean {
  return sqliteCode(error)?.startsWith('SQLITE_BUSY') === true
}

/** @see https://sqlite.org/rescode.html */
const RESULT_CODES: ReadonlyMap<number, string> = new Map([
  [1, 'SQLITE_ERROR'],
  [3, 'SQLITE_PERM'],
  [4, 'SQLITE_ABORT'],
  [5, 'SQLITE_BUSY'],
  [261, 'SQLITE_BUSY_RECOVERY'],
  [517, 'SQLITE_BUSY_SNAPSHOT'],
  [773, 'SQLITE_BUSY_TIMEOUT'],
  [6, 'SQLITE_LOCKED'],
  [7, 'SQLITE_NOMEM'],
  [8, 'SQLITE_READONLY'],
  [264, 'SQLITE_READONLY_RECOVERY'],
  [776, 'SQLITE_READONLY_ROLLBACK'],
  [1288, 'SQLITE_READONLY_CANTINIT'],
  [9, 'SQLITE_INTERRUPT'],
  [10, 'SQLITE_IOERR'],
  [266, 'SQLITE_IOERR_READ'],
  [522, 'SQLITE_IOERR_SHORT_READ'],
  [778, 'SQLITE_IOERR_WRITE'],
  [1034, 'SQLITE_IOERR_FSYNC'],
  [11, 'SQLITE_CORRUPT'],
  [13, 'SQLITE_FULL'],
  [14, 'SQLITE_CANTOPEN'],
  [15, 'SQLITE_PROTOCOL'],
  [17, 'SQLITE_SCHEMA'],
  [18, 'SQLITE_TOOBIG'],
  [19, 'SQLITE_CONSTRAINT'],
  [20, 'SQLITE_MISMATCH'],
  [21, 'SQLITE_MISUSE'],
  [23, 'SQLITE_AUTH'],
  [26, 'SQLITE_NOTADB'],
])
