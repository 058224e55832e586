import { StemmaError, type PageNumber, type SqliteValue, type TextEncoding } from '@stemma/base'
import { readPayload } from './overflow.ts'
import type { Pages } from './pages.ts'
import { decodeRecord } from './record.ts'
import { showText } from './text.ts'
import { walkTree } from './tree.ts'

/** What a row of the schema stands for. */
export type SchemaKind = 'table' | 'index' | 'view' | 'trigger'

/** One row of `sqlite_schema`: a table, index, view or trigger. */
export interface SchemaRow {
  readonly rowid: bigint
  readonly kind: SchemaKind
  readonly name: string
  /** The table or view it belongs to; its own name for a table or view. */
  readonly tableName: string
  /** The root page of its tree; 0 when it has none, as views, triggers and virtual tables. */
  readonly rootPage: PageNumber
  /** The SQL that made it; undefined for an index that SQLite made by itself. */
  readonly sql: string | undefined
}

/** The root page of the schema itself. */
export const SCHEMA_ROOT: PageNumber = 1

/**
 * All rows of a database's schema, in the order of their rowids. The table `sqlite_schema` itself is not among them.
 *
 * @throws StemmaError DAMAGED_FILE when the schema makes no sense
 * @see https://sqlite.org/fileformat2.html#storage_of_the_sql_database_schema
 */
export function readSchema(pages: Pages, encoding: TextEncoding): SchemaRow[] {
  const rows: SchemaRow[] = []
  for (const { page, cell } of walkTree(pages, SCHEMA_ROOT)) {
    rows.push(decodeSchemaRow(cell.rowid ?? 0n, decodeRecord(readPayload(pages, page, cell), encoding)))
  }
  return rows
}

/**
 * Gives names to the columns of one row of `sqlite_schema`.
 *
 * @throws StemmaError DAMAGED_FILE when it is no such row
 */
export function decodeSchemaRow(rowid: bigint, columns: readonly SqliteValue[]): SchemaRow {
  const [type, name, tableName, rootPage, sql] = columns
  const kind = textOf(type)
  const root = rootPage === null ? 0n : rootPage
  const row = { rowid, name: textOf(name), tableName: textOf(tableName), sql: sql === null ? undefined : textOf(sql) }
  if (row.name === undefined || row.tableName === undefined || (sql !== null && row.sql === undefined)) throw damagedRow(rowid)
  if (kind !== 'table' && kind !== 'index' && kind !== 'view' && kind !== 'trigger') throw damagedRow(rowid)
  if (typeof root !== 'bigint' || root < 0n || root > 0xffffffffn) throw damagedRow(rowid)
  return { ...row, kind, name: row.name, tableName: row.tableName, rootPage: Number(root) }
}

function textOf(value: SqliteValue | undefined): string | undefined {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return undefined
  return showText(value)
}

function damagedRow(rowid: bigint): StemmaError {
  return new StemmaError('DAMAGED_FILE', `row ${rowid} of the schema is damaged`, { rowid })
}
