import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import type { DriverRow, OpenOptions, SqliteConnection, SqliteDriver, SqliteStatement } from './driver.ts'

/**
 * The SQLite that is built into Node, as a second driver.
 *
 * Never open a database with this one and with better-sqlite3 in one process: they are two libraries, and each cancels the other's locks
 * (sqlite.org/howtocorrupt.html, 2.2.1). A process uses one driver for everything.
 */
export const nodeSqlite: SqliteDriver = {
  name: 'node:sqlite',
  open: (path, options) => new Connection(path, options),
}

class Connection implements SqliteConnection {
  readonly #database: DatabaseSync

  constructor(path: string, options: OpenOptions) {
    // Not a static import: only who uses it shall read that it is experimental.
    const sqlite = process.getBuiltinModule('node:sqlite')
    this.#database = new sqlite.DatabaseSync(path === ':memory:' ? path : urlOf(path, options), {
      readOnly: options.readOnly ?? false,
      timeout: options.busyTimeout ?? 0,
      defensive: options.mayWriteSchema !== true,
    })
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction
  }

  exec(sql: string): void {
    this.#database.exec(sql)
  }

  prepare(sql: string): SqliteStatement {
    const statement: StatementSync = this.#database.prepare(sql)
    statement.setReadBigInts(true)
    return {
      run: (...values) => Number(statement.run(...values).changes),
      get: (...values) => statement.get(...values) as DriverRow | undefined,
      all: (...values) => statement.all(...values) as DriverRow[],
    }
  }

  close(): void {
    this.#database.close()
  }
}

function urlOf(path: string, options: OpenOptions): URL {
  const url = pathToFileURL(path)
  url.searchParams.set('mode', options.readOnly ? 'ro' : options.mustExist ? 'rw' : 'rwc')
  return url
}
