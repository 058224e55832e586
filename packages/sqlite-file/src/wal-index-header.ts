import { StemmaError } from '@stemma/base'
import { setUint32At, uint32At } from './bytes.ts'
import { HOST_ORDER, hostUint32At, setHostUint32At, type WordOrder } from './host-order.ts'
import { isPageSize } from './page-size.ts'
import { WalChecksum } from './wal-checksum.ts'
import { WAL_VERSION } from './wal-header.ts'

/** Size of one copy of the header, in bytes. The second follows the first. A writer writes the second first. */
export const WAL_INDEX_COPY_SIZE = 48

/** Size of what comes before the first block's page numbers, in bytes: both copies and what checkpoints note. */
export const WAL_INDEX_HEADER_SIZE = 136

/** How many read marks there are. A reader of mark 0 reads the database file alone. */
export const READ_MARK_COUNT = 5

/** A read mark that nobody has set. */
export const READ_MARK_UNUSED = 0xffffffff

/** What SQLite processes tell each other about a WAL through the `-shm` file. */
export interface WalIndexHeader {
  /** Grows by 1, modulo 2^32, with each transaction. */
  readonly changeCounter: number
  /** How the WAL's checksums read words. */
  readonly wordOrder: WordOrder
  /** Bytes; 0 while the WAL has no frame and nobody knows. */
  readonly pageSize: number
  /** The last frame of the last committed transaction; 0 when there is none. */
  readonly lastFrame: number
  /** Pages in the database after that transaction. */
  readonly pageCount: number
  /** The running checksum after that frame. */
  readonly checksum1: number
  readonly checksum2: number
  /** The salts of the WAL, as its header and its frames show them. */
  readonly salt1: number
  readonly salt2: number
}

/** What the start of a wal-index turned out to be. */
export type WalIndexStart =
  | { readonly kind: 'header'; readonly header: WalIndexHeader }
  /** Somebody is writing it, or died in doing so: read again, and if it stays so, let SQLite recover it under its locks. */
  | { readonly kind: 'torn' }
  /** Nobody has filled it yet. */
  | { readonly kind: 'empty' }

/**
 * Decodes a wal-index header from its two copies.
 *
 *     offset size
 *      0     4    version, always 3007000
 *      4     4    unused
 *      8     4    change counter
 *     12     1    1 when initialised
 *     13     1    1 when the WAL's checksums read words big-endian
 *     14     2    page size, 1 for 65536
 *     16     4    last valid frame
 *     20     4    pages in the database
 *     24     8    running checksum after the last frame, two words
 *     32     8    salt, as the bytes stand in the WAL: big-endian
 *     40     8    checksum of bytes 0..39, two words
 *     48    48    the same again
 *
 * All but the salt are in the machine's own order.
 *
 * @param bytes - the first 96 bytes of the `-shm` file or more; read, not kept
 * @throws StemmaError WAL_VERSION when the header is sound but of another version
 * @see https://sqlite.org/walformat.html#the_wal_index_file_format, and walIndexTryHdr() in SQLite's wal.c
 */
export function decodeWalIndexHeader(bytes: Uint8Array): WalIndexStart {
  if (bytes.byteLength < 2 * WAL_INDEX_COPY_SIZE) return { kind: 'empty' }
  for (let i = 0; i < WAL_INDEX_COPY_SIZE; i++) {
    if (bytes[i] !== bytes[i + WAL_INDEX_COPY_SIZE]) return { kind: 'torn' }
  }
  if (bytes[12] === 0) return { kind: 'empty' }
  SUM.set(0, 0)
  SUM.add(bytes, HOST_ORDER, 0, 40)
  if (SUM.checksum1 !== hostUint32At(bytes, 40) || SUM.checksum2 !== hostUint32At(bytes, 44)) return { kind: 'torn' }

  const version = hostUint32At(bytes, 0)
  if (version !== WAL_VERSION) throw new StemmaError('WAL_VERSION', `this wal-index is version ${version}`, { version })
  const pageSize = decodePageSize(hostUint16At(bytes, 14))
  if (pageSize === undefined) return { kind: 'torn' }
  return {
    kind: 'header',
    header: {
      changeCounter: hostUint32At(bytes, 8),
      wordOrder: bytes[13] === 0 ? 'little' : 'big',
      pageSize,
      lastFrame: hostUint32At(bytes, 16),
      pageCount: hostUint32At(bytes, 20),
      checksum1: hostUint32At(bytes, 24),
      checksum2: hostUint32At(bytes, 28),
      salt1: uint32At(bytes, 32),
      salt2: uint32At(bytes, 36),
    },
  }
}

