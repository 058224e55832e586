import type { SqliteValue, TextEncoding } from '@stemma/base'
import type { RowChange, TableLayout } from '@stemma/log'
import { decodeRecord, showName, showValue } from '@stemma/sqlite-file'

/** A row's values, as a person reads them. */
export interface ShownRow {
  readonly layout: TableLayout | undefined
  readonly values: readonly ShownValue[]
}

interface ShownValue {
  /** Of the layout's columns. */
  readonly index: number
  readonly value: SqliteValue
  readonly text: string
}

/**
 * The values of a row, as its layout says that they are to be read: a rowid where the column is an alias of it, a default where the
 * row is shorter than its table, a real where it is stored as an integer. Without a layout, as they are stored.
 *
 * @throws StemmaError DAMAGED_FILE when the record makes no sense
 */
export function readValues(
  row: RowChange,
  record: Uint8Array,
  layout: TableLayout | undefined,
  encoding: TextEncoding,
): ShownRow {
  const stored = decodeRecord(record, encoding)
  const columns = row.columns ?? Array.from({ length: Math.max(stored.length, layout?.columns.length ?? 0) }, (_, i) => i)
  const values = columns.map((index, i): ShownValue => {
    const column = layout?.columns[index]
    const isRowid = layout?.rowidColumn === index
    const value = isRowid ? row.rowid : (stored[i] ?? (i < stored.length ? null : (column?.defaultValue ?? null)))
    return { index, value, text: showValue(value, column?.affinity === 'real') }
  })
  return { layout, values }
}

export function isSameValue(a: SqliteValue, b: SqliteValue): boolean {
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0
  if (a === null || typeof a !== 'object') return Object.is(a, b)
  return b !== null && typeof b === 'object' && 'kind' in b && Buffer.compare(a.bytes, b.bytes) === 0
}

/** A column by its name, where that is known, or by its number. */
export function showColumn(layout: TableLayout | undefined, index: number): string {
  const name = layout?.columns[index]?.name
  return name === undefined ? `column ${index + 1}` : showName(name)
}
