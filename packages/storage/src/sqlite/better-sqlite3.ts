import Database from 'better-sqlite3'
import type {
  DriverRow,
  DriverValue,
  FunctionOptions,
  OpenOptions,
  SqlFunction,
  SqliteConnection,
  SqliteDriver,
  SqliteStatement,
  StatementResult,
} from './driver.ts'

/** The default driver. */
export const betterSqlite3: SqliteDriver = {
  name: 'better-sqlite3',
  open: (path, options) => new Connection(path, options),
}

class Connection implements SqliteConnection {
  readonly #database: Database.Database
  #result: Database.Statement<[], StatementResult> | undefined

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
      execute: (placed, named) => {
        const values = (named === undefined ? placed : [...placed, named]) as DriverValue[]
        if (!statement.reader) {
          const { changes, lastInsertRowid } = statement.run(...values)
          return { changes, lastInsertRowid: lastInsertRowid as bigint }
        }
        for (const _ of statement.iterate(...values));
        return this.#readResult()
      },
    }
  }

  define(name: string, { argumentCount, isDeterministic }: FunctionOptions, call: SqlFunction): void {
    const counted = argumentCount === undefined ? call : withLength(call, argumentCount)
    this.#database.function(
      name,
      { varargs: argumentCount === undefined, deterministic: isDeterministic, safeIntegers: true },
      counted as (...values: unknown[]) => unknown,
    )
  }

  #readResult(): StatementResult {
    this.#result ??= this.#database.prepare('SELECT changes() AS changes, last_insert_rowid() AS lastInsertRowid')
    const { changes, lastInsertRowid } = this.#result.get()!
    return { changes: Number(changes), lastInsertRowid }
  }

  close(): void {
    this.#database.close()
  }
}

/** The driver takes the count of arguments from the function's own. */
function withLength(call: SqlFunction, length: number): SqlFunction {
  const counted: SqlFunction = (...values) => call(...values)
  return Object.defineProperty(counted, 'length', { value: length })
}
