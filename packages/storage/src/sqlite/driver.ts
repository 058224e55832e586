/** A value that goes into or comes out of a statement. Integers come out as `bigint`, always. */
export type DriverValue = null | bigint | number | string | Uint8Array

export type DriverRow = Readonly<Record<string, DriverValue>>

/** The part of a SQLite driver that Stemma needs. better-sqlite3 by default; node:sqlite is the second. */
export interface SqliteDriver {
  readonly name: string
  /**
   * Opens a database file.
   *
   * @throws whatever the driver throws; `sqliteCode` reads SQLite's result code out of it
   */
  open(path: string, options: OpenOptions): SqliteConnection
}

export interface OpenOptions {
  /** Fails when the file doesn't exist. */
  readonly mustExist: boolean
  readonly readOnly?: boolean
  /** How long SQLite waits for a lock, in milliseconds. 0 by default: Stemma decides itself when to try again. */
  readonly busyTimeout?: number
}

export interface SqliteConnection {
  readonly inTransaction: boolean
  /** Runs any number of statements that return nothing. */
  exec(sql: string): void
  prepare(sql: string): SqliteStatement
  close(): void
}

export interface SqliteStatement {
  run(...values: DriverValue[]): void
  get(...values: DriverValue[]): DriverRow | undefined
  all(...values: DriverValue[]): DriverRow[]
}

/** SQLite's result code by name, such as `SQLITE_BUSY` or `SQLITE_BUSY_SNAPSHOT`; undefined when the error is not SQLite's. */
export function sqliteCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const code = (error as { readonly code?: unknown }).code
  if (typeof code === 'string' && code.startsWith('SQLITE_')) return code
  return undefined
}

/** True for SQLITE_BUSY and its extended codes: somebody else holds the lock. */
export function isBusy(error: unknown): boolean {
  return sqliteCode(error)?.startsWith('SQLITE_BUSY') === true
}
