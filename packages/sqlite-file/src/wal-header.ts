import { StemmaError, assert } from '@stemma/base'
import { setUint32At, uint32At } from './bytes.ts'
import type { WordOrder } from './host-order.ts'
import { isPageSize } from './page-size.ts'
import { WalChecksum } from './wal-checksum.ts'

/** Size of a WAL header, in bytes. */
export const WAL_HEADER_SIZE = 32

/** The only version of WAL and wal-index there has been. */
export const WAL_VERSION = 3_007_000

const MAGIC = 0x377f0682

/** What a new WAL starts with. */
export interface NewWalHeader {
  /** How the checksums of this WAL read words. SQLite itself writes the order of its machine. */
  readonly wordOrder: WordOrder
  /** Bytes: a power of two from 512 to 65536. */
  readonly pageSize: number
  /** How many times this WAL has been started again. */
  readonly checkpointSequence: number
  /** Every valid frame repeats these two words, unsigned. `salt1` grows by 1 with each restart, `salt2` is random. */
  readonly salt1: number
  readonly salt2: number
}

/** The first 32 bytes of a `-wal` file, decoded. */
export interface WalHeader extends NewWalHeader {
  /** The first frame's checksum goes on from these two words. */
  readonly checksum1: number
  readonly checksum2: number
}

/** What the start of a `-wal` file turned out to be. */
export type WalStart =
  | { readonly kind: 'header'; readonly header: WalHeader }
  | { readonly kind: 'empty'; readonly why: 'short' | 'magic' | 'page-size' | 'checksum' }

/**
 * Decodes a WAL header.
 *
 *     offset size
 *      0     4    magic: 0x377f0682, or 0x377f0683 when checksums read words big-endian
 *      4     4    version, always 3007000
 *      8     4    page size, bytes
 *     12     4    checkpoint sequence
 *     16     8    salt, two words
 *     24     8    checksum of bytes 0..23, two words
 *
 * A header that fails a check is no error: SQLite takes such a WAL for empty, since that is what a crash in the first write
 * leaves behind.
 *
 * @param bytes - the start of the file; read, not kept
 * @throws StemmaError WAL_VERSION when the header is sound but of another version
 * @see https://sqlite.org/fileformat2.html#walformat, and walIndexRecover() in SQLite's wal.c
 */
export function decodeWalHeader(bytes: Uint8Array): WalStart {
  if (bytes.byteLength < WAL_HEADER_SIZE) return { kind: 'empty', why: 'short' }
  const magic = uint32At(bytes, 0)
  if ((magic & ~1) !== MAGIC) return { kind: 'empty', why: 'magic' }
  const pageSize = uint32At(bytes, 8)
  if (!isPageSize(pageSize)) return { kind: 'empty', why: 'page-size' }

  const wordOrder = magic === MAGIC ? 'little' : 'big'
  const { checksum1, checksum2 } = checksumOf(bytes, wordOrder)
  if (checksum1 !== uint32At(bytes, 24) || checksum2 !== uint32At(bytes, 28)) return { kind: 'empty', why: 'checksum' }

  const version = uint32At(bytes, 4)
  if (version !== WAL_VERSION) throw new StemmaError('WAL_VERSION', `this WAL is version ${version}`, { version })
  const [checkpointSequence, salt1, salt2] = [uint32At(bytes, 12), uint32At(bytes, 16), uint32At(bytes, 20)]
  return { kind: 'header', header: { wordOrder, pageSize, checkpointSequence, salt1, salt2, checksum1, checksum2 } }
}

/**
 * Encodes a WAL header.
 *
 * @returns the 32 bytes, and the header with the checksum that its first frame goes on from
 */
export function encodeWalHeader(start: NewWalHeader): { readonly bytes: Uint8Array<ArrayBuffer>; readonly header: WalHeader } {
  const { wordOrder, pageSize, checkpointSequence, salt1, salt2 } = start
  assert(isPageSize(pageSize), 'a page size that is a power of two from 512 to 65536')
  const bytes = new Uint8Array(WAL_HEADER_SIZE)
  setUint32At(bytes, 0, wordOrder === 'big' ? MAGIC + 1 : MAGIC)
  setUint32At(bytes, 4, WAL_VERSION)
  setUint32At(bytes, 8, pageSize)
  setUint32At(bytes, 12, checkpointSequence)
  setUint32At(bytes, 16, salt1)
  setUint32At(bytes, 20, salt2)
  const { checksum1, checksum2 } = checksumOf(bytes, wordOrder)
  setUint32At(bytes, 24, checksum1)
  setUint32At(bytes, 28, checksum2)
  return { bytes, header: { wordOrder, pageSize, checkpointSequence, salt1, salt2, checksum1, checksum2 } }
}

function checksumOf(bytes: Uint8Array, wordOrder: WordOrder): WalChecksum {
  const sum = new WalChecksum()
  sum.add(bytes, wordOrder, 0, WAL_HEADER_SIZE - 8)
  return sum
}
