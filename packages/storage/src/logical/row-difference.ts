import { StemmaError, showPosition, type Position } from '@stemma/base'
import { quoteName } from './quote.ts'
import type { HeldRow, HeldValue } from './table-writer.ts'

/** A row of the copy that is not what the leader's commit says it was. */
export interface FoundDifference {
  readonly operation: 'insert' | 'update' | 'delete'
  readonly table: string
  /** The row's identity: `rowid 7`, or the values of its primary key. */
  readonly key: string
  readonly position: Position
  /** The row as the copy has it: `name = 'a', size = 3`; undefined when it has none. */
  readonly here: string | undefined
  /** The row as the leader had it before the commit; undefined when there was none, or the entry does not tell. */
  readonly leader: string | undefined
}

/** The error that stops a copy at a difference. */
export function rowDiffers(difference: FoundDifference): StemmaError {
  return new StemmaError('ROW_DIFFERS', showDifference(difference), { ...difference })
}

/** Says for people in what a copy differs from what the leader had, before a commit was applied. */
export function showDifference({ operation, table, key, position, here, leader }: FoundDifference): string {
  const what = `the commit at ${showPosition(position)} ${operation}s ${key} of ${quoteName(table)}`
  return `${what}: the copy has ${here ?? 'no such row'}, the leader had ${leader ?? 'none'} before`
}

/** The columns of a row by name. */
export function showRow(row: HeldRow, names: readonly string[]): string {
  return row.flatMap((held, i) => (held === undefined ? [] : `${names[i] ?? '?'} = ${showHeld(held)}`)).join(', ')
}

export function showHeld({ isText, value }: HeldValue): string {
  if (value instanceof Uint8Array) {
    const shown = value.subarray(0, SHOWN_BYTES)
    const more = value.byteLength > SHOWN_BYTES ? ` and ${value.byteLength - SHOWN_BYTES} bytes more` : ''
    const buffer = Buffer.from(shown.buffer, shown.byteOffset, shown.byteLength)
    return isText ? `'${showText(buffer)}'${more}` : `x'${buffer.toString('hex')}'${more}`
  }
  if (typeof value === 'number') return Number.isInteger(value) ? `${Object.is(value, -0) ? '-0' : value}.0` : String(value)
  return value === null ? 'NULL' : String(value)
}

/** True when two rows are the same, value by value, as far as both go. */
export function isSameRow(a: HeldRow, b: HeldRow): boolean {
  return a.every((held, i) => held === undefined || b[i] === undefined || isSameValue(held, b[i]!))
}

function isSameValue(a: HeldValue, b: HeldValue): boolean {
  if (a.isText !== b.isText) return false
  if (a.value instanceof Uint8Array) return b.value instanceof Uint8Array && Buffer.compare(a.value, b.value) === 0
  return Object.is(a.value, b.value)
}

// Texts of UTF-16 are shown by their characters too.
function showText(bytes: Buffer): string {
  const zeros = bytes.filter((byte) => byte === 0).length
  if (zeros * 3 < bytes.byteLength) return bytes.toString('utf8').replaceAll("'", "''")
  const isBig = bytes[0] === 0
  return (isBig ? Buffer.from(bytes.subarray(0, bytes.byteLength & ~1)).swap16() : bytes)
    .toString('utf16le')
    .replaceAll("'", "''")
}

const SHOWN_BYTES = 200
