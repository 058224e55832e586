import { StemmaError, assert, checksum32, type Milliseconds, type Position } from '@stemma/base'
import { BytesReader, VARINT_BYTES_MAX, writeUint64, writeVarint } from './varint.ts'

/** The version of the envelope. */
export const ENVELOPE_VERSION = 1

/** No entry is larger, in bytes; a commit that would make a larger one becomes a barrier. */
export const ENTRY_BYTES_MAX: number = 256 * 1024 * 1024

const FORMAT_NAME_MAX = 32

/** No envelope takes more, in bytes. */
export const ENVELOPE_BYTES_MAX: number = 5 + FORMAT_NAME_MAX + 5 * VARINT_BYTES_MAX + 16 + 4

/** "St" */
const MAGIC_1 = 0x53
const MAGIC_2 = 0x74
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
  /** The database's digest before the commit: a copy takes the entry only when its own digest is this one. */
  readonly digestBefore: bigint
  readonly payload: Uint8Array
}

/** An entry as it was read, and where it stood. */
export interface DecodedEntry extends Entry {
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
 *      8    digest of the database before the commit, little-endian
 *      v    length of the payload; then the payload
 *      4    checksum of all the bytes above, little-endian
 *
 * `v` is an unsigned LEB128 number of at most 8 bytes. The checksum is the low half of XXH64.
 */
export function encodeEntry(entry: Entry): Uint8Array {
  const bytes = new Uint8Array(ENVELOPE_BYTES_MAX + entry.payload.byteLength)
  return bytes.slice(0, writeEntry(bytes, 0, entry))
}

/**
 * The same at an offset of a run of entries. There must be room for `ENVELOPE_BYTES_MAX` and the payload.
 *
 * @returns the offset behind the entry
 */
export function writeEntry(bytes: Uint8Array, offset: number, entry: Entry): number {
  const { format, payload, position } = entry
  assert(format.length >= 1 && format.length <= FORMAT_NAME_MAX, 'a format name of 1 to 32 characters')
  assert(bytes.byteLength - offset >= ENVELOPE_BYTES_MAX + payload.byteLength, 'room for an entry')
  bytes[offset] = MAGIC_1
  bytes[offset + 1] = MAGIC_2
  bytes[offset + 2] = ENVELOPE_VERSION
  bytes[offset + 3] = (entry.recovered ? FLAG_RECOVERED : 0) | (entry.barrier ? FLAG_BARRIER : 0)
  bytes[offset + 4] = format.length
  let at = offset + 5
  for (let i = 0; i < format.length; i++) bytes[at++] = format.charCodeAt(i)
  at = writeVarint(bytes, at, entry.formatVersion)
  at = writeVarint(bytes, at, position.epoch)
  at = writeVarint(bytes, at, position.sequence)
  at = writeVarint(bytes, at, entry.committedAt)
  at = writeUint64(bytes, at, entry.digest)
  at = writeUint64(bytes, at, entry.digestBefore)
  at = writeVarint(bytes, at, payload.byteLength)
  bytes.set(payload, at)
  at += payload.byteLength
  const checksum = checksum32(bytes.subarray(offset, at))
  bytes[at] = checksum
  bytes[at + 1] = checksum >>> 8
  bytes[at + 2] = checksum >>> 16
  bytes[at + 3] = checksum >>> 24
  return at + 4
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
  if (reader.byte() !== MAGIC_1 || reader.byte() !== MAGIC_2) throw damaged('it does not begin with the magic bytes', offset)
  const version = reader.byte()
  if (version !== ENVELOPE_VERSION) {
    throw new StemmaError('ENVELOPE_VERSION', `this entry has envelope version ${version}, known is ${ENVELOPE_VERSION}`, {
      version,
    })
  }
  const flags = reader.byte()
  if (flags > (FLAG_RECOVERED | FLAG_BARRIER)) throw damaged('unknown flags', offset)
  const nameLength = reader.byte()
  if (nameLength < 1 || nameLength > FORMAT_NAME_MAX) throw damaged('a format name of a wrong length', offset)
  if (reader.left < nameLength) return undefined
  const format = reader.ascii(nameLength)
  const formatVersion = reader.varint()
  const epoch = reader.varint()
  const sequence = reader.varint()
  const committedAt = reader.varint()
  if (committedAt === undefined || sequence === undefined || epoch === undefined || formatVersion === undefined) return undefined
  if (reader.left < 16) return undefined
  const digest = reader.uint64()
  const digestBefore = reader.uint64()
  const payloadLength = reader.varint()
  if (payloadLength === undefined) return undefined
  if (payloadLength > ENTRY_BYTES_MAX) throw damaged(`a payload of ${payloadLength} bytes`, offset)
  if (reader.left < payloadLength + 4) return undefined
  const payload = reader.bytes(payloadLength)
  const covered = bytes.subarray(offset, reader.offset)
  if (reader.uint32() !== checksum32(covered)) throw damaged('its checksum does not match', offset)
  return {
    format,
    formatVersion,
    position: { epoch, sequence },
    committedAt,
    recovered: (flags & FLAG_RECOVERED) !== 0,
    barrier: (flags & FLAG_BARRIER) !== 0,
    digest,
    digestBefore,
    payload,
    byteLength: reader.offset - offset,
  }
}

function damaged(why: string, offset: number): StemmaError {
  return new StemmaError('DAMAGED_ENTRY', `the entry at byte ${offset} is damaged: ${why}`, { offset })
}
