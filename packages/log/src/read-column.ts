import type { SqliteValue } from '@stemma/base'
import type { TableLayout } from './rows.ts'

/**
 * One value of a decoded record as SQL reads it: the rowid where the column is an alias of it, a double where a REAL column stores an integer,
 * the default where the row is older than the column.
 *
 * @param at - where the record has it
 * @param index - which column of the layout it is
 */
export function readColumn(
  rowid: bigint,
  stored: readonly SqliteValue[],
  at: number,
  index: number,
  layout: TableLayout,
): SqliteValue {
  if (index === layout.rowidColumn) return rowid
  const column = layout.columns[index]!
  const value = at < stored.length ? stored[at]! : column.defaultValue
  return typeof value === 'bigint' && column.affinity === 'real' ? Number(value) : value
}
