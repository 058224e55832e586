import Database from 'better-sqlite3'
import type { DriverRow, DriverValue, OpenOptions, SqliteConnection, SqliteDriver, SqliteStatement } from './driver.ts'

/** The default driver. */
export const betterSqlite3: SqliteDriver = {
  name: 'better-sqlite3',
  open: (path, options) => new Connection(path, options),
}

class Connection implements SqliteConnection {
  readonly #database: Database.Database

  constructor(path: string, options: OpenOptions) {
    this.#database = new Database(path, {
      fileMustExist: options.mustExist,
      readonly: options.readOnly ?? false,
      timeout: options.busyTimeout ?? 0,
    })
    this.#database.defaultSafeIntegers(true)
    if (options.mayWriteSchema === true) this.#database.unsafeMode(true)
  }

  get inTransaction(): boolean {
    return this.#database.inTransaction
  }

  exec(sql: string): void {
    this.#database.exec(sql)
  }

  prepare(sql: string): SqliteStatement {
    const statement = this.#database.prepare<DriverValue[], DriverRow>(sql)
    return {
      run: (...values) => statement.run(...values).changes,
      get: (...values) => statement.get(...values),
      all: (...values) => statement.all(...values),
    }
  }

  close(): void {
    this.#database.close()
  }
}
