import { endOfCellPointers } from './page-difference.ts'
import type { PageWriter } from './page-writer.ts'

/**
 * Equal bytes that are worth ending a literal for. Cells of a page are often alike in their first bytes; a piece that is no
 * more than those is left to the piece behind it, which then reaches back over them.
 */
const PIECE_MIN = 12
/** Numbers that are worth a ladder. */
const LADDER_MIN = 5

/**
 * After each 2^5 bytes without a match the steps of the search grow by one, as LZ4's do: the bytes are likely all new,
 * such as a picture's.
 */
const PATIENCE_BITS = 5
const STEP_MAX = 16

/** Spreads the bits of a word over the table: 2^32 divided by the golden ratio. */
const HASH_FACTOR = 0x9e3779b1
/** Of the words of 4 bytes in a lender, one in so many is a place. */
const WORDS_APART = 2
/** Of a slot, for a place plus 1: `LENDERS_MAX` pages of 64 KiB have fewer. */
const PLACE_BITS = 22
const PLACE_MASK: number = 2 ** PLACE_BITS - 1
const TAG_MASK: number = ~PLACE_MASK

/** Memory of the last `Pieces`; only one is used at a time. */
let table: Int32Array = new Int32Array(4096)
let pool: Uint8Array = new Uint8Array(0)

/**
 * Where the pieces of some pages are, so that pages which SQLite has put together anew (split, merged, packed) can be
 * written as pieces of what was there before.
 *
 * Every eighth byte of the lenders is a place where a piece is found; a piece of 11 bytes is found for certain unless
 * another that begins with the same word, or falls into its slot, hides it.
 *
 * The pages stand one after another in one piece of memory, and behind them one of zeros. A slot holds a place there, plus 1, and above it some
 * bits of the word at that place: most words that are not there are told by these, without a look at the place.
 */
export class Pieces {
  readonly #pageBits: number
  readonly #slots: Int32Array
  readonly #hashShift: number
  readonly #bytes: Uint8Array
  readonly #view: DataView
  /** Where the page of zeros begins. */
  readonly #zeros: number

  /** @param lenders - pages as they were, at most `LENDERS_MAX` */
  constructor(lenders: readonly Uint8Array[], pageSize: number) {
    this.#pageBits = 31 - Math.clz32(pageSize)
    // Two slots for each place.
    const bits = Math.max(8, 32 - Math.clz32((lenders.length * pageSize) >>> 2))
    const slots = 1 << bits
    if (table.length < slots) table = new Int32Array(slots)
    else table.fill(0, 0, slots)
    this.#slots = table
    this.#hashShift = 32 - bits
    this.#zeros = lenders.length * pageSize
    const size = this.#zeros + pageSize
    if (pool.byteLength < size) pool = new Uint8Array(2 * size)
    this.#bytes = pool
    this.#view = viewOf(pool)
    for (let i = 0; i < lenders.length; i++) pool.set(lenders[i]!, i * pageSize)
    pool.fill(0, this.#zeros, size)
    this.#add(new Int32Array(pool.buffer, 0, this.#zeros >>> 2))
  }

  #add(words: Int32Array): void {
    const slots = this.#slots
    const hashShift = this.#hashShift
    let previous = 0
    for (let i = 0; i < words.length; i += WORDS_APART) {
      const word = words[i]!
      // Of a run of equal words the first is enough.
      if (word === previous) continue
      const hash = Math.imul(word, HASH_FACTOR)
      slots[hash >>> hashShift] = (hash << PLACE_BITS) | ((i << 2) + 1)
      previous = word
    }
  }

  /**
   * Writes a page as pieces of what was there before.
   *
   * @param self - its own index among the lenders; -1 when it lends nothing, and is written against zeros
   */
  write(writer: PageWriter, after: Uint8Array, self: number): void {
    const pageBits = this.#pageBits
    const slots = this.#slots
    const hashShift = this.#hashShift
    const bytes = this.#bytes
    const was = this.#view
    const size = after.byteLength
    const own = self < 0 ? this.#zeros : self << pageBits
    const last = size - PIECE_MIN
    const pointers = endOfCellPointers(after)
    const is = viewOf(after)
    let done = 0
    let at = 0
    let misses = 0
    while (at <= last) {
      const word = is.getInt32(at, true)
      if (was.getInt32(own + at, true) === word) {
        const end = endOfMatch(was, own + at, is, at, size)
        writer.literal(after, done, at)
        writer.keep(end - at)
        at = done = end
        misses = 0
        continue
      }
      if (at < pointers && (at & 1) === 0) {
        const end = endOfLadder(after, at, pointers)
        if (end - at >= LADDER_MIN * 2) {
          writer.literal(after, done, at)
          const first = (after[at]! << 8) | after[at + 1]!
          writer.ladder((end - at) >>> 1, first, ((after[at + 2]! << 8) | after[at + 3]!) - first)
          at = done = end
          misses = 0
          continue
        }
      }
      const hash = Math.imul(word, HASH_FACTOR)
      const slot = slots[hash >>> hashShift]!
      if (slot !== 0 && ((slot ^ (hash << PLACE_BITS)) & TAG_MASK) === 0) {
        const place = (slot & PLACE_MASK) - 1
        if (was.getInt32(place, true) === word) {
          const lender = place >>> pageBits
          const base = lender << pageBits
          const end = endOfMatch(was, place, is, at, Math.min(size, at + base + size - place))
          const shift = place - at
          let start = at
          while (start > done && start + shift > base && bytes[start + shift - 1] === after[start - 1]) start--
          if (end - start >= PIECE_MIN) {
            writer.literal(after, done, start)
            if (lender !== self) writer.borrow(lender, end - start, start + shift - base)
            else if (shift === own) writer.keep(end - start)
            else writer.move(end - start, shift - own)
            at = done = end
            misses = 0
            continue
          }
        }
      }
      // The numbers of the array of cell places are at even offsets.
      if (at < pointers) at += 2 - (at & 1)
      else at += 1 + Math.min(misses++ >>> PATIENCE_BITS, STEP_MAX)
    }
    let end = size
    while (end > done && bytes[own + end - 1] === after[end - 1]) end--
    writer.literal(after, done, end)
  }
}

/**
 * The offset behind the run of `is` from `at` on, to `end` at most, that is as `was` is from `from` on. Four bytes at least are known to be
 * alike.
 */
function endOfMatch(was: DataView, from: number, is: DataView, at: number, end: number): number {
  const shift = from - at
  let i = at + 4
  while (i + 4 <= end && was.getInt32(i + shift, true) === is.getInt32(i, true)) i += 4
  while (i < end && was.getUint8(i + shift) === is.getUint8(i)) i++
  return i
}

/** A page, for reading words of 4 bytes at any offset. */
function viewOf(page: Uint8Array): DataView {
  return new DataView(page.buffer, page.byteOffset, page.byteLength)
}

/** Where a run of 16-bit numbers ends of which each differs from the one before by the same. */
function endOfLadder(page: Uint8Array, start: number, end: number): number {
  let value = (page[start + 2]! << 8) | page[start + 3]!
  const step = value - ((page[start]! << 8) | page[start + 1]!)
  if (step === 0) return start
  let at = start + 4
  for (; at + 1 < end; at += 2) {
    const next = (page[at]! << 8) | page[at + 1]!
    if (next - value !== step) break
    value = next
  }
  return at
}
