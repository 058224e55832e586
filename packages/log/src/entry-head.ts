import { StemmaError, type Milliseconds } from '@stemma/base'
import { BytesReader } from './varint.ts'

/** What a log needs to know of an entry without looking inside. */
export interface EntryHead {
  readonly sequence: number
  readonly committedAt: Milliseconds
  /** Size with its envelope, in bytes. */
  readonly byteLength: number
}

/**
 * Reads an entry's place, time and length, without checking its checksum: for walking over entries that were checked before.
 *
 * @returns undefined when the bytes end before the entry does
 * @throws StemmaError DAMAGED_ENTRY when there is no entry at this offset
 */
export function decodeEntryHead(bytes: Uint8Array, offset: number): EntryHead | undefined {
  if (bytes.byteLength - offset < 5) return undefined
  if (bytes[offset] !== 0x53 || bytes[offset + 1] !== 0x74) {
    throw new StemmaError('DAMAGED_ENTRY', `there is no entry at byte ${offset}`, { offset })
  }
  const reader = new BytesReader(bytes, offset + 5 + bytes[offset + 4]!)
  if (reader.left < 0) return undefined
  const formatVersion = reader.varint()
  const epoch = reader.varint()
  const sequence = reader.varint()
  const committedAt = reader.varint()
  if (formatVersion === undefined || epoch === undefined || sequence === undefined || committedAt === undefined) return undefined
  reader.offset += 16
  const payloadLength = reader.varint()
  if (payloadLength === undefined) return undefined
  const byteLength = reader.offset + payloadLength + 4 - offset
  return offset + byteLength > bytes.byteLength ? undefined : { sequence, committedAt, byteLength }
}
