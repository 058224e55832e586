import { assert } from '@stemma/base'
import { damagedRecord } from './damage.ts'

/** No varint is longer, in bytes. */
export const VARINT_SIZE_MAX = 9

/**
 * The size in bytes of the varint that begins at `offset`: 1 to 9.
 *
 * @param end - the varint must not go beyond; at most the length of `bytes`
 * @throws StemmaError DAMAGED_FILE when it does
 * @see https://sqlite.org/fileformat2.html#varint
 */
export function varintSizeAt(bytes: Uint8Array, offset: number, end: number): number {
  let size = 1
  while (size < VARINT_SIZE_MAX && offset + size <= end && bytes[offset + size - 1]! >= 0x80) size++
  if (offset < 0 || offset + size > end) throw damagedRecord(`the number at byte ${offset} goes beyond byte ${end}`)
  return size
}

/**
 * A varint as an unsigned number: exact up to 2^53, and merely large beyond, so it is for sizes and serial types.
 * The caller has asked `varintSizeAt` before.
 */
export function varintAt(bytes: Uint8Array, offset: number): number {
  const first = bytes[offset]!
  if (first < 0x80) return first
  let value = first & 0x7f
  for (let i = 1; i < VARINT_SIZE_MAX - 1; i++) {
    const byte = bytes[offset + i]!
    value = value * 0x80 + (byte & 0x7f)
    if (byte < 0x80) return value
  }
  return value * 0x100 + bytes[offset + VARINT_SIZE_MAX - 1]!
}

/** A varint as a signed 64-bit integer, such as a rowid. The caller has asked `varintSizeAt` before. */
export function varintBigintAt(bytes: Uint8Array, offset: number): bigint {
  // Six bytes are 42 bits, which a number holds exactly; most rowids need no more.
  let value = 0
  for (let i = 0; i < 6; i++) {
    const byte = bytes[offset + i]!
    value = value * 0x80 + (byte & 0x7f)
    if (byte < 0x80) return BigInt(value)
  }
  let large = BigInt(value)
  for (let i = 6; i < VARINT_SIZE_MAX - 1; i++) {
    const byte = bytes[offset + i]!
    large = (large << 7n) | BigInt(byte & 0x7f)
    if (byte < 0x80) return large
  }
  return BigInt.asIntN(64, (large << 8n) | BigInt(bytes[offset + VARINT_SIZE_MAX - 1]!))
}

/** The size of the varint that holds a value, in bytes. */
export function sizeOfSqliteVarint(value: bigint | number): number {
  let rest = BigInt.asUintN(64, BigInt(value))
  if (rest >> 56n !== 0n) return VARINT_SIZE_MAX
  let size = 1
  while ((rest >>= 7n) !== 0n) size++
  return size
}

/**
 * Writes a varint and gives the offset behind it.
 *
 * @param value - a signed 64-bit integer, or an unsigned number
 */
export function writeSqliteVarint(bytes: Uint8Array, offset: number, value: bigint | number): number {
  const size = sizeOfSqliteVarint(value)
  assert(offset + size <= bytes.byteLength, 'room for the varint')
  let rest = BigInt.asUintN(64, BigInt(value))
  let at = offset + size - 1
  if (size === VARINT_SIZE_MAX) {
    bytes[at--] = Number(rest & 0xffn)
    rest >>= 8n
  }
  for (; at >= offset; at--) {
    bytes[at] = Number(rest & 0x7fn) | (at === offset + size - 1 ? 0 : 0x80)
    rest >>= 7n
  }
  return offset + size
}
