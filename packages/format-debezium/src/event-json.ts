import type { SqliteValue } from '@stemma/base'
import { showText } from '@stemma/sqlite-file'

/** The values of a row by the names of its columns, in the order in which the table declares them. */
export type NamedValues = readonly (readonly [name: string, value: SqliteValue])[]

/** Values as a JSON object; null where there is no row, or no key. */
export function showValues(values: NamedValues | undefined): string {
  if (values === undefined) return 'null'
  return `{${values.map(([name, value]) => `${JSON.stringify(name)}:${showValue(value)}`).join(',')}}`
}

/**
 * A value as Debezium's JSON has it.
 *
 * | SQLite | JSON |
 * | --- | --- |
 * | NULL | `null` |
 * | INTEGER | a number without a point, all its digits: an int64, as Debezium writes it. A reader that takes numbers for doubles rounds those beyond 2^53 |
 * | REAL | a number with a point or an exponent; `"Infinity"`, `"-Infinity"` |
 * | TEXT | a string. Bytes that are no text of the database's encoding become U+FFFD |
 * | BLOB | a string of base64, as Debezium's bytes |
 */
export function showValue(value: SqliteValue): string {
  if (value === null) return 'null'
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return showReal(value)
  if (value instanceof Uint8Array) return `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')}"`
  return JSON.stringify(showText(value).toWellFormed())
}

function showReal(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`
  const text = Object.is(value, -0) ? '-0' : String(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}
