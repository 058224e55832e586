import type Database from 'better-sqlite3'

/** A table, a view or a virtual table that is there. */
export interface TableInfo {
  /** As SQL writes it: in double quotes. */
  readonly name: string
  readonly kind: 'table' | 'view' | 'virtual'
  readonly isWithoutRowid: boolean
  /** Those that can be set. */
  readonly columns: readonly ColumnInfo[]
  readonly sql: string
}

export interface ColumnInfo {
  /** As SQL writes it. */
  readonly name: string
  readonly type: string
  /** Its place in the primary key, from 1; 0 when it is not in it. */
  readonly keyPlace: number
  readonly isUnique: boolean
  readonly hasDefault: boolean
  readonly isNotNull: boolean
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** What is in a database, read again when its schema has changed. */
export class World {
  readonly database: Database.Database
  #version: unknown
  #tables: readonly TableInfo[] = []

  constructor(database: Database.Database) {
    this.database = database
  }

  /** What rows can be put into: neither shadow tables nor SQLite's own. */
  get tables(): readonly TableInfo[] {
    const version = this.database.pragma('schema_version', { simple: true })
    if (version !== this.#version) {
      this.#tables = this.#read()
      this.#version = version
    }
    return this.#tables
  }

  names(kind: 'index' | 'trigger' | 'view'): string[] {
    const rows = this.database.prepare('SELECT name FROM sqlite_schema WHERE type = ? AND sql IS NOT NULL').pluck().all(kind)
    return rows.map((name) => quoteName(String(name)))
  }

  get bytes(): number {
    return (
      Number(this.database.pragma('page_count', { simple: true })) * Number(this.database.pragma('page_size', { simple: true }))
    )
  }

  /** The values of an expression in some rows of a table, as SQL writes them. */
  literals(table: TableInfo, expression: string, count: number): string[] {
    try {
      const rows = this.database.prepare(`SELECT quote(${expression}) FROM ${table.name} LIMIT ?`).pluck().all(count)
      return rows.map(String)
    } catch {
      return []
    }
  }

  #read(): TableInfo[] {
    const { database } = this
    const list = database.prepare(
      `SELECT t.name, t.type, t.wr, s.sql FROM pragma_table_list t JOIN sqlite_schema s ON s.name = t.name
       WHERE t.schema = 'main' AND t.type IN ('table', 'view', 'virtual') AND t.name NOT LIKE 'sqlite_%'`,
    )
    const rows = list.all() as { name: string; type: TableInfo['kind']; wr: number; sql: string }[]
    return rows.map(({ name, type, wr, sql }) => ({
      name: quoteName(name),
      kind: type,
      isWithoutRowid: wr === 1,
      columns: this.#columns(name),
      sql,
    }))
  }

  #columns(table: string): ColumnInfo[] {
    const { database } = this
    try {
      const unique = new Set(
        database
          .prepare(
            `SELECT i.name FROM pragma_index_list(?) l, pragma_index_info(l.name) i WHERE l."unique" GROUP BY l.name HAVING count(*) = 1`,
          )
          .pluck()
          .all(table),
      )
      const rows = database.prepare('SELECT * FROM pragma_table_xinfo(?) WHERE hidden = 0').all(table) as {
        name: string
        type: string
        pk: number
        dflt_value: string | null
        notnull: number
      }[]
      return rows.map((row) => ({
        name: quoteName(row.name),
        type: row.type,
        keyPlace: row.pk,
        isUnique: unique.has(row.name),
        hasDefault: row.dflt_value !== null,
        isNotNull: row.notnull === 1,
      }))
    } catch {
      // A view over what is gone.
      return []
    }
  }
}
