import type { SqliteText, SqliteValue, TextEncoding } from '@stemma/base'
import { readColumn, type TableLayout } from '@stemma/log'
import { decodeRecord, newText, showText } from '@stemma/sqlite-file'

/** How the columns of a changeset and those of a table's records go together. */
export interface TableColumns {
  readonly layout: TableLayout
  /** The changeset's columns, as indexes of the layout's: as declared, without generated ones. */
  readonly told: readonly number[]
  /** For each of them its place in the primary key, from 1, or 0. */
  readonly key: readonly number[]
  /** True when records are just these columns, so that a record can be had back. */
  readonly isWhole: boolean
}

/** A source gives the same layout again and again. */
const known = new WeakMap<TableLayout, TableColumns>()

export function columnsOf(layout: TableLayout): TableColumns {
  let columns = known.get(layout)
  if (columns === undefined) known.set(layout, (columns = findColumns(layout)))
  return columns
}

function findColumns(layout: TableLayout): TableColumns {
  const { columns, declaredOrder, primaryKey } = layout
  const told = (declaredOrder ?? columns.map((_, i) => i)).filter((index) => !columns[index]!.isGenerated)
  // A key may name a column twice, under two collations: records then have it twice.
  const names = primaryKey.map((index) => columns[index]!.name)
  const key = told.map((index) => 1 + names.indexOf(columns[index]!.name))
  return { layout, told, key, isWhole: told.length === columns.length }
}

/** The values of a row in the order of a changeset, and whether they tell all of it. */
export interface ToldRow {
  readonly values: readonly SqliteValue[]
  readonly isExact: boolean
}

/** The values of a record as a changeset tells them: texts are UTF-8. */
export function tellRow(rowid: bigint, record: Uint8Array, columns: TableColumns, encoding: TextEncoding): ToldRow {
  const stored = decodeRecord(record, encoding)
  const read = columns.told.map((index) => readColumn(rowid, stored, index, index, columns.layout))
  return { values: read.map(tellValue), isExact: encoding === 'utf-8' || read.every(isExactlyTold) }
}

function tellValue(value: SqliteValue): SqliteValue {
  return isWideText(value) ? newText(showText(value), 'utf-8') : value
}

/** False for a text whose bytes its characters don't give back. */
function isExactlyTold(value: SqliteValue): boolean {
  return !isWideText(value) || (value.bytes.byteLength % 2 === 0 && showText(value).isWellFormed())
}

function isWideText(value: SqliteValue): value is SqliteText {
  return value !== null && typeof value === 'object' && !(value instanceof Uint8Array) && value.encoding !== 'utf-8'
}

/** The values of a row under another layout of its table, by the names of the columns: as ALTER TABLE leaves them. */
export function tellUnder(row: ToldRow, from: TableColumns, to: TableColumns): ToldRow {
  const byName = new Map(from.told.map((index, i) => [from.layout.columns[index]!.name, row.values[i]!]))
  const values = to.told.map((index, i) => {
    const value = byName.get(to.layout.columns[index]!.name)
    if (value !== undefined) return value
    // A column that was renamed is where it was.
    const isRenamed = from.told.length === to.told.length && !hasColumn(to, from.layout.columns[from.told[i]!]!.name)
    return isRenamed ? row.values[i]! : tellValue(readColumn(0n, [], 0, index, to.layout))
  })
  return { values, isExact: row.isExact }
}

function hasColumn({ layout }: TableColumns, name: string): boolean {
  return layout.columns.some((column) => column.name === name)
}

/** True when SQLite's session extension would take two values for the same. */
export function isSameValue(a: SqliteValue, b: SqliteValue): boolean {
  if (a instanceof Uint8Array) return b instanceof Uint8Array && isSameBytes(a, b)
  if (a === null || typeof a !== 'object') return Object.is(a, b)
  return b !== null && typeof b === 'object' && 'kind' in b && isSameBytes(a.bytes, b.bytes)
}

function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
