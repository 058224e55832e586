import { assert, type PageNumber } from '@stemma/base'
import {
  FRAME_HEADER_SIZE,
  FrameChain,
  HASH_TABLE_OFFSET,
  HOST_ORDER,
  WAL_INDEX_BLOCK_SIZE,
  WAL_INDEX_COPY_SIZE,
  WAL_INDEX_HEADER_SIZE,
  WalIndexBlock,
  encodeWalHeader,
  encodeWalIndexHeader,
  frameOffset,
  hashBlockOf,
  pageNumberOffset,
  slotOffset,
  type WalIndexHeader,
} from '@stemma/sqlite-file'
import type { Disk } from '../disk/disk.ts'
import type { WalPlace } from '../wal-place.ts'

// One write call for the frames of about so many bytes.
const BUFFER_BYTES = 1024 * 1024
// Above this many hash slots, writing the whole table of 16 KiB costs less than writing each.
const SLOTS_BY_ONE = 12

export interface WalAppenderOptions {
  readonly disk: Disk
  /** A descriptor on the `-wal` file. */
  readonly wal: number
  /** The held descriptor on the `-shm` file. */
  readonly shm: number
  /** Bytes. */
  readonly pageSize: number
  /** What the wal-index says now. */
  readonly header: WalIndexHeader
  /** Two words that no earlier WAL of this file had, for a WAL that begins anew and has none yet. */
  newSalts(): readonly [number, number]
}

/**
 * Appends transactions to a live `-wal` file, as SQLite's own writer does, and makes them visible to SQLite's readers.
 *
 * Three steps, so that the caller can put a note of its own between them: `add` collects frames in memory, `write` puts them
 * into the files, where nobody looks at them yet, and `publish` makes the transactions visible, one after another.
 *
 * The caller holds the WAL's write lock all the while. When a call throws, this object is of no more use: take the lock anew,
 * see what the wal-index says, and begin again from there.
 *
 * @see https://sqlite.org/walformat.html, and sqlite3WalFrames() in SQLite's wal.c
 */
export class WalAppender {
  readonly #options: WalAppenderOptions
  readonly #frameSize: number
  readonly #buffer: Uint8Array
  readonly #capacity: number
  readonly #headerCopy = new Uint8Array(WAL_INDEX_COPY_SIZE)
  #header: WalIndexHeader
  #chain: FrameChain | undefined
  #added: number
  #written: number
  /** Transactions that were added and not yet published. */
  #commits: WalIndexHeader[] = []
  #block: WalIndexBlock | undefined
  #blockBytes = new Uint8Array(0)
  /** The first frame that the wal-index on disk does not map yet. */
  #unmapped: number
  #slots: number[] = []
  #blockCleared = false

