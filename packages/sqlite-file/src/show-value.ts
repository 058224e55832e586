import { escapeControls, type SqliteText, type SqliteValue } from '@stemma/base'
import { showText } from './text.ts'

/** No more characters of a text are told, nor bytes of a blob. */
const TEXT_TOLD = 60
const BLOB_TOLD = 16

/**
 * A value as SQL would write it, shortened, for people.
 *
 * @param isReal - an integer is one only in how it is stored, as a column of type REAL does with numbers without a fraction
 */
export function showValue(value: SqliteValue, isReal = false): string {
  if (value === null) return 'NULL'
  if (typeof value === 'bigint') return isReal ? showReal(Number(value)) : String(value)
  if (typeof value === 'number') return showReal(value)
  return value instanceof Uint8Array ? showBlob(value) : quote(value)
}

/** A name as people write it in SQL: as it is, or in double quotes. */
export function showName(name: string): string {
  return /^[\p{L}_][\p{L}\p{N}_$]*$/u.test(name) ? name : `"${escapeControls(name.replaceAll('"', '""'))}"`
}

function showReal(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '9e999' : '-9e999'
  const text = Object.is(value, -0) ? '-0' : String(value)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}

function showBlob(bytes: Uint8Array): string {
  const start = Array.from(bytes.subarray(0, BLOB_TOLD), (byte) => byte.toString(16).padStart(2, '0')).join('')
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
