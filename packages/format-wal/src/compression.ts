import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { ENTRY_BYTES_MAX, sizeOfVarint, writeVarint } from '@stemma/log'
import { damaged, type PayloadReader } from './payload-reader.ts'

/** Bodies below this many bytes are never compressed: it takes longer than it saves. */
export const COMPRESS_FROM: number = 32 * 1024

const OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

/** The body compressed, its own length first (varint); undefined where that saves less than a tenth. */
export function compress(body: Uint8Array): Uint8Array | undefined {
  if (body.byteLength < COMPRESS_FROM) return undefined
  const packed = zstdCompressSync(body, OPTIONS)
  if (packed.byteLength > body.byteLength * 0.9) return undefined
  const head = sizeOfVarint(body.byteLength)
  const bytes = new Uint8Array(head + packed.byteLength)
  writeVarint(bytes, 0, body.byteLength)
  bytes.set(packed, head)
  return bytes
}

/**
 * Takes what `compress` made.
 *
 * No more memory is taken than what comes out, and never more than the length that is named.
 *
 * @throws StemmaError DAMAGED_ENTRY when it is too long, or not as long as it says
 */
export function decompress(reader: PayloadReader): Uint8Array {
  const length = reader.varint()
  if (length === 0 || length > ENTRY_BYTES_MAX) throw damaged(reader.at, 'a length that cannot be')
  let body: Uint8Array
  try {
    body = zstdDecompressSync(reader.view(reader.bytes.byteLength - reader.at), { maxOutputLength: length })
  } catch (cause) {
    throw damaged(reader.at, 'what was compressed does not come out again', cause)
  }
  if (body.byteLength !== length) throw damaged(reader.at, `${body.byteLength} bytes came out instead of ${length}`)
  return body
}