  constructor(options: WalAppenderOptions) {
    this.#options = options
    this.#frameSize = FRAME_HEADER_SIZE + options.pageSize
    this.#capacity = Math.max(16, Math.floor(BUFFER_BYTES / this.#frameSize))
    this.#buffer = new Uint8Array(this.#capacity * this.#frameSize)
    this.#header = options.header
    this.#added = this.#written = options.header.lastFrame
    this.#unmapped = this.#added + 1
    if (this.#added > 0) this.#chain = new FrameChain({ ...options.header, pageSize: options.pageSize })
  }

  /** What the wal-index says: the last transaction that was published. */
  get header(): WalIndexHeader {
    return this.#header
  }

  /** The place of the last transaction that was added; undefined when the WAL is empty. */
  get place(): WalPlace | undefined {
    return placeOf(this.#commits.at(-1) ?? this.#header)
  }

  /** Frames that can still be added before `write` must be called, if transactions have been added since the last `write`. */
  get room(): number {
    return this.#capacity - (this.#added - this.#written)
  }

  /** Transactions are waiting for `write` or `publish`. */
  get waiting(): boolean {
    return this.#commits.length > 0
  }

  /**
   * Adds a frame. A transaction may have any number; its last says how many pages the database then has, all others say 0.
   * Once a whole transaction was added, no more than `room` frames may follow before `write`.
   *
   * @param page - read, not kept
   * @returns the frame's number
   */
  add(pageNumber: PageNumber, page: Uint8Array, commitPageCount: number): number {
    const chain = (this.#chain ??= this.#beginWal())
    if (this.room === 0) {
      assert(this.#commits.length === 0, 'frames of one transaction only in a full buffer')
      this.#writeFrames()
    }
    const offset = (this.#added - this.#written) * this.#frameSize
    this.#buffer.set(page, offset + FRAME_HEADER_SIZE)
    chain.append(this.#buffer, offset, { pageNumber, commitPageCount })
    this.#added++
    this.#map(this.#added, pageNumber)
    if (commitPageCount > 0) this.#commits.push(this.#newHeader(chain, commitPageCount))
    return this.#added
  }

  /** The page of a frame that was added and is not yet in the file; undefined for any other frame. Good until the next call. */
  bufferedPage(frame: number): Uint8Array | undefined {
    if (frame <= this.#written || frame > this.#added) return undefined
    const start = (frame - this.#written - 1) * this.#frameSize + FRAME_HEADER_SIZE
    return this.#buffer.subarray(start, start + this.#options.pageSize)
  }

  /** Puts everything that was added into the files. */
  write(): void {
    this.#writeFrames()
    this.#writeIndex()
  }

  /** Makes the transactions that were written visible, each for itself. */
  publish(): void {
    const { disk, shm } = this.#options
    for (const header of this.#commits) {
      encodeWalIndexHeader(header, this.#headerCopy)
      disk.write(shm, this.#headerCopy, WAL_INDEX_COPY_SIZE)
      disk.write(shm, this.#headerCopy, 0)
      this.#header = header
    }
    this.#commits = []
  }

  /**
   * Writes the header of a WAL that begins anew, and waits until it is on the medium: frames of before, whose pages went into
   * the database, must not come back under the old header when the power fails while they are overwritten.
   */
  #beginWal(): FrameChain {
    const { disk, wal, pageSize, header, newSalts } = this.#options
    const before = new Uint8Array(16)
    const known = disk.read(wal, before, 0) === 16 ? new DataView(before.buffer).getUint32(12) : 0
    const [salt1, salt2] = header.salt1 === 0 && header.salt2 === 0 ? newSalts() : [header.salt1, header.salt2]
    const checkpointSequence = (known + 1) >>> 0
    const start = encodeWalHeader({ wordOrder: HOST_ORDER, pageSize, checkpointSequence, salt1, salt2 })
    disk.write(wal, start.bytes, 0)
    disk.sync(wal)
    return new FrameChain(start.header)
  }

  #newHeader(chain: FrameChain, pageCount: number): WalIndexHeader {
    const last = this.#commits.at(-1) ?? this.#header
    return {
      changeCounter: (last.changeCounter + 1) >>> 0,
      wordOrder: this.#header.lastFrame === 0 ? HOST_ORDER : this.#header.wordOrder,
      pageSize: this.#options.pageSize,
      lastFrame: this.#added,
      pageCount,
      checksum1: chain.checksum1,
      checksum2: chain.checksum2,
      salt1: chain.salt1,
      salt2: chain.salt2,
    }
  }

  #writeFrames(): void {
    const count = this.#added - this.#written
    if (count === 0) return
    const { disk, wal, pageSize } = this.#options
    disk.write(wal, this.#buffer.subarray(0, count * this.#frameSize), frameOffset(this.#written + 1, pageSize))
    this.#written = this.#added
  }

  #map(frame: number, pageNumber: PageNumber): void {
    const number = hashBlockOf(frame)
    if (this.#block?.block !== number) {
      this.#writeIndex()
      this.#loadBlock(number, frame)
    }
    const { slot, cleared } = this.#block!.append(frame, pageNumber)
    this.#slots.push(slot)
    this.#blockCleared ||= cleared
  }

  /** Takes a block of the wal-index into memory, without what a writer that died has left in it. */
  #loadBlock(number: number, frame: number): void {
    const { disk, shm } = this.#options
    this.#blockBytes = new Uint8Array(WAL_INDEX_BLOCK_SIZE)
    const size = disk.read(shm, this.#blockBytes, number * WAL_INDEX_BLOCK_SIZE)
    this.#block = new WalIndexBlock(this.#blockBytes, number)
    this.#unmapped = frame
    this.#blockCleared = size < WAL_INDEX_BLOCK_SIZE
    if (frame === this.#header.lastFrame + 1) {
      this.#block.forgetAfter(frame - 1)
      this.#blockCleared = true
    }
  }

  #writeIndex(): void {
    const block = this.#block
    if (block === undefined || (this.#slots.length === 0 && !this.#blockCleared)) return
    const { disk, shm } = this.#options
    const start = block.block * WAL_INDEX_BLOCK_SIZE
    const bytes = this.#blockBytes
    if (this.#blockCleared) {
      const from = block.block === 0 ? WAL_INDEX_HEADER_SIZE : 0
      disk.write(shm, bytes.subarray(from), start + from)
    } else {
      const from = pageNumberOffset(this.#unmapped)
      const to = from + 4 * this.#slots.length
      disk.write(shm, bytes.subarray(from - start, to - start), from)
      this.#writeSlots(start)
    }
    this.#unmapped += this.#slots.length
    this.#slots = []
    this.#blockCleared = false
  }

  #writeSlots(start: number): void {
    const { disk, shm } = this.#options
    const bytes = this.#blockBytes
    if (this.#slots.length > SLOTS_BY_ONE) {
      disk.write(shm, bytes.subarray(HASH_TABLE_OFFSET), start + HASH_TABLE_OFFSET)
      return
    }
    for (const slot of this.#slots) {
      const at = slotOffset(this.#block!.block, slot)
      disk.write(shm, bytes.subarray(at - start, at - start + 2), at)
    }
  }
}

/** The place in the WAL that a wal-index header names; undefined when the WAL is empty. */
export function placeOf(header: WalIndexHeader): WalPlace | undefined {
  if (header.lastFrame === 0) return undefined
  const { salt1, salt2, lastFrame: frame, checksum1, checksum2 } = header
  return { salt1, salt2, frame, checksum1, checksum2 }
}
