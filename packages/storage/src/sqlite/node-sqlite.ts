import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import type {
  DriverRow,
  FunctionOptions,
  OpenOptions,
  SqlFunction,
  SqliteConnection,
  SqliteDriver,
  SqliteStatement,
  StatementResult,
} from './driver.ts'

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
  #result: StatementSync | undefined

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
      execute: (placed, named) => {
        // `run` does not go on to the end of what returns rows.
        const rows = named === undefined ? statement.iterate(...placed) : statement.iterate(named, ...placed)
        for (const _ of rows);
        return this.#readResult()
      },
    }
  }

  define(name: string, { argumentCount, isDeterministic }: FunctionOptions, call: SqlFunction): void {
    const counted: SqlFunction = (...values) => call(...values)
    Object.defineProperty(counted, 'length', { value: argumentCount ?? 0 })
    this.#database.function(
      name,
      { varargs: argumentCount === undefined, deterministic: isDeterministic, useBigIntArguments: true },
      counted,
    )
  }

  #readResult(): StatementResult {
    this.#result ??= this.#database.prepare('SELECT changes() AS changes, last_insert_rowid() AS lastInsertRowid')
    this.#result.setReadBigInts(true)
    const { changes, lastInsertRowid } = this.#result.get() as { changes: bigint; lastInsertRowid: bigint }
    return { changes: Number(changes), lastInsertRowid }
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
