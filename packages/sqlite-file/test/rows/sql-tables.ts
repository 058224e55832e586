import type { SqliteValue, TextEncoding } from '@stemma/base'
import type Database from 'better-sqlite3'
import { decodeRecord, type SchemaRow, type TreeShape } from '../../src/index.ts'

/** A table as SQLite tells it. */
export interface SqlTable {
  readonly name: string
  readonly sql: string
  readonly layout: Layout
  /** The rows: by rowid, or by the values of the key; each as text that tells values and their types apart. */
  readonly rows: ReadonlyMap<string, string>
}

interface Layout {
  readonly hasRowid: boolean
  readonly keyCount: number
  readonly columns: readonly {
    readonly name: string
    readonly isReal: boolean
    readonly isAlias: boolean
    readonly fallback: string
  }[]
}

/** All tables that have a tree, as queries tell them. */
export function readTables(db: Database.Database): Map<string, SqlTable> {
  const tables = new Map<string, SqlTable>()
  const all = db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND rootpage > 0").all() as Named[]
  for (const { name, sql } of all) {
    const layout = layoutOf(db, name)
    const select = layout.columns
      .map(({ name: column }) => `"${column}", typeof("${column}"), CAST("${column}" AS BLOB)`)
      .join(', ')
    const query = db
      .prepare(`SELECT ${layout.hasRowid ? 'rowid, ' : ''}${select} FROM "${name}"`)
      .raw()
      .safeIntegers()
    const rows = new Map<string, string>()
    for (const row of query.iterate() as Iterable<unknown[]>) {
      const rowid = layout.hasRowid ? String(row.shift()) : ''
      const values = layout.columns.map((_, i) => showSql(row[3 * i], String(row[3 * i + 1]), row[3 * i + 2] as Uint8Array))
      rows.set(layout.hasRowid ? rowid : values.slice(0, layout.keyCount).join(), values.join())
    }
    tables.set(name, { name, sql, layout, rows })
  }
  return tables
}

/** A record as the text that `readTables` has for the same row, and its key. */
export function showRecord(
  { layout }: SqlTable,
  row: { rowid: bigint; record: Uint8Array },
  encoding: TextEncoding,
): { key: string; row: string } {
  const stored = decodeRecord(row.record, encoding)
  const values = layout.columns.map(({ isReal, isAlias, fallback }, i) => {
    if (i >= stored.length) return fallback
    if (isAlias) return `i${row.rowid}`
    const value = stored[i]!
    return show(isReal && typeof value === 'bigint' ? Number(value) : value)
  })
  return { key: layout.hasRowid ? String(row.rowid) : values.slice(0, layout.keyCount).join(), row: values.join() }
}

/** The shape of a table by its SQL. Tests write WITHOUT ROWID in capitals, and nowhere else. */
export function shapeOfIn(db: Database.Database): (row: SchemaRow) => TreeShape {
  const known = new Map<string, TreeShape>()
  return (row) => {
    if (!(row.sql ?? '').includes('WITHOUT ROWID')) return { content: 'rows', keyCount: 0 }
    let shape = known.get(row.sql!)
    if (shape === undefined) known.set(row.sql!, (shape = { content: 'keyed-rows', keyCount: layoutOf(db, row.name).keyCount }))
    return shape
  }
}

interface Named {
  readonly name: string
  readonly sql: string
}

function layoutOf(db: Database.Database, table: string): Layout {
  const { wr } = db.prepare(`SELECT wr FROM pragma_table_list(?)`).get(table) as { wr: number }
  const infos = (db.prepare('SELECT * FROM pragma_table_xinfo(?)').all(table) as Info[]).filter((info) => info.hidden !== 2)
  const keys = infos.filter((info) => info.pk > 0).sort((a, b) => a.pk - b.pk)
  const alias = wr === 0 && keys.length === 1 && /^INTEGER$/i.test(keys[0]!.type) ? keys[0] : undefined
  const ordered = wr === 0 ? infos : [...keys, ...infos.filter((info) => info.pk === 0)]
  return {
    hasRowid: wr === 0,
    keyCount: wr === 0 ? 0 : keys.length,
    columns: ordered.map((info) => {
      const isReal = /REAL|FLOA|DOUB/i.test(info.type) && !/INT|CHAR|CLOB|TEXT|BLOB/i.test(info.type)
      const fallback = fallbackOf(db, info.dflt_value)
      return { name: info.name, isReal, isAlias: info === alias, fallback: isReal ? fallback.replace(/^i/, 'r') : fallback }
    }),
  }
}

interface Info {
  readonly name: string
  readonly type: string
  readonly dflt_value: string | null
  readonly pk: number
  readonly hidden: number
}

function fallbackOf(db: Database.Database, expression: string | null): string {
  if (expression === null) return 'null'
  const query = db.prepare(`SELECT x, typeof(x), CAST(x AS BLOB) FROM (SELECT ${expression} AS x)`)
  const [value, type, bytes] = query.raw().safeIntegers().get() as [unknown, string, Uint8Array]
  return showSql(value, type, bytes)
}

function showSql(value: unknown, type: string, bytes: Uint8Array | null): string {
  switch (type) {
    case 'null':
      return 'null'
    case 'integer':
      return `i${String(value)}`
    case 'real':
      return showReal(value as number)
    case 'text':
      return `t${Buffer.from(bytes!).toString('base64')}`
    default:
      return `b${Buffer.from(bytes!).toString('base64')}`
  }
}

function show(value: SqliteValue): string {
  if (value === null) return 'null'
  if (typeof value === 'bigint') return `i${value}`
  if (typeof value === 'number') return showReal(value)
  if (value instanceof Uint8Array) return `b${Buffer.from(value).toString('base64')}`
  return `t${Buffer.from(value.bytes).toString('base64')}`
}

function showReal(value: number): string {
  return `r${Object.is(value, -0) ? '0' : String(value)}`
}
