import { StemmaError, type TextEncoding } from '@stemma/base'
import { readColumn, type RowChange, type TableChanges, type TableLayout } from '@stemma/log'
import { decodeRecord } from '@stemma/sqlite-file'
import { showValues, type NamedValues } from './event-json.ts'

/** One event about a row, less what all events of its commit and table have. */
export interface RowEvent {
  readonly op: 'c' | 'u' | 'd'
  /** Undefined in a table without a primary key. */
  readonly key: NamedValues | undefined
  readonly before: NamedValues | undefined
  readonly after: NamedValues | undefined
}

/**
 * The events of a table, in the order of its rows. A row whose key changed is two events, of the old key and of the new, as consumers that keep
 * rows by key need it.
 *
 * @throws StemmaError ROWS_UNKNOWN when it is not told what the table's columns are
 */
export function* rowEvents(table: TableChanges, encoding: TextEncoding): Generator<RowEvent, void, undefined> {
  const { name, layout } = table
  if (layout === undefined) throw new StemmaError('ROWS_UNKNOWN', `the columns of ${name} are not told`, { table: name })
  const layoutBefore = table.layoutBefore ?? layout
  for (const row of table.rows()) {
    if (row.columns !== undefined || (row.kind !== 'insert' && row.before === undefined))
      throw new StemmaError('ROWS_UNKNOWN', `a row of ${name} is not told whole`, { table: name })
    const before = row.before && readSide(row, row.before, layoutBefore, encoding)
    const after = row.after && readSide(row, row.after, layout, encoding)
    if (before === undefined) yield { op: 'c', key: after?.key, before: undefined, after: after?.values }
    else if (after === undefined) yield { op: 'd', key: before.key, before: before.values, after: undefined }
    else if (showValues(before.key) === showValues(after.key))
      yield { op: 'u', key: after.key, before: before.values, after: after.values }
    else {
      yield { op: 'd', key: before.key, before: before.values, after: undefined }
      yield { op: 'c', key: after.key, before: undefined, after: after.values }
    }
  }
}

interface Side {
  readonly key: NamedValues | undefined
  readonly values: NamedValues
}

function readSide(row: RowChange, record: Uint8Array, layout: TableLayout, encoding: TextEncoding): Side {
  const stored = decodeRecord(record, encoding)
  const { columns, primaryKey } = layout
  const valueOf = (index: number): NamedValues[number] => [
    columns[index]!.name,
    readColumn(row.rowid, stored, index, index, layout),
  ]
  const order = layout.declaredOrder ?? columns.map((_, index) => index)
  // A key may name a column twice, under two collations.
  const key = primaryKey.filter((index, i) => primaryKey.findIndex((each) => columns[each]!.name === columns[index]!.name) === i)
  return { key: key.length === 0 ? undefined : key.map(valueOf), values: order.map(valueOf) }
}
