import type { PageNumber } from '@stemma/base'
import type { Pages } from '../pages.ts'
import type { TreePage } from '../tree-page.ts'
import { changedCells } from './changed-cells.ts'
import { LeafCursor } from './leaf-cursor.ts'
import { sameBytes } from './same-bytes.ts'
import type { TreeChange } from './tree-change.ts'

/** So many leaves of a side are held while rows are told; of larger commits one of each side. */
const LEAVES_KEPT_MAX = 256

/**
 * Goes through the leaves of a table as they were and as they are, in the order of rowids, and stops at cells that are on one side
 * only or whose bytes differ.
 */
export class RowMerge {
  readonly before: LeafCursor
  readonly after: LeafCursor
  /** What `next` stopped at. */
  hasBefore = false
  hasAfter = false
  readonly #leavesBefore: SortedLeaves
  readonly #leavesAfter: SortedLeaves
  readonly #chains: ReadonlySet<PageNumber> | undefined
  #leafBefore = -1
  #leafAfter = -1

  constructor(change: TreeChange, pages: { readonly before: Pages; readonly after: Pages }) {
    this.#chains = change.chains
    const isOnePage = change.before.length < 2 && change.after.length < 2
    this.#leavesBefore = isOnePage
      ? { leaves: change.before, ends: undefined, kept: undefined }
      : sortLeaves(pages.before, change.before)
    this.#leavesAfter = isOnePage
      ? { leaves: change.after, ends: undefined, kept: undefined }
      : sortLeaves(pages.after, change.after)
    this.before = new LeafCursor(pages.before, this.#leavesBefore.leaves, this.#leavesBefore.kept)
    this.after = new LeafCursor(pages.after, this.#leavesAfter.leaves, this.#leavesAfter.kept)
  }

  /** Goes on to the next cells that differ. @returns false at the end */
  next(): boolean {
    const { before, after } = this
    if (this.hasBefore) before.next()
    if (this.hasAfter) after.next()
    for (;;) {
      if (this.#skipsLeaves()) continue
      const order = this.#order()
      this.hasBefore = order <= 0 && !before.isDone
      this.hasAfter = order >= 0 && !after.isDone
      if (order !== 0) return true
      if (!this.hasBefore) return false
      if (!this.#isSameCell()) return true
      before.next()
      after.next()
    }
  }

  /** Less than 0 when the row before comes first, more when the row after does, 0 when it is the same row, or none. */
  #order(): number {
    const { before, after } = this
    if (before.isDone) return after.isDone ? 0 : 1
    if (after.isDone) return -1
    return before.high - after.high || before.low - after.low
  }

  #isSameCell(): boolean {
    const { before, after } = this
    const size = before.end - before.offset
    if (size !== after.end - after.offset) return false
    if (!sameBytes(before.page.bytes, before.offset, after.page.bytes, after.offset, size)) return false
    return this.#chains === undefined || !this.#chains.has(after.firstOverflow)
  }

  /**
   * Leaves out what is the same at both ends of a leaf when both sides are about to enter it, and nothing else has rows in its range.
   *
   * @returns true when it did, and the cursors stand somewhere else now
   */
  #skipsLeaves(): boolean {
    const { before, after } = this
    if (before.leaf === this.#leafBefore || after.leaf === this.#leafAfter) return false
    if (before.isDone || after.isDone || before.index > 0 || after.index > 0) return false
    if (before.page.pageNumber !== after.page.pageNumber || this.#chains !== undefined) return false
    const [leafBefore, leafAfter] = [before.leaf, after.leaf]
    if (!isApart(this.#leavesBefore, leafBefore, this.#leavesAfter, leafAfter)) return false
    this.#leafBefore = leafBefore
    this.#leafAfter = leafAfter
    const { start, tail } = changedCells(before.page, after.page)
    before.narrow(start, tail)
    after.narrow(start, tail)
    return true
  }
}

/** Leaves in the order of their rowids, and the first and last rowid of each in halves. */
interface SortedLeaves {
  readonly leaves: readonly PageNumber[]
  /** Four for each leaf: first high, first low, last high, last low. Undefined when there is one leaf at most, on either side. */
  readonly ends: Float64Array | undefined
  /** The leaves themselves, when they are few. */
  readonly kept: readonly TreePage[] | undefined
}

/** Leaves without cells are left out. */
function sortLeaves(pages: Pages, leaves: readonly PageNumber[]): SortedLeaves {
  const cursor = new LeafCursor(pages, leaves)
  const unsorted = new Float64Array(4 * leaves.length)
  const order: number[] = []
  const kept: TreePage[] | undefined = leaves.length <= LEAVES_KEPT_MAX ? [] : undefined
  for (; !cursor.isDone; cursor.nextLeaf()) {
    const at = 4 * cursor.leaf
    order.push(cursor.leaf)
    if (kept !== undefined) kept[cursor.leaf] = cursor.page
    unsorted[at] = cursor.high
    unsorted[at + 1] = cursor.low
    cursor.narrow(cursor.page.cellCount - 1, 0)
    unsorted[at + 2] = cursor.high
    unsorted[at + 3] = cursor.low
  }
  order.sort((a, b) => unsorted[4 * a]! - unsorted[4 * b]! || unsorted[4 * a + 1]! - unsorted[4 * b + 1]!)
  const ends = new Float64Array(4 * order.length)
  for (const [i, leaf] of order.entries()) ends.set(unsorted.subarray(4 * leaf, 4 * leaf + 4), 4 * i)
  return { leaves: order.map((leaf) => leaves[leaf]!), ends, kept: kept && order.map((leaf) => kept[leaf]!) }
}

/** True when the rows of a leaf before and after all come before the rows of the next leaf on either side. */
function isApart(before: SortedLeaves, leafBefore: number, after: SortedLeaves, leafAfter: number): boolean {
  return (
    endsBefore(before, leafBefore, after, leafAfter + 1) &&
    endsBefore(after, leafAfter, before, leafBefore + 1) &&
    // Within a side leaves are apart in any case, but a damaged tree may not know that.
    endsBefore(before, leafBefore, before, leafBefore + 1) &&
    endsBefore(after, leafAfter, after, leafAfter + 1)
  )
}

function endsBefore(a: SortedLeaves, leaf: number, b: SortedLeaves, next: number): boolean {
  if (next >= b.leaves.length) return true
  if (a.ends === undefined || b.ends === undefined) return false
  const [at, otherAt] = [4 * leaf, 4 * next]
  const order = a.ends[at + 2]! - b.ends[otherAt]! || a.ends[at + 3]! - b.ends[otherAt + 1]!
  return order < 0
}
