import { StemmaError, assert, type ByteOffset, type PageNumber } from '@stemma/base'
import { WAL_INDEX_HEADER_SIZE } from './wal-index-header.ts'

/** A wal-index is made of blocks of this size, in bytes. Blocks count from 0. */
export const WAL_INDEX_BLOCK_SIZE = 32_768

/** Where a block's hash table begins, in bytes from the start of the block; before it are the page numbers. */
export const HASH_TABLE_OFFSET = 16_384

const FRAMES_PER_BLOCK = 4096
const FRAMES_IN_FIRST_BLOCK = FRAMES_PER_BLOCK - WAL_INDEX_HEADER_SIZE / 4
const SLOT_COUNT = 8192
const HASH_FACTOR = 383

/** The block that maps a frame. */
export function hashBlockOf(frame: number): number {
  return Math.floor((frame + FRAMES_PER_BLOCK - FRAMES_IN_FIRST_BLOCK - 1) / FRAMES_PER_BLOCK)
}

/** The first frame that a block maps: 1, 4063, 8159, ... */
export function firstFrameOf(block: number): number {
  return block === 0 ? 1 : FRAMES_IN_FIRST_BLOCK + (block - 1) * FRAMES_PER_BLOCK + 1
}

/** The last frame that a block has room for: 4062, 8158, ... */
export function lastFrameOf(block: number): number {
  return FRAMES_IN_FIRST_BLOCK + block * FRAMES_PER_BLOCK
}

/** Where the `-shm` file holds the page number of a frame, in bytes. Frames of one block follow each other. */
export function pageNumberOffset(frame: number): ByteOffset {
  const block = hashBlockOf(frame)
  return block * WAL_INDEX_BLOCK_SIZE + (block === 0 ? WAL_INDEX_HEADER_SIZE : 0) + 4 * (frame - firstFrameOf(block))
}

/** Where the `-shm` file holds a slot of a block's hash table, in bytes. A slot has two. */
export function slotOffset(block: number, slot: number): ByteOffset {
  return block * WAL_INDEX_BLOCK_SIZE + HASH_TABLE_OFFSET + 2 * slot
}

/** How many bytes a wal-index has that maps this many frames. */
export function walIndexSize(lastFrame: number): number {
  return (hashBlockOf(Math.max(1, lastFrame)) + 1) * WAL_INDEX_BLOCK_SIZE
}

/**
 * One 32 KiB block of a wal-index: which frame holds which page.
 *
 *     offset  size
 *          0  16384  page numbers, a word for each of 4096 frames;
 *                    in block 0 the first 136 bytes are the wal-index header, which leaves 4062 frames
 *      16384  16384  8192 slots of 2 bytes: 0, or the number from 1 of a frame within the block.
 *                    A page's slot is (page number * 383) & 8191, or the next that is free
 *
 * It changes the bytes that it was given, which the caller owns: a copy of a part of the `-shm` file, in the machine's own order.
 *
 * @see https://sqlite.org/walformat.html#the_wal_index_hash_tables
 */
export class WalIndexBlock {
  readonly block: number
  /** The frame before the first of this block. */
  readonly #zero: number
  /** Frames that fit. */
  readonly #capacity: number
  readonly #pages: Uint32Array
  readonly #slots: Uint16Array

  /** @param bytes - 32768 bytes that begin at a multiple of 4 bytes of their buffer; kept and changed */
  constructor(bytes: Uint8Array, block: number) {
    assert(bytes.byteLength === WAL_INDEX_BLOCK_SIZE, 'a whole block of the wal-index')
    const start = bytes.byteOffset + (block === 0 ? WAL_INDEX_HEADER_SIZE : 0)
    this.block = block
    this.#zero = firstFrameOf(block) - 1
    this.#capacity = lastFrameOf(block) - this.#zero
    this.#pages = new Uint32Array(bytes.buffer, start, this.#capacity)
    this.#slots = new Uint16Array(bytes.buffer, bytes.byteOffset + HASH_TABLE_OFFSET, SLOT_COUNT)
  }

  /** The page that a frame of this block holds; 0 when nobody has said yet. */
  pageOf(frame: number): PageNumber {
    return this.#pages[frame - this.#zero - 1] ?? 0
  }

  /**
   * The last frame of this block that holds a page.
   *
   * @param range - frames before `firstFrame` and behind `lastFrame` don't count: what is there may be left over from a writer that died
   * @returns 0 when there is none
   * @throws StemmaError DAMAGED_FILE when the hash table has no free slot
   * @see walFindFrame() in SQLite's wal.c
   */
  find(pageNumber: PageNumber, range: { readonly firstFrame: number; readonly lastFrame: number }): number {
    const first = range.firstFrame - this.#zero
    const last = Math.min(range.lastFrame - this.#zero, this.#capacity)
    const slots = this.#slots
    let found = 0
    let slot = slotOf(pageNumber)
    for (let tries = 0; tries < SLOT_COUNT; tries++) {
      const index = slots[slot]!
      if (index === 0) return found === 0 ? 0 : this.#zero + found
      if (index >= first && index <= last && index > found && this.#pages[index - 1] === pageNumber) found = index
      slot = (slot + 1) & (SLOT_COUNT - 1)
    }
    throw full(this.block)
  }

  /**
   * Maps the next frame to its page. The first frame of a block empties the block before; what a writer that died left behind
   * at this frame or later is removed, so frames are appended in order.
   *
   * @returns the slot that was filled, and whether more of the block changed than it and the frame's page number
   * @throws StemmaError DAMAGED_FILE when the hash table has no free slot
   * @see walIndexAppend() in SQLite's wal.c
   */
  append(frame: number, pageNumber: PageNumber): Appended {
    const index = frame - this.#zero
    assert(index >= 1 && index <= this.#capacity, 'a frame of this block')
    let cleared = false
    if (index === 1) {
      cleared = true
      this.#pages.fill(0)
      this.#slots.fill(0)
    } else if (this.#pages[index - 1] !== 0) {
      cleared = true
      this.forgetAfter(frame - 1)
    }
    const slots = this.#slots
    let slot = slotOf(pageNumber)
    for (let tries = index; slots[slot] !== 0; tries--) {
      if (tries === 0) throw full(this.block)
      slot = (slot + 1) & (SLOT_COUNT - 1)
    }
    this.#pages[index - 1] = pageNumber
    slots[slot] = index
    return { slot, cleared }
  }

  /**
   * Removes what this block says of frames behind `lastFrame`, which must be one of its frames or the one before its first.
   *
   * @see walCleanupHash() in SQLite's wal.c
   */
  forgetAfter(lastFrame: number): void {
    const limit = lastFrame - this.#zero
    assert(limit >= 0 && limit <= this.#capacity, 'a frame of this block')
    const slots = this.#slots
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      if (slots[slot]! > limit) slots[slot] = 0
    }
    this.#pages.fill(0, limit)
  }
}

/** What changed when a frame was appended. */
export interface Appended {
  readonly slot: number
  /** The whole block behind its header may have changed, and is to be written as a whole. */
  readonly cleared: boolean
}

function slotOf(pageNumber: PageNumber): number {
  return Math.imul(pageNumber, HASH_FACTOR) & (SLOT_COUNT - 1)
}

function full(block: number): StemmaError {
  return new StemmaError('DAMAGED_FILE', `the hash table of block ${block} of the wal-index is full`, { block })
}
