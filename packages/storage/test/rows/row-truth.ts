import { TableCatalog, betterSqlite3 } from '@stemma/storage'
import type Database from 'better-sqlite3'
import { showValue } from './row-copy.ts'

interface SchemaRow {
  readonly type: string
  readonly name: string
  readonly tbl_name: string
  readonly rootpage: number
  readonly sql: string | null
}

/** All rows of all tables and the schema, as SQLite gives them: the same text as of a `RowCopy`. */
export class RowTruth {
  readonly #catalog = new TableCatalog(betterSqlite3, 'utf-8')

  show(database: Database.Database): string {
    const schema = database.prepare('SELECT * FROM sqlite_schema').all() as SchemaRow[]
    const told = schema.filter((row) => !/^_stemma_/i.test(row.tbl_name))
    const pragma = (name: string): string => `${name} ${String(database.pragma(name, { simple: true }))}`
    const lines = [`${pragma('user_version')}, ${pragma('application_id')}`]
    for (const { type, name, tbl_name: tableName, sql } of told) lines.push(`${type} ${name} ${tableName} ${sql}`)
    for (const row of told) {
      if (row.type === 'table' && row.rootpage !== 0) this.#showTable(database, row, lines)
    }
    return lines.sort().join('\n')
  }

  close(): void {
    this.#catalog.close()
  }

  #showTable(database: Database.Database, { name, sql }: SchemaRow, lines: string[]): void {
    const { layout, rowidName, shape } = this.#catalog.describe({ name, sql: sql! })
    const rowid = rowidName ?? (layout.rowidColumn === undefined ? undefined : quote(layout.columns[layout.rowidColumn]!.name))
    if (rowid === undefined && shape.keyCount === 0) throw new Error(`nobody can know the rowids of ${name}`)
    const columns = layout.columns.map((column) => quote(column.name))
    const rows = database
      .prepare(`SELECT ${rowid ?? 0}, ${columns.join()} FROM ${quote(name)}`)
      .safeIntegers()
      .raw()
      .all()
    for (const [key, ...values] of rows as never[][]) {
      lines.push(`${name} ${shape.keyCount > 0 ? '' : String(key)} ${values.map(showValue).join(' ')}`)
    }
  }
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
