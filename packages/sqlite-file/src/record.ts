import { assert, type SqliteValue, type TextEncoding } from '@stemma/base'
import { damagedRecord } from './damage.ts'
import { sizeOfSqliteVarint, varintAt, varintSizeAt, writeSqliteVarint } from './varint.ts'

/**
 * Decodes a record: a row of a table, or a key of an index.
 *
 *     size of this header in bytes (varint), a serial type for each column (varints); then the columns' bytes
 *
 *     serial type   bytes   value
 *     0                0    NULL
 *     1 to 4      1 to 4    integer
 *     5                6    integer
 *     6                8    integer
 *     7                8    real; one that is no number counts as NULL
 *     8, 9             0    the integers 0 and 1
 *     10, 11                never stored
 *     even, n   (n-12)/2    blob
 *     odd, n    (n-13)/2    text
 *
 * What a column of type REAL holds may be stored as an integer when it is one, and a row may have fewer columns than its table,
 * when ALTER TABLE added some: both are for those who know the schema.
 *
 * @param payload - as `readPayload` gives it; texts and blobs of the result are views of it
 * @param encoding - of the database
 * @throws StemmaError DAMAGED_FILE when the record makes no sense
 * @see https://sqlite.org/fileformat2.html#record_format
 */
export function decodeRecord(payload: Uint8Array, encoding: TextEncoding): SqliteValue[] {
  const headerEnd = headerSizeOf(payload)
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  const values: SqliteValue[] = []
  let at = varintSizeAt(payload, 0, payload.byteLength)
  let offset = headerEnd
  while (at < headerEnd) {
    const typeSize = varintSizeAt(payload, at, headerEnd)
    const type = varintAt(payload, at)
    at += typeSize
    const size = sizeOfSerialType(type)
    if (size === undefined) throw damagedRecord(`a column has serial type ${type}`)
    if (offset + size > payload.byteLength) throw damagedRecord(`a column of ${size} bytes goes beyond its end`)
    values.push(valueAt(view, payload, offset, type, encoding))
    offset += size
  }
  return values
}

/** How many bytes a column of a serial type has; undefined for the two types that are never stored. */
export function sizeOfSerialType(type: number): number | undefined {
  if (type >= 12) return Math.floor((type - 12) / 2)
  return FIXED_SIZES[type]
}

/**
 * Encodes a record as SQLite does, with the smallest serial type for each integer.
 *
 * A real is stored as a real; whether the column's type makes it an integer, the caller decides.
 */
export function encodeRecord(values: readonly SqliteValue[]): Uint8Array<ArrayBuffer> {
  const types = values.map(serialTypeOf)
  const typesSize = types.reduce((sum, type) => sum + sizeOfSqliteVarint(type), 0)
  const headerSize = headerSizeFor(typesSize)
  const bytes = new Uint8Array(types.reduce((sum, type) => sum + sizeOfSerialType(type)!, headerSize))
  const view = new DataView(bytes.buffer)
  let at = writeSqliteVarint(bytes, 0, headerSize)
  let offset = headerSize
  for (const [i, value] of values.entries()) {
    const type = types[i]!
    const size = sizeOfSerialType(type)!
    at = writeSqliteVarint(bytes, at, type)
    if (typeof value === 'bigint') setInteger(bytes, offset, size, value)
    else if (typeof value === 'number') view.setFloat64(offset, value)
    else if (value !== null) bytes.set(value instanceof Uint8Array ? value : value.bytes, offset)
    offset += size
  }
  return bytes
}

/** The smallest serial type that holds a value. */
export function serialTypeOf(value: SqliteValue): number {
  if (value === null) return 0
  if (typeof value === 'number') return Number.isNaN(value) ? 0 : 7
  if (typeof value === 'bigint') return integerType(value)
  if (value instanceof Uint8Array) return 12 + 2 * value.byteLength
  return 13 + 2 * value.bytes.byteLength
}

const FIXED_SIZES: readonly (number | undefined)[] = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0, undefined, undefined]

function headerSizeOf(payload: Uint8Array): number {
  const own = varintSizeAt(payload, 0, payload.byteLength)
  const size = varintAt(payload, 0)
  if (size < own || size > payload.byteLength) throw damagedRecord(`its header has ${size} bytes of ${payload.byteLength}`)
  return size
}

function valueAt(view: DataView, payload: Uint8Array, offset: number, type: number, encoding: TextEncoding): SqliteValue {
  switch (type) {
    case 0:
      return null
    case 1:
      return BigInt(view.getInt8(offset))
    case 2:
      return BigInt(view.getInt16(offset))
    case 3:
      return BigInt(view.getInt8(offset) * 0x10000 + view.getUint16(offset + 1))
    case 4:
      return BigInt(view.getInt32(offset))
    case 5:
      return BigInt(view.getInt16(offset) * 0x1_0000_0000 + view.getUint32(offset + 2))
    case 6:
      return view.getBigInt64(offset)
    case 7: {
      const real = view.getFloat64(offset)
      return Number.isNaN(real) ? null : real
    }
    case 8:
      return 0n
    case 9:
      return 1n
  }
  const bytes = payload.subarray(offset, offset + sizeOfSerialType(type)!)
  return type % 2 === 0 ? bytes : { kind: 'text', encoding, bytes }
}

function headerSizeFor(typesSize: number): number {
  const size = typesSize + 1
  // The header's size counts itself, which can make it one byte longer.
  return size < 0x80 ? size : typesSize + sizeOfSqliteVarint(typesSize + sizeOfSqliteVarint(size))
}

function integerType(value: bigint): number {
  if (value === 0n) return 8
  if (value === 1n) return 9
  assert(BigInt.asIntN(64, value) === value, 'an integer of 64 bits')
  for (const [type, bits] of INTEGER_BITS) {
    if (BigInt.asIntN(bits, value) === value) return type
  }
  return 6
}

const INTEGER_BITS: readonly (readonly [type: number, bits: number])[] = [
  [1, 8],
  [2, 16],
  [3, 24],
  [4, 32],
  [5, 48],
]

function setInteger(bytes: Uint8Array, offset: number, size: number, value: bigint): void {
  let rest = BigInt.asUintN(64, value)
  for (let i = size - 1; i >= 0; i--) {
    bytes[offset + i] = Number(rest & 0xffn)
    rest >>= 8n
  }
}
