import type { TextEncoding } from '@stemma/base'
import {
  damagedPayload,
  escapeControls,
  type CommitRows,
  type EntryDescription,
  type RowChange,
  type SchemaChange,
  type SchemaObject,
  type TableChanges,
  type TableLayout,
} from '@stemma/log'
import { showName, showValue } from '@stemma/sqlite-file'
import { decodePayload } from './decode.ts'
import { COMPRESSED } from './layout.ts'
import { isSameValue, readValues, showColumn, type ShownRow } from './show-row.ts'

/** No more rows than these get a line of their own. */
const ROWS_TOLD = 256
/** No more tables than these are named in the summary. */
const TABLES_TOLD = 8
/** No more characters of SQL are told. */
const SQL_TOLD = 200

/** What earlier entries told of a table. */
export type LayoutOf = (table: string) => TableLayout | undefined

/** Explains a payload to people: what it does to which table, then a line for each row. */
export function describePayload(payload: Uint8Array, layoutOf: LayoutOf = () => undefined): EntryDescription {
  const rows = decodePayload(payload)
  const details = rows.schema.map(showChange)
  if (rows.userVersion !== undefined) details.push(`user_version: ${rows.userVersion}`)
  if (rows.applicationId !== undefined) details.push(`application_id: ${rows.applicationId}`)
  const counts = rows.tables.map((table) => countRows(table))
  details.push(...showRows(rows, layoutOf))
  const total = counts.reduce((sum, count) => sum + count.insert + count.update + count.delete, 0)
  if (total > ROWS_TOLD) details.push(`and ${total - ROWS_TOLD} rows more`)
  const isCompressed = (payload[0]! & COMPRESSED) !== 0
  const parts = [
    ...showSchemaCounts(rows),
    ...rows.tables.slice(0, TABLES_TOLD).map((table, i) => `${showName(table.name)}: ${showCounts(counts[i]!)}`),
  ]
  if (rows.tables.length > TABLES_TOLD) parts.push(`${plural(rows.tables.length - TABLES_TOLD, 'more table')}`)
  if (parts.length === 0) parts.push('no rows')
  parts.push(`${payload.byteLength} bytes${isCompressed ? ', compressed' : ''}`)
  return { summary: parts.join('; '), details }
}

type Counts = Record<RowChange['kind'], number>

function countRows(table: TableChanges): Counts {
  const counts = { insert: 0, update: 0, delete: 0 }
  for (const { kind } of table.rows()) counts[kind]++
  return counts
}

function showCounts(counts: Counts): string {
  const parts = (['insert', 'update', 'delete'] as const).filter((kind) => counts[kind] > 0)
  return parts.length === 0 ? 'no rows' : parts.map((kind) => plural(counts[kind], kind)).join(', ')
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

function showSchemaCounts({ schema, userVersion, applicationId }: CommitRows): string[] {
  const parts: string[] = []
  if (schema.length > 0) parts.push(plural(schema.length, 'schema change'))
  if (userVersion !== undefined) parts.push(`user_version ${userVersion}`)
  if (applicationId !== undefined) parts.push(`application_id ${applicationId}`)
  return parts
}

function showChange(change: SchemaChange): string {
  switch (change.kind) {
    case 'create':
      return `create ${showObject(change.object)}${showSql(change.object)}`
    case 'drop':
      return `drop ${showObject(change.object)}`
    case 'alter':
      return `alter ${showObject(change.before)} to ${showObject(change.after)}${showSql(change.after)}`
  }
}

function showObject({ kind, name, tableName }: SchemaObject): string {
  return `${kind} ${showName(name)}${tableName === name ? '' : ` on ${showName(tableName)}`}`
}

function showSql({ sql }: SchemaObject): string {
  if (sql === undefined) return ''
  const line = sql.replaceAll(/\s+/g, ' ')
  return `: ${escapeControls(line.length > SQL_TOLD ? `${line.slice(0, SQL_TOLD)}...` : line)}`
}

function* showRows({ tables, textEncoding }: CommitRows, layoutOf: LayoutOf): Generator<string, void, void> {
  let told = 0
  for (const table of tables) {
    const layout = table.layout ?? layoutOf(table.name)
    for (const row of table.rows()) {
      if (told++ === ROWS_TOLD) return
      yield showRow({ table, layout, encoding: textEncoding }, row)
    }
  }
}

interface Shown {
  readonly table: TableChanges
  readonly layout: TableLayout | undefined
  readonly encoding: TextEncoding
}

function showRow({ table, layout, encoding }: Shown, row: RowChange): string {
  const { layoutBefore = layout } = table
  try {
    const before = row.before && readValues(row, row.before, layoutBefore, encoding)
    const after = row.after && readValues(row, row.after, layout, encoding)
    const what = before !== undefined && after !== undefined ? showUpdate(before, after) : showWhole(after ?? before)
    return `${showName(table.name)}: ${row.kind} ${showKey(table, row, after ?? before, layout)}${what === '' ? '' : `: ${what}`}`
  } catch (cause) {
    throw damagedPayload(0, `a row of ${table.name} is no record`, cause)
  }
}

/** What a row is known by. */
function showKey(table: TableChanges, row: RowChange, shown: ShownRow | undefined, layout: TableLayout | undefined): string {
  if (table.keyCount === 0) return `rowid ${row.rowid}`
  const key = shown?.values.slice(0, table.keyCount) ?? []
  return `key (${key.map(({ index, value }) => showValue(value, layout?.columns[index]?.affinity === 'real')).join(', ')})`
}

function showWhole(row: ShownRow | undefined): string {
  if (row === undefined) return ''
  return row.values.map(({ index, text }) => `${showColumn(row.layout, index)}=${text}`).join(', ')
}

/** The columns that differ, or all of one side that the other doesn't have. */
function showUpdate(before: ShownRow, after: ShownRow): string {
  const olds = new Map(before.values.map((value) => [showColumn(before.layout, value.index), value]))
  const parts: string[] = []
  for (const { index, value, text } of after.values) {
    const name = showColumn(after.layout, index)
    const old = olds.get(name)
    olds.delete(name)
    if (old === undefined) parts.push(`${name}=${text}`)
    else if (!isSameValue(old.value, value)) parts.push(`${name}=${old.text} -> ${text}`)
  }
  for (const [name, old] of olds) parts.push(`${name}=${old.text} -> nothing`)
  return parts.length === 0 ? 'nothing that shows' : parts.join(', ')
}
