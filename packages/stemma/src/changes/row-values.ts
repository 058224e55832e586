import type { SqliteText, SqliteValue, TextEncoding } from '@stemma/base'
import { readColumn, type RowChange, type TableLayout } from '@stemma/log'
import { decodeRecord, showText } from '@stemma/sqlite-file'

/**
 * One value of a row, as a program takes it: exactly what SQLite has.
 *
 * | SQLite | here |
 * | --- | --- |
 * | NULL | `null` |
 * | INTEGER | `bigint` |
 * | REAL | `number`, the exact double |
 * | TEXT | `string`; its bytes (`kind: 'text'`) when they are no valid text of the database's encoding |
 * | BLOB | `Uint8Array` |
 */
export type ChangeValue = null | bigint | number | string | SqliteText | Uint8Array

/** The values of a row by the names of its columns. It has no prototype: any name may be a column's. */
export type ChangeValues = Readonly<Record<string, ChangeValue>>

/**
 * Reads a record as its layout says: the rowid where a column is an alias of it, a double where a REAL column stores an integer, the default
 * where the row is older than the column. Columns that the record does not tell are left out, and so are generated columns that are not stored.
 *
 * @throws StemmaError DAMAGED_FILE when the record makes no sense
 */
export function readValues(row: RowChange, record: Uint8Array, layout: TableLayout, encoding: TextEncoding): ChangeValues {
  const stored = decodeRecord(record, encoding)
  const values = Object.create(null) as Record<string, ChangeValue>
  const count = row.columns?.length ?? layout.columns.length
  for (let i = 0; i < count; i++) {
    const index = row.columns?.[i] ?? i
    const column = layout.columns[index]
    if (column === undefined) continue
    values[column.name] = plainValue(readColumn(row.rowid, stored, i, index, layout))
  }
  return values
}

/** A text as a string where nothing is lost by that; blobs are copied out of what they are views of. */
export function plainValue(value: SqliteValue): ChangeValue {
  if (value instanceof Uint8Array) return value.slice()
  if (value === null || typeof value !== 'object') return value
  return readText(value) ?? { ...value, bytes: value.bytes.slice() }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The characters of a text; undefined when its bytes are not just those. */
function readText(text: SqliteText): string | undefined {
  if (text.encoding !== 'utf-8') {
    const characters = showText(text)
    return text.bytes.byteLength % 2 === 0 && characters.isWellFormed() ? characters : undefined
  }
  try {
    return UTF8.decode(text.bytes)
  } catch {
    return undefined
  }
}
