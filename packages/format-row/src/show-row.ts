import type { SqliteText, SqliteValue, TextEncoding } from '@stemma/base'
import { escapeControls, type Affinity, type RowChange, type TableLayout } from '@stemma/log'
import { decodeRecord, showText } from '@stemma/sqlite-file'

/** No more characters of a text are told, nor bytes of a blob. */
const TEXT_TOLD = 60
const BLOB_TOLD = 16

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
    return { index, value, text: showValue(value, column?.affinity) }
  })
  return { layout, values }
}

export function isSameValue(a: SqliteValue, b: SqliteValue): boolean {
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0
  if (a === null || typeof a !== 'object') return Object.is(a, b)
  return b !== null && typeof b === 'object' && 'kind' in b && Buffer.compare(a.bytes, b.bytes) === 0
}

/** A value as SQL would write it, shortened. */
export function showValue(value: SqliteValue, affinity: Affinity | undefined): string {
  if (value === null) return 'NULL'
  if (typeof value === 'bigint') return affinity === 'real' ? showReal(Number(value)) : String(value)
  if (typeof value === 'number') return showReal(value)
  return value instanceof Uint8Array ? showBlob(value) : quote(value)
}

/** A name as people write it in SQL: as it is, or in double quotes. */
export function showName(name: string): string {
  return /^[\p{L}_][\p{L}\p{N}_$]*$/u.test(name) ? name : `"${escapeControls(name.replaceAll('"', '""'))}"`
}

/** A column by its name, where that is known, or by its number. */
export function showColumn(layout: TableLayout | undefined, index: number): string {
  const name = layout?.columns[index]?.name
  return name === undefined ? `column ${index + 1}` : showName(name)
}

function showReal(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '9e999' : '-9e999'
  const text = Object.is(value, -0) ? '-0' : String(value)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}

function showBlob(bytes: Uint8Array): string {
  const start = Buffer.from(bytes.subarray(0, BLOB_TOLD)).toString('hex')
  return bytes.byteLength > BLOB_TOLD ? `x'${start}...' (${bytes.byteLength} bytes)` : `x'${start}'`
}

function quote(text: SqliteText): string {
  // Four bytes hold a character in every encoding.
  const start = showText({ ...text, bytes: text.bytes.subarray(0, 4 * (TEXT_TOLD + 1)) })
  const characters = Array.from(start)
  const isLong = characters.length > TEXT_TOLD
  const shown = escapeControls((isLong ? characters.slice(0, TEXT_TOLD).join('') : start).replaceAll("'", "''"))
  return isLong ? `'${shown}...' (${text.bytes.byteLength} bytes)` : `'${shown}'`
}