/**
 * Encodes one copy of a wal-index header, with its checksum.
 *
 * A writer holds the write lock, has synced or not what it wants, and writes the copy to offset 48 first, then to offset 0.
 *
 * @param into - 48 bytes to be filled; new ones when left out
 * @returns `into`
 */
export function encodeWalIndexHeader(header: WalIndexHeader, into: Uint8Array = new Uint8Array(WAL_INDEX_COPY_SIZE)): Uint8Array {
  setHostUint32At(into, 0, WAL_VERSION)
  setHostUint32At(into, 4, 0)
  setHostUint32At(into, 8, header.changeCounter)
  into[12] = 1
  into[13] = header.wordOrder === 'big' ? 1 : 0
  setHostUint16At(into, 14, header.pageSize === 65_536 ? 1 : header.pageSize)
  setHostUint32At(into, 16, header.lastFrame)
  setHostUint32At(into, 20, header.pageCount)
  setHostUint32At(into, 24, header.checksum1)
  setHostUint32At(into, 28, header.checksum2)
  setUint32At(into, 32, header.salt1)
  setUint32At(into, 36, header.salt2)
  SUM.set(0, 0)
  SUM.add(into, HOST_ORDER, 0, 40)
  setHostUint32At(into, 40, SUM.checksum1)
  setHostUint32At(into, 44, SUM.checksum2)
  return into
}

/** What checkpoints and readers note in a wal-index. It carries no checksum; each word is read by itself. */
export interface CheckpointInfo {
  /** Frames that a checkpoint has copied into the database. */
  readonly backfilled: number
  /** Frames that a checkpoint has tried to copy; more than `backfilled` when it died in between. */
  readonly backfillAttempted: number
  /** 5 marks: the last frame that each group of readers may look at, or READ_MARK_UNUSED. Mark 0 means nothing. */
  readonly readMarks: readonly number[]
}

/**
 * Decodes what follows the two copies of the header.
 *
 *     offset size
 *     96      4   frames copied into the database
 *     100    20   read marks, five words
 *     120     8   lock bytes: never read or written, only locked
 *     128     4   frames that were to be copied
 *     132     4   unused
 *
 * @param bytes - the first 136 bytes of the `-shm` file or more; read, not kept
 * @returns undefined when the file is shorter
 * @see WalCkptInfo in SQLite's wal.c
 */
export function decodeCheckpointInfo(bytes: Uint8Array): CheckpointInfo | undefined {
  if (bytes.byteLength < WAL_INDEX_HEADER_SIZE) return undefined
  const readMarks: number[] = []
  for (let mark = 0; mark < READ_MARK_COUNT; mark++) readMarks.push(hostUint32At(bytes, 100 + 4 * mark))
  return { backfilled: hostUint32At(bytes, 96), readMarks, backfillAttempted: hostUint32At(bytes, 128) }
}

// Header copies are small, so one checksum that is set anew for each is safe: nothing here waits between set and read.
const SUM = new WalChecksum()

function decodePageSize(stored: number): number | undefined {
  if (stored === 0) return 0
  const size = (stored & 0xfe00) | ((stored & 1) << 16)
  return isPageSize(size) ? size : undefined
}

function hostUint16At(bytes: Uint8Array, offset: number): number {
  const [first, second] = [bytes[offset]!, bytes[offset + 1]!]
  return HOST_ORDER === 'little' ? first | (second << 8) : (first << 8) | second
}

function setHostUint16At(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = HOST_ORDER === 'little' ? value : value >>> 8
  bytes[offset + 1] = HOST_ORDER === 'little' ? value >>> 8 : value
}
