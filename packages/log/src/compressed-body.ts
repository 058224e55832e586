import { ENTRY_BYTES_MAX } from './entry.ts'
import { damagedPayload, type PayloadReader } from './payload-reader.ts'
import { sizeOfVarint, writeVarint } from './varint.ts'

/** What packs bytes. This package knows none: a format brings it. */
export interface Compressor {
  compress(bytes: Uint8Array): Uint8Array
  /** Takes no more memory than `lengthMax`, and throws when more would come out or the bytes make no sense. */
  decompress(bytes: Uint8Array, lengthMax: number): Uint8Array
}

/** Bodies of payloads below this many bytes are never compressed: it takes longer than it saves. */
export const COMPRESS_FROM: number = 32 * 1024

/**
 * The payload with all but its first byte compressed: that byte with a flag set, the length of the body (varint), the body.
 * Itself where that saves less than a tenth.
 */
export function compressBody(payload: Uint8Array, flag: number, compressor: Compressor): Uint8Array {
  if (payload.byteLength <= COMPRESS_FROM) return payload
  const body = payload.subarray(1)
  const packed = compressor.compress(body)
  if (packed.byteLength > body.byteLength * 0.9) return payload
  const head = 1 + sizeOfVarint(body.byteLength)
  const bytes = new Uint8Array(head + packed.byteLength)
  bytes[0] = payload[0]! | flag
  writeVarint(bytes, 1, body.byteLength)
  bytes.set(packed, head)
  return bytes
}

/**
 * Gives back the body that `compressBody` took.
 *
 * No more memory is taken than what comes out, and never more than the length that is named.
 *
 * @param reader - stands behind the first byte of the payload
 * @throws StemmaError DAMAGED_ENTRY when it is too long, or not as long as it says
 */
export function decompressBody(reader: PayloadReader, compressor: Compressor): Uint8Array {
  const length = reader.varint()
  if (length === 0 || length > ENTRY_BYTES_MAX) throw damagedPayload(reader.at, 'a length that cannot be')
  let body: Uint8Array
  try {
    body = compressor.decompress(reader.view(reader.bytes.byteLength - reader.at), length)
  } catch (cause) {
    throw damagedPayload(reader.at, 'what was compressed does not come out again', cause)
  }
  if (body.byteLength !== length) throw damagedPayload(reader.at, `${body.byteLength} bytes came out instead of ${length}`)
  return body
}
