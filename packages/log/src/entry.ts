import { StemmaError, assert, checksum32, type Milliseconds, type Position } from '@stemma/base'
import { BytesReader, sizeOfVarint, writeVarint } from './varint.ts'

/** The version of the envelope. */
export const ENVELOPE_VERSION = 1

/** No entry is larger, in bytes; a commit that would make a larger one becomes a barrier. */
export const ENTRY_BYTES_MAX: number = 256 * 1024 * 1024

const MAGIC = [0x53, 0x74] // "St"
const FLAG_RECOVERED = 1
const FLAG_BARRIER = 2

/** One commit in one format, in an envelope. */
export interface Entry {
  readonly format: string
  /** The version of the payload, from 1. */
  readonly formatVersion: number
  readonly position: Position
  /** By the leader's clock. */
  readonly committedAt: Milliseconds
  /** The commit stands for changes that happened while nobody watched. */
  readonly recovered: boolean
  /** The commit could not be put into an entry: whoever stands before it needs a snapshot. The payload is empty. */
  readonly barrier: boolean
  /** The database's digest after the commit. */
  readonly digest: bigint
  /** The checksum of the entry before it in this format's log; 0 before the first. */
  readonly previousChecksum: number
  readonly payload: Uint8Array
}

/** An entry as it was read, and where it stood. */
export interface DecodedEntry extends Entry {
  /** The checksum of this entry, which the next one repeats. */
  readonly checksum: number
  /** Size with its envelope, in bytes. */
  readonly byteLength: number
}

/**
 * Puts an entry into its envelope.
 *
 *     size  what
 *      2    magic, "St"
 *      1    envelope version, 1
 *      1    flags: 1 recovered, 2 barrier
 *      1    length of the format's name; then the name, ASCII
 *      v    format version
 *      v    epoch
 *      v    sequence
 *      v    commit time, milliseconds since 1970
 *      8    digest of the database after the commit, little-endian
 *      4    checksum of the entry before, little-endian
 *      v    length of the payload; then the payload
 *      4    checksum of all the bytes above, little-endian
 *
 * `v` is an unsigned LEB128 number of at most 8 bytes. The checksum is the low half of XXH64.
 */
export function encodeEntry(entry: Entry): Uint8Array {
  const { format, payload, position } = entry
  assert(format.length >= 1 && format.length <= 32, 'a format name of 1 to 32 characters')
  const size =
    5 +
    format.length +
    sizeOfVarint(entry.formatVersion) +
    sizeOfVarint(position.epoch) +
    sizeOfVarint(position.sequence) +
    sizeOfVarint(entry.committedAt) +
    12 +
    sizeOfVarint(payload.byteLength) +
    payload.byteLength +
    4
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  bytes[0] = MAGIC[0]!
  bytes[1] = MAGIC[1]!
  bytes[2] = ENVELOPE_VERSION
  bytes[3] = (entry.recovered ? FLAG_RECOVERED : 0) | (entry.barrier ? FLAG_BARRIER : 0)
  bytes[4] = format.length
  let at = 5
  for (let i = 0; i < format.length; i++) bytes[at++] = format.charCodeAt(i)
  at = writeVarint(bytes, at, entry.formatVersion)
  at = writeVarint(bytes, at, position.epoch)
  at = writeVarint(bytes, at, position.sequence)
  at = writeVarint(bytes, at, entry.committedAt)
  view.setBigUint64(at, entry.digest, true)
  view.setUint32(at + 8, entry.previousChecksum, true)
  at = writeVarint(bytes, at + 12, payload.byteLength)
  bytes.set(payload, at)
  at += payload.byteLength
  view.setUint32(at, checksum32(bytes.subarray(0, at)), true)
  return bytes
}

/** The checksum that an encoded entry ends with, which the next entry repeats. */
export function checksumOfEntry(encoded: Uint8Array): number {
  return new DataView(encoded.buffer, encoded.byteOffset + encoded.byteLength - 4, 4).getUint32(0, true)
}

/**
 * Reads the entry at an offset of a run of entries. The payload is a view into `bytes`.
 *
 * @returns undefined when the run ends before the entry does
 * @throws StemmaError DAMAGED_ENTRY when the bytes are no entry, or not as they were written
 * @throws StemmaError ENVELOPE_VERSION when a newer Stemma wrote it
 */
export function decodeEntry(bytes: Uint8Array, offset: number): DecodedEntry | undefined {
  const reader = new BytesReader(bytes, offset)
  if (reader.left < 5) return undefined
  if (reader.byte() !== MAGIC[0] || reader.byte() !== MAGIC[1]) throw damaged('it does not begin with the magic bytes', offset)
  const version = reader.byte()
  if (version !== ENVELOPE_VERSION) {
    throw new StemmaError('ENVELOPE_VERSION', `this entry has envelope version ${version}, known is ${ENVELOPE_VERSION}`, { version })
  }
  const flags = reader.byte()
  if (flags > (FLAG_RECOVERED | FLAG_BARRIER)) throw damaged('unknown flags', offset)
  const nameLength = reader.byte()
  if (nameLength < 1 || nameLength > 32) throw damaged('a format name of a wrong length', offset)
  if (reader.left < nameLength) return undefined
  const format = reader.ascii(nameLength)
  const formatVersion = reader.varint()
  const epoch = reader.varint()
  const sequence = reader.varint()
  const committedAt = reader.varint()
  if (committedAt === undefined || sequence === undefined || epoch === undefined || formatVersion === undefined) return undefined
  if (reader.left < 12) return undefined
  const digest = reader.uint64()
  const previousChecksum = reader.uint32()
  const payloadLength = reader.varint()
  if (payloadLength === undefined) return undefined
  if (payloadLength > ENTRY_BYTES_MAX) throw damaged(`a payload of ${payloadLength} bytes`, offset)
  if (reader.left < payloadLength + 4) return undefined
  const payload = reader.bytes(payloadLength)
  const covered = bytes.subarray(offset, reader.offset)
  const checksum = reader.uint32()
  if (checksum !== checksum32(covered)) throw damaged('its checksum does not match', offset)
  return {
    format,
    formatVersion,
    position: { epoch, sequence },
    committedAt,
    recovered: (flags & FLAG_RECOVERED) !== 0,
    barrier: (flags & FLAG_BARRIER) !== 0,
    digest,
    previousChecksum,
    payload,
    checksum,
    byteLength: reader.offset - offset,
  }
}

function damaged(why: string, offset: number): StemmaError {
  return new StemmaError('DAMAGED_ENTRY', `the entry at byte ${offset} is damaged: ${why}`, { offset })
}
