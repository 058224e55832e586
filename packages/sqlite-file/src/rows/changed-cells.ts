import { uint16At } from '../bytes.ts'
import type { TreePage } from '../tree-page.ts'
import { narrowToDifference, type ByteRange } from './same-bytes.ts'

/** The cells of a page that may differ between two images of it: those before `start`, and the last `tail` ones, are the same. */
export interface CellWindow {
  readonly start: number
  readonly tail: number
  /** The cells before `head`, and the last `tailEnd` ones, are at the same place in both images. */
  readonly head: number
  readonly tailEnd: number
}

/**
 * Finds the cells of a page that a commit may have changed, without decoding any.
 *
 * A cell is the same when both images point to the same bytes and these did not change. Cells never overlap, so of those that
 * begin before the bytes that changed only the last one can reach into them.
 */
export function changedCells(before: TreePage, after: TreePage): CellWindow {
  const most = Math.min(before.cellCount, after.cellCount)
  const dirty = dirtyBytes(before, after)
  const reach = { offset: -1, index: 0, fromEnd: 0 }
  let startDirty = -1
  let endDirty = -1
  let same = 0
  for (let [at, otherAt] = [before.pointersOffset, after.pointersOffset]; same < most; same++, at += 2, otherAt += 2) {
    const offset = uint16At(before.bytes, at)
    if (offset !== uint16At(after.bytes, otherAt)) break
    if (offset >= dirty.end) continue
    if (offset > dirty.first) {
      if (startDirty < 0) startDirty = same
      endDirty = same
    } else if (offset > reach.offset) {
      reach.offset = offset
      reach.index = same
    }
  }
  const reachInHead = reach.offset
  const headEnd = same
  let tail = 0
  let tailDirty = -1
  for (; tail < most - headEnd; tail++) {
    const offset = uint16At(before.bytes, before.pointersOffset + 2 * (before.cellCount - 1 - tail))
    if (offset !== uint16At(after.bytes, after.pointersOffset + 2 * (after.cellCount - 1 - tail))) break
    if (offset >= dirty.end) continue
    if (offset > dirty.first) {
      if (tailDirty < 0) tailDirty = tail
    } else if (offset > reach.offset) {
      reach.offset = offset
      reach.fromEnd = tail
    }
  }
  // The one that may reach into the changed bytes counts as changed.
  if (reach.offset > reachInHead) {
    tailDirty = tailDirty < 0 ? reach.fromEnd : Math.min(tailDirty, reach.fromEnd)
  } else if (reach.offset >= 0) {
    startDirty = startDirty < 0 ? reach.index : Math.min(startDirty, reach.index)
    endDirty = Math.max(endDirty, reach.index)
  }
  const start = startDirty < 0 ? headEnd : startDirty
  if (headEnd === before.cellCount && headEnd === after.cellCount && endDirty >= 0) {
    // All are where they were: what comes behind the last that changed is the tail.
    const head = endDirty + 1
    return { start, tail: headEnd - head, head, tailEnd: headEnd - head }
  }
  return { start, tail: tailDirty < 0 ? tail : tailDirty, head: headEnd, tailEnd: tail }
}

/** Where cells of two images of a page differ at all. */
function dirtyBytes(before: TreePage, after: TreePage): ByteRange {
  const low = Math.min(before.contentOffset, after.contentOffset)
  const high = Math.max(before.contentOffset, after.contentOffset)
  const range = { first: high, end: before.usableSize }
  narrowToDifference(before.bytes, after.bytes, range)
  const isSame = range.first >= range.end
  if (low === high) return isSame ? { first: -1, end: -1 } : range
  return { first: low, end: isSame ? high : range.end }
}
