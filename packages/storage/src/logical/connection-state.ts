import type { SqliteConnection, SqliteStatement } from '../sqlite/driver.ts'

/** What `last_insert_rowid()` and `changes()` give. */
export interface ChangeState {
  readonly lastInsertRowid: bigint
  readonly changes: number
}

/**
 * Reads and sets what a connection says of the statement before. The functions themselves are SQLite's own, since they go on to change while a
 * statement fires triggers.
 */
export class ChangeStates {
  readonly #connection: SqliteConnection
  readonly #read: SqliteStatement

  constructor(connection: SqliteConnection) {
    this.#connection = connection
    this.#read = connection.prepare('SELECT last_insert_rowid() AS rowid, changes() AS changes')
  }

  read(): ChangeState {
    const { rowid, changes } = this.#read.get() ?? {}
    return { lastInsertRowid: rowid as bigint, changes: Number(changes) }
  }

  set({ lastInsertRowid, changes }: ChangeState): void {
    const connection = this.#connection
    const now = this.read()
    if (now.lastInsertRowid === lastInsertRowid && now.changes === changes) return
    // Rolled back with a transaction that made them, these are missing again.
    connection.exec(`
      CREATE TEMP TABLE IF NOT EXISTS _stemma_rowid (id INTEGER PRIMARY KEY);
      CREATE TEMP TABLE IF NOT EXISTS _stemma_changes (id INTEGER PRIMARY KEY) WITHOUT ROWID;
      DELETE FROM temp._stemma_changes;
    `)
    if (now.lastInsertRowid !== lastInsertRowid) {
      connection.prepare('INSERT INTO temp._stemma_rowid VALUES (?)').run(lastInsertRowid)
      connection.exec('DELETE FROM temp._stemma_rowid')
    }
    // A table WITHOUT ROWID leaves last_insert_rowid() alone.
    connection
      .prepare(
        `WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted LIMIT ?1)
         INSERT INTO temp._stemma_changes SELECT n FROM counted`,
      )
      .execute([], { 1: BigInt(changes) })
  }
}
