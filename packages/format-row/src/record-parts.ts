import type { PayloadWriter } from '@stemma/log'
import { sizeOfSerialType } from '@stemma/sqlite-file'
import { COLUMNS_MAX } from './layout.ts'

/** Where the columns of a record are: in its header and in its body. To be used again for the next record. */
export class RecordParts {
  record: Uint8Array = new Uint8Array(0)
  /** Columns in the record; -1 when it makes no sense. */
  count = -1
  /** Offsets of the columns' serial types; behind the last: the end of the header. */
  types: Int32Array = new Int32Array(64)
  /** Offsets of the columns' bytes; behind the last: the end of the body. */
  bodies: Int32Array = new Int32Array(64)

  /** Finds the columns of a record; false when it is none, or has bytes behind the last column. */
  find(record: Uint8Array): boolean {
    this.record = record
    this.count = -1
    return findRecordEnd(record, 0, record.byteLength, this) === record.byteLength
  }

  grow(): void {
    const types = new Int32Array(this.types.length * 2)
    const bodies = new Int32Array(this.types.length * 2)
    types.set(this.types)
    bodies.set(this.bodies)
    this.types = types
    this.bodies = bodies
  }
}

/**
 * Where the record that begins at `start` ends, as it says itself; -1 when it makes no sense, or goes beyond `end`.
 *
 * @param parts - takes down where the columns are
 */
export function findRecordEnd(bytes: Uint8Array, start: number, end: number, parts?: RecordParts): number {
  let at = start
  if (at >= end || end > OFFSET_MAX) return -1
  let headerSize = bytes[at++]!
  if (headerSize >= 0x80) {
    headerSize &= 0x7f
    let byte: number
    do {
      if (at >= end || at > start + HEADER_SIZE_BYTES_MAX) return -1
      byte = bytes[at++]!
      headerSize = headerSize * 0x80 + (byte & 0x7f)
    } while (byte >= 0x80)
  }
  const headerEnd = start + headerSize
  if (headerEnd < at || headerEnd > end) return -1
  let body = headerEnd
  let count = 0
  while (at < headerEnd) {
    if (count === COLUMNS_MAX) return -1
    if (parts !== undefined) {
      if (count + 1 >= parts.types.length) parts.grow()
      parts.types[count] = at
      parts.bodies[count] = body
    }
    count++
    let type = bytes[at++]!
    if (type >= 0x80) {
      type &= 0x7f
      let byte: number
      do {
        if (at >= headerEnd || type > OFFSET_MAX) return -1
        byte = bytes[at++]!
        type = type * 0x80 + (byte & 0x7f)
      } while (byte >= 0x80)
    }
    const size = sizeOfSerialType(type)
    if (size === undefined || body + size > end) return -1
    body += size
  }
  if (parts !== undefined) {
    parts.types[count] = headerEnd
    parts.bodies[count] = body
    parts.count = count
  }
  return body
}

const OFFSET_MAX = 0x7fffffff
/** A header of no record that SQLite makes takes more bytes to say its size. */
const HEADER_SIZE_BYTES_MAX = 4

/** Whether a column is the same in two records that both have it. */
export function isSameColumn(a: RecordParts, b: RecordParts, column: number): boolean {
  return (
    isSame(a.record, a.types[column]!, a.types[column + 1]!, b.record, b.types[column]!, b.types[column + 1]!) &&
    isSame(a.record, a.bodies[column]!, a.bodies[column + 1]!, b.record, b.bodies[column]!, b.bodies[column + 1]!)
  )
}

/** Whether two ranges hold the same bytes. */
export function isSame(a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number, bEnd: number): boolean {
  const length = aEnd - aStart
  if (bEnd - bStart !== length) return false
  if (length > 300) return Buffer.compare(a.subarray(aStart, aEnd), b.subarray(bStart, bEnd)) === 0
  for (let i = 0; i < length; i++) if (a[aStart + i] !== b[bStart + i]) return false
  return true
}

/** Writes a record of some of a record's columns, ascending. */
export function writeColumns(writer: PayloadWriter, parts: RecordParts, columns: readonly number[]): void {
  const { record, types, bodies } = parts
  let typesSize = 0
  for (const column of columns) typesSize += types[column + 1]! - types[column]!
  // The header's size counts itself: 1, 2 or 3 bytes.
  const own = typesSize + 1 < 0x80 ? 1 : typesSize + 2 < 0x4000 ? 2 : 3
  const headerSize = typesSize + own
  writer.reserve(headerSize + record.byteLength)
  if (own === 3) writer.byte((headerSize >>> 14) | 0x80)
  if (own >= 2) writer.byte(((headerSize >>> 7) & 0x7f) | 0x80)
  writer.byte(headerSize & 0x7f)
  for (const column of columns) writer.copy(record, types[column]!, types[column + 1]!)
  for (const column of columns) writer.copy(record, bodies[column]!, bodies[column + 1]!)
}
