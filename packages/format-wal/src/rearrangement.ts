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

/** A page as it was before the commit, from which other pages may take pieces. */
export interface Lender {
  readonly pageNumber: number
  readonly before: DataView
}

/** The table of the last `Pieces`; only one is used at a time. */
let table: Int32Array = new Int32Array(4096)

/**
 * Where the pieces of some pages are, so that pages which SQLite has put together anew (split, merged, packed) can be
 * written as pieces of what was there before.
 *
 * Every fourth byte of the lenders is a place where a piece is found; a piece of 7 bytes is found for certain unless
 * another that begins with the same word, or falls into its slot, hides it.
 */
export class Pieces {
  readonly #lenders: readonly Lender[]
  readonly #pageBits: number
  readonly #slots: Int32Array
  readonly #hashShift: number

  /** @param lenders - at most `LENDERS_MAX` */
  constructor(lenders: readonly Lender[], pageSize: number) {
    this.#lenders = lenders
    this.#pageBits = 31 - Math.clz32(pageSize)
    // Two slots for each word.
    const bits = Math.max(8, 32 - Math.clz32((lenders.length * pageSize) >>> 1))
    const slots = 1 << bits
    if (table.length < slots) table = new Int32Array(slots)
    else table.fill(0, 0, slots)
    this.#slots = table
    this.#hashShift = 32 - bits
    for (let i = 0; i < lenders.length; i++) this.#add(i, lenders[i]!.before)
  }

  #add(lender: number, page: DataView): void {
    const size = page.byteLength
    const slots = this.#slots
    const hashShift = this.#hashShift
    const base = (lender << this.#pageBits) + 1
    let previous = 0
    for (let at = 0; at < size; at += 4) {
      const word = page.getInt32(at, true)
      // Of a run of equal words the first is enough.
      if (word !== previous) slots[Math.imul(word, HASH_FACTOR) >>> hashShift] = base + at
      previous = word
    }
  }

  /**
   * Writes a page as pieces of what was there before.
   *
   * @param before - the page itself as it was, or zeros
   * @param self - its own index among the lenders; -1 when it lends nothing
   */
  write(writer: PageWriter, before: Uint8Array, after: Uint8Array, self: number): void {
    const pageBits = this.#pageBits
    const slots = this.#slots
    const hashShift = this.#hashShift
    const pageMask = (1 << pageBits) - 1
    const size = after.byteLength
    const last = size - PIECE_MIN
    const pointers = endOfCellPointers(after)
    const was = viewOf(before)
    const is = viewOf(after)
    let done = 0
    let at = 0
    let misses = 0
    while (at <= last) {
      const word = is.getInt32(at, true)
      if (was.getInt32(at, true) === word) {
        const end = endOfMatch(was, at, is, at)
        writer.literal(after, done, at)
        writer.keep(end - at)
        at = done = end
        misses = 0
        continue
      }
      const end = at < pointers && (at & 1) === 0 ? endOfLadder(after, at, pointers) : at
      if (end - at >= LADDER_MIN * 2) {
        writer.literal(after, done, at)
        const first = (after[at]! << 8) | after[at + 1]!
        writer.ladder((end - at) >>> 1, first, ((after[at + 2]! << 8) | after[at + 3]!) - first)
        at = done = end
        misses = 0
        continue
      }
      const place = slots[Math.imul(word, HASH_FACTOR) >>> hashShift]! - 1
      if (place >= 0) {
        const lender = place >>> pageBits
        const source = this.#lenders[lender]!.before
        const from = place & pageMask
        if (source.getInt32(from, true) === word) {
          const end = endOfMatch(source, from, is, at)
          const shift = from - at
          let start = at
          while (start > done && start + shift > 0 && source.getUint8(start + shift - 1) === after[start - 1]) start--
          if (end - start >= PIECE_MIN) {
            writer.literal(after, done, start)
            if (lender !== self) writer.borrow(lender, end - start, start + shift)
            else if (shift === 0) writer.keep(end - start)
            else writer.move(end - start, shift)
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
    while (end > done && before[end - 1] === after[end - 1]) end--
    writer.literal(after, done, end)
  }
}

/** The offset behind the run of `is` from `at` on that is as `was` is from `from` on. Four bytes at least are known to be alike. */
function endOfMatch(was: DataView, from: number, is: DataView, at: number): number {
  const shift = from - at
  const end = Math.min(is.byteLength, was.byteLength - shift)
  let i = at + 4
  while (i + 4 <= end && was.getInt32(i + shift, true) === is.getInt32(i, true)) i += 4
  while (i < end && was.getUint8(i + shift) === is.getUint8(i)) i++
  return i
}

/** A page, for reading words of 4 bytes at any offset. */
export function viewOf(page: Uint8Array): DataView {
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
