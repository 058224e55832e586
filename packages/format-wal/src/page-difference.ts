import { SPLICES_MAX, SPLICE_BYTES_MAX } from './ops.ts'
import type { PageWriter } from './page-writer.ts'

/** So many bytes that stay end a literal. */
const KEEP_MIN = 6
/** So many bytes behind it must be there already for a piece to count as put in or taken out. */
const SPLICE_MATCH = 6

/** Two pages, and how far the comparison came. */
interface Comparison {
  readonly before: Uint8Array
  readonly after: Uint8Array
  /** Where the array of cell places begins; what stands before it is never shifted. */
  readonly arrayStart: number
  /** Bytes of `after` before here are compared with those of `before` that stand `shift` bytes further on. */
  shiftedEnd: number
  shift: number
  /** Bytes from `shiftedEnd` to here are not as `before` has them: something that was put in pushed others there. */
  pushedEnd: number
  splices: number
}

/**
 * Writes what differs between two pages in few places: runs of bytes, and places of cells that were put in or taken out.
 *
 * SQLite keeps the places of a page's cells as an array of 16-bit numbers: a cell put in or taken out in the middle of
 * it shifts the rest by 2 bytes.
 *
 * @param before - as long as `after`; both begin at a multiple of 8 within their buffers
 * @param literalsMax - give up when more bytes than this would go out as literals
 * @returns whether all was written; when not, what the writer holds is of no use
 */
export function writeDifference(writer: PageWriter, before: Uint8Array, after: Uint8Array, literalsMax: number): boolean {
  const size = after.byteLength
  const was = new BigInt64Array(before.buffer, before.byteOffset, size >>> 3)
  const is = new BigInt64Array(after.buffer, after.byteOffset, size >>> 3)
  if (isRearranged(was, is)) return false
  const comparison = newComparison(before, after)
  let literals = 0
  let done = 0
  for (;;) {
    const at = endOfSame(comparison, was, is, done)
    if (at >= size) return true
    writer.reserve(2 * size)
    writer.keep(at - done)
    done = splice(comparison, writer, at)
    if (done >= 0) continue
    done = endOfLiteral(comparison, at, Math.min(size, at + literalsMax + 1))
    literals += done - at
    if (literals > literalsMax) return false
    writer.literal(after, at, done)
  }
}

/** A guess from a few words, for it is dear to find out by comparing the whole page. */
function isRearranged(was: BigInt64Array, is: BigInt64Array): boolean {
  const step = is.length >>> 5
  let different = 0
  for (let at = step >>> 1; at < is.length; at += step) {
    if (was[at] !== is[at]) different++
  }
  return different > 8
}

/**
 * A comparison that knows where both pages have the array of cell places, if they look like the same kind of page of a B-tree.
 * It is a hint: a page that only looks so costs time, no more.
 *
 * @see https://sqlite.org/fileformat2.html#b_tree_pages
 */
function newComparison(before: Uint8Array, after: Uint8Array): Comparison {
  const arrayStart = startOfCellPointers(after)
  const isSameKind = arrayStart > 0 && startOfCellPointers(before) === arrayStart
  const shiftedEnd = isSameKind ? endOfCellPointers(before) : 0
  return { before, after, arrayStart, shiftedEnd, shift: 0, pushedEnd: 0, splices: 0 }
}

/** Where the array of cell places begins, in a page that looks like part of a B-tree; 0 in any other. */
function startOfCellPointers(page: Uint8Array): number {
  // The first page begins with the header of the file: "SQLi".
  const header = page[0] === 0x53 && page[1] === 0x51 ? 100 : 0
  const kind = page[header]
  if (kind === 13 || kind === 10) return header + 8
  return kind === 5 || kind === 2 ? header + 12 : 0
}

/** Where it ends, 0 in a page that has none. Always a good way before the end of the page. */
export function endOfCellPointers(page: Uint8Array): number {
  const start = startOfCellPointers(page)
  if (start === 0) return 0
  const header = start >= 100 ? 100 : 0
  const cells = (page[header + 3]! << 8) | page[header + 4]!
  return Math.min(start + 2 * cells, page.byteLength >>> 1)
}

/** The offset from `from` on of the first byte that differs; the size of the page when none does. */
function endOfSame(comparison: Comparison, was: BigInt64Array, is: BigInt64Array, from: number): number {
  const { before, after, shift, shiftedEnd, pushedEnd } = comparison
  let at = from
  if (shift !== 0 || at < pushedEnd) {
    while (at < shiftedEnd && before[at + shift] === after[at]) at++
    if (at < shiftedEnd || at < pushedEnd) return at
    comparison.shift = 0
  }
  for (; (at & 7) !== 0; at++) if (before[at] !== after[at]) return at
  const words = is.length
  let word = at >>> 3
  while (word < words && was[word] === is[word]) word++
  if (word === words) return after.byteLength
  at = word << 3
  while (before[at] === after[at]) at++
  return at
}

/**
 * Writes a piece of the array of cell places that was put in or taken out, if there is one.
 *
 * @returns where to go on; -1 when there is none
 */
function splice(comparison: Comparison, writer: PageWriter, at: number): number {
  const { after, shiftedEnd } = comparison
  const count = spliceAt(comparison, at)
  if (count === 0) return -1
  if (count < 0 && comparison.shift !== 0) comparison.pushedEnd = Math.max(comparison.pushedEnd, shiftedEnd)
  comparison.splices++
  comparison.shift -= count
  comparison.shiftedEnd += count
  if (count < 0) {
    writer.remove(-count, shiftedEnd - at + count)
    return at
  }
  writer.insert(count, shiftedEnd - at, after, at)
  return at + count
}

/** How many bytes were put in here; fewer than 0: taken out. */
function spliceAt(comparison: Comparison, at: number): number {
  const { before, after, arrayStart, shift, shiftedEnd } = comparison
  if (at < arrayStart || at > shiftedEnd - SPLICE_MATCH || comparison.splices === SPLICES_MAX) return 0
  for (let count = 2; count <= SPLICE_BYTES_MAX; count += 2) {
    if (after[at + count] === before[at + shift] && isSplice(before, at + shift, after, at + count)) {
      return shiftedEnd + count <= after.byteLength ? count : 0
    }
    if (at + count > shiftedEnd - SPLICE_MATCH) continue
    if (after[at] === before[at + shift + count] && isSplice(before, at + shift + count, after, at)) return -count
  }
  return 0
}

function isSplice(before: Uint8Array, from: number, after: Uint8Array, at: number): boolean {
  for (let i = 1; i < SPLICE_MATCH; i++) if (before[from + i] !== after[at + i]) return false
  return true
}

/**
 * The offset behind a literal that begins with the byte at `from`.
 *
 * @param end - of what is looked at
 */
function endOfLiteral(comparison: Comparison, from: number, end: number): number {
  const { before, after, arrayStart, shift, shiftedEnd, pushedEnd } = comparison
  const arrayEnd = Math.min(shiftedEnd, end)
  let same = 0
  let at = from + 1
  for (; at < arrayEnd; at++) {
    same = after[at] === before[at + shift] ? same + 1 : 0
    if (same === KEEP_MIN) return at + 1 - KEEP_MIN
    if (same === 0 && at >= arrayStart && spliceAt(comparison, at) !== 0) return at
  }
  if (at < pushedEnd) {
    at = pushedEnd
    same = 0
  }
  for (; at < end; at++) {
    same = after[at] === before[at] ? same + 1 : 0
    if (same === KEEP_MIN) return at + 1 - KEEP_MIN
  }
  return at - same
}
