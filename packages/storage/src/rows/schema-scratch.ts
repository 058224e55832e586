import { StemmaError, type TextEncoding } from '@stemma/base'
import type { DriverRow, DriverValue, SqliteConnection, SqliteDriver } from '../sqlite/driver.ts'

/** An object as `sqlite_schema` has it: its name and the SQL that made it. */
export interface StoredObject {
  readonly name: string
  readonly sql: string
}

/**
 * A database in memory that holds the schema of one table, for SQLite to be asked about it.
 *
 * SQL text is put into `sqlite_schema` as it stands and never run: SQLite then reads it as it reads the schema of any file, where
 * functions, collations and modules may be missing, strings in double quotes are taken, and names may be reserved.
 */
export class SchemaScratch {
  readonly #connection: SqliteConnection
  /** Empty trees for the schema to point to. Nobody looks into them, but for `sqlite_stat1`, which is read with the schema. */
  readonly #roots: DriverValue[] = []

  constructor(driver: SqliteDriver, encoding: TextEncoding) {
    this.#connection = openInMemory(driver, encoding)
  }

  /**
   * Makes this table, with these indexes, the whole schema.
   *
   * @throws StemmaError ROWS_UNKNOWN when SQLite does not understand the SQL
   * @throws what the driver throws; the scratch is then to be thrown away, as it is after ROWS_UNKNOWN
   */
  hold(table: StoredObject, indexes: readonly StoredObject[]): void {
    const connection = this.#connection
    while (this.#roots.length < 1 + indexes.length) this.#addRoot()
    connection.exec('PRAGMA writable_schema = ON; DELETE FROM sqlite_schema')
    const insert = connection.prepare('INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)')
    insert.run('table', table.name, table.name, this.#roots[0]!, table.sql)
    for (const [i, { name, sql }] of indexes.entries()) insert.run('index', name, table.name, this.#roots[i + 1]!, sql)
    connection.exec('PRAGMA writable_schema = RESET')
    try {
      if (this.ask('table_xinfo', table.name).length > 0) return
    } catch (error) {
      throw unreadable(table, String(error), error)
    }
    throw unreadable(table, 'it has no columns')
  }

  /** Asks a pragma about a table or an index. */
  ask(pragma: 'table_list' | 'table_xinfo' | 'index_list' | 'index_xinfo', name: string): DriverRow[] {
    return this.#connection.prepare(`PRAGMA main.${pragma}(${quote(name)})`).all()
  }

  close(): void {
    this.#connection.close()
  }

  #addRoot(): void {
    this.#connection.exec(`${CLEAR}; CREATE TABLE empty (id)`)
    this.#roots.push(this.#connection.prepare('SELECT rootpage FROM sqlite_schema').get()!['rootpage']!)
  }
}

/** Forgets all objects; their trees stay. */
const CLEAR = 'PRAGMA writable_schema = ON; DELETE FROM sqlite_schema; PRAGMA writable_schema = RESET'

/** Opens an empty database in memory that stores text in an encoding, and whose schema may be written. */
export function openInMemory(driver: SqliteDriver, encoding: TextEncoding): SqliteConnection {
  const connection = driver.open(':memory:', { mustExist: false, mayWriteSchema: true })
  try {
    connection.exec(`PRAGMA encoding = ${quote(encoding)}`)
    return connection
  } catch (error) {
    connection.close()
    throw error
  }
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function unreadable({ name, sql }: StoredObject, why: string, cause?: unknown): StemmaError {
  return new StemmaError('ROWS_UNKNOWN', `SQLite does not understand the schema of ${quote(name)}: ${why}`, { name, sql }, cause)
}
