import type { DriverRow, SqliteConnection, SqliteStatement } from '../sqlite/driver.ts'
import { stripTableSql } from './strip-sql.ts'

/** A view that only the schema in memory has: while SQLite knows it, the connection goes by the stripped schema. */
const MARK = '_stemma_stripped'

/** What was taken out of `sqlite_schema` for a moment. */
interface Hidden {
  readonly triggers: readonly DriverRow[]
  readonly tables: readonly DriverRow[]
}

/**
 * Has one connection go by a schema without triggers, in which stored generated columns are plain ones and nothing is AUTOINCREMENT, so
 * that rows can be written as they are. Nobody else sees it.
 *
 * SQLite loads the schema while a transaction shows it stripped; then the transaction is rolled back, or what was hidden is put back.
 * The schema cookie is the same, so the connection stays with what it has loaded, until anybody changes the schema.
 */
export class StrippedSchema {
  readonly #connection: SqliteConnection
  #probe: SqliteStatement | undefined

  /** @param connection - opened with `mayWriteSchema` */
  constructor(connection: SqliteConnection) {
    this.#connection = connection
  }

  /** Tells whether the connection still goes by the stripped schema. */
  isLoaded(): boolean {
    try {
      this.#probe ??= this.#connection.prepare(`SELECT 1 FROM ${MARK}`)
      this.#probe.get()
      return true
    } catch (error) {
      this.#probe = undefined
      if (/no such table/.test(String(error))) return false
      throw error
    }
  }

  /** Loads it. Within a transaction that has changed the schema, what is loaded is the schema as changed. */
  load(): void {
    const connection = this.#connection
    const isOwn = !connection.inTransaction
    if (isOwn) connection.exec('BEGIN IMMEDIATE')
    try {
      const hidden = this.#hide()
      connection.exec('PRAGMA writable_schema = RESET')
      connection.prepare(`SELECT 1 FROM ${MARK}`).get()
      if (!isOwn) this.#show(hidden)
    } catch (error) {
      if (isOwn) this.forget()
      throw error
    }
    if (isOwn) connection.exec('ROLLBACK')
  }

  /** Rolls back whatever is open, and has SQLite load the schema anew. */
  forget(): void {
    if (this.#connection.inTransaction) this.#connection.exec('ROLLBACK')
    this.#connection.exec('PRAGMA writable_schema = RESET')
  }

  #hide(): Hidden {
    const connection = this.#connection
    connection.exec('PRAGMA writable_schema = ON')
    const triggers = connection.prepare("SELECT rowid AS id, * FROM sqlite_schema WHERE type = 'trigger' ORDER BY rowid").all()
    if (triggers.length > 0) connection.exec("DELETE FROM sqlite_schema WHERE type = 'trigger'")
    const tables = connection
      .prepare(
        "SELECT rowid AS id, sql FROM sqlite_schema WHERE type = 'table' AND (sql LIKE '%stored%' OR sql LIKE '%autoincrement%')",
      )
      .all()
      .filter(({ sql }) => stripTableSql(String(sql)) !== sql)
    const update = connection.prepare('UPDATE sqlite_schema SET sql = ? WHERE rowid = ?')
    for (const { id, sql } of tables) update.run(stripTableSql(String(sql)), id!)
    connection.exec(`INSERT INTO sqlite_schema VALUES ('view', '${MARK}', '${MARK}', 0, 'CREATE VIEW ${MARK} AS SELECT 1')`)
    return { triggers, tables }
  }

  #show({ triggers, tables }: Hidden): void {
    const connection = this.#connection
    connection.exec(`PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = '${MARK}'`)
    const update = connection.prepare('UPDATE sqlite_schema SET sql = ? WHERE rowid = ?')
    for (const { id, sql } of tables) update.run(sql!, id!)
    const insert = connection.prepare(
      'INSERT INTO sqlite_schema (rowid, type, name, tbl_name, rootpage, sql) VALUES (?, ?, ?, ?, ?, ?)',
    )
    for (const { id, type, name, tbl_name: table, rootpage, sql } of triggers)
      insert.run(id!, type!, name!, table!, rootpage!, sql!)
    connection.exec('PRAGMA writable_schema = OFF')
  }
}
