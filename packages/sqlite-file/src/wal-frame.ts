import { assert, type ByteOffset, type PageNumber } from '@stemma/base'
import { setUint32At, uint32At } from './bytes.ts'
import type { WordOrder } from './host-order.ts'
import { isPageSize } from './page-size.ts'
import { WalChecksum } from './wal-checksum.ts'
import { WAL_HEADER_SIZE } from './wal-header.ts'

/** Size of the header before each frame's page, in bytes. */
export const FRAME_HEADER_SIZE = 24

/** The 24 bytes before a frame's page, decoded. */
export interface FrameHeader {
  readonly pageNumber: PageNumber
  /** For a frame that ends a transaction: pages in the database after it. 0 for all other frames. */
  readonly commitPageCount: number
  readonly salt1: number
  readonly salt2: number
  /** The running checksum after this frame. */
  readonly checksum1: number
  readonly checksum2: number
}

/** Where a frame begins in its file. Frames count from 1; frame 1 follows the WAL header. May be beyond 4 GiB. */
export function frameOffset(frame: number, pageSize: number): ByteOffset {
  return WAL_HEADER_SIZE + (frame - 1) * (FRAME_HEADER_SIZE + pageSize)
}

/** How many whole frames a `-wal` file of this size has room for. */
export function framesIn(fileSize: number, pageSize: number): number {
  return Math.max(0, Math.floor((fileSize - WAL_HEADER_SIZE) / (FRAME_HEADER_SIZE + pageSize)))
}

/**
 * Decodes a frame header. Nothing is checked: `FrameChain` does that.
 *
 *     offset size
 *      0     4    page number
 *      4     4    pages in the database after the commit; 0 when the frame ends no transaction
 *      8     8    salt, as in the WAL header
 *     16     8    running checksum over bytes 0..7 and the page, two words
 *
 * @throws RangeError when the header is not within `bytes`
 * @see https://sqlite.org/fileformat2.html#walformat
 */
export function decodeFrameHeader(bytes: Uint8Array, offset = 0): FrameHeader {
  if (offset < 0 || offset + FRAME_HEADER_SIZE > bytes.byteLength) throw new RangeError(`no frame header at byte ${offset}`)
  return {
    pageNumber: uint32At(bytes, offset),
    commitPageCount: uint32At(bytes, offset + 4),
    salt1: uint32At(bytes, offset + 8),
    salt2: uint32At(bytes, offset + 12),
    checksum1: uint32At(bytes, offset + 16),
    checksum2: uint32At(bytes, offset + 20),
  }
}

/** The page number of the frame that begins at `offset`; allocates nothing. The bytes must be there. */
export function framePageNumber(bytes: Uint8Array, offset: number): PageNumber {
  return uint32At(bytes, offset)
}

/** The `commitPageCount` of the frame that begins at `offset`; allocates nothing. The bytes must be there. */
export function frameCommitPageCount(bytes: Uint8Array, offset: number): number {
  return uint32At(bytes, offset + 4)
}

/** Where a chain of frames begins: a decoded WAL header is one, and so is any frame of the same WAL. */
export interface ChainStart {
  readonly wordOrder: WordOrder
  readonly pageSize: number
  readonly salt1: number
  readonly salt2: number
  readonly checksum1: number
  readonly checksum2: number
}

/**
 * The frames of a WAL, one after another: each repeats the salts, and its checksum goes on from the frame before.
 *
 * Reads and writes allocate nothing per frame as long as frames come in one buffer.
 *
 * @see walDecodeFrame() and walEncodeFrame() in SQLite's wal.c
 */
export class FrameChain {
  readonly pageSize: number
  readonly salt1: number
  readonly salt2: number
  readonly #wordOrder: WordOrder
  readonly #sum: WalChecksum

  constructor(start: ChainStart) {
    assert(isPageSize(start.pageSize), 'a page size that is a power of two from 512 to 65536')
    this.pageSize = start.pageSize
    this.salt1 = start.salt1
    this.salt2 = start.salt2
    this.#wordOrder = start.wordOrder
    this.#sum = new WalChecksum(start.checksum1, start.checksum2)
  }

  /** The running checksum after the last frame; the header's before the first. */
  get checksum1(): number {
    return this.#sum.checksum1
  }

  get checksum2(): number {
    return this.#sum.checksum2
  }

  /** Goes back, or on, to a place of the same WAL whose running checksum is known. */
  moveTo(checksum1: number, checksum2: number): void {
    this.#sum.set(checksum1, checksum2)
  }

  /**
   * Goes on over the frame that begins at `offset` of `bytes`, if it is the next one of this WAL.
   *
   * @returns false, and stays where it was, when the frame is not whole, has other salts, page number 0 or a wrong checksum:
   *   to SQLite the WAL ends before such a frame
   */
  follow(bytes: Uint8Array, offset: number): boolean {
    if (offset < 0 || offset + FRAME_HEADER_SIZE + this.pageSize > bytes.byteLength) return false
    if (uint32At(bytes, offset + 8) !== this.salt1 || uint32At(bytes, offset + 12) !== this.salt2) return false
    if (uint32At(bytes, offset) === 0) return false
    const { checksum1, checksum2 } = this.#sum
    this.#addFrame(bytes, offset)
    if (this.#sum.checksum1 === uint32At(bytes, offset + 16) && this.#sum.checksum2 === uint32At(bytes, offset + 20)) return true
    this.#sum.set(checksum1, checksum2)
    return false
  }

  /**
   * Goes on by a new frame: writes its 24 bytes at `offset`, before the page, which the caller has put at `offset + 24`.
   *
   * @throws RangeError when the frame is not within `bytes`
   */
  append(bytes: Uint8Array, offset: number, frame: NewFrame): void {
    setUint32At(bytes, offset, frame.pageNumber)
    setUint32At(bytes, offset + 4, frame.commitPageCount)
    setUint32At(bytes, offset + 8, this.salt1)
    setUint32At(bytes, offset + 12, this.salt2)
    this.#addFrame(bytes, offset)
    setUint32At(bytes, offset + 16, this.#sum.checksum1)
    setUint32At(bytes, offset + 20, this.#sum.checksum2)
  }

  #addFrame(bytes: Uint8Array, offset: number): void {
    this.#sum.add(bytes, this.#wordOrder, offset, 8)
    this.#sum.add(bytes, this.#wordOrder, offset + FRAME_HEADER_SIZE, this.pageSize)
  }
}

/** What the caller says of a frame that it writes. */
export type NewFrame = Pick<FrameHeader, 'pageNumber' | 'commitPageCount'>
