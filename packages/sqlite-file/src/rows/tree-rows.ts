import { readPayload } from '../overflow.ts'
import { rowsUnknown } from './rows-unknown.ts'
import type { KeyedCell } from './cell-list.ts'
import { keyOfRecord, keyedDifference } from './keyed-difference.ts'
import { rowidOf } from './leaf-cursor.ts'
import type { DatabaseChange, RecordChange } from './row-difference.ts'
import { RowMerge } from './row-merge.ts'
import { sameBytes } from './same-bytes.ts'
import type { TreeChange } from './tree-change.ts'

/** The rows that differ in the pages of one table. */
export function rowsOf(treeChange: TreeChange, change: DatabaseChange): Generator<RecordChange, void, undefined> {
  return treeChange.tree.shape.content === 'rows' ? rowsByRowid(treeChange, change) : rowsByKey(treeChange, change)
}

function* rowsByRowid(treeChange: TreeChange, change: DatabaseChange): Generator<RecordChange, void, undefined> {
  const merge = new RowMerge(treeChange, change)
  while (merge.next()) {
    const { before: cellBefore, after: cellAfter } = merge
    const before = merge.hasBefore ? readPayload(change.before, cellBefore.page, cellBefore) : undefined
    const after = merge.hasAfter ? readPayload(change.after, cellAfter.page, cellAfter) : undefined
    if (before !== undefined && after !== undefined && isSame(before, after)) continue
    const cell = merge.hasAfter ? cellAfter : cellBefore
    yield { rowid: rowidOf(cell.high, cell.low), before, after }
  }
}

function* rowsByKey(treeChange: TreeChange, change: DatabaseChange): Generator<RecordChange, void, undefined> {
  const { keyCount } = treeChange.tree.shape
  const difference = keyedDifference(treeChange, change)
  const payloadOf = ({ page, cell }: KeyedCell, side: 'before' | 'after'): Uint8Array => readPayload(change[side], page, cell)
  const isPaired = difference.before.length > 0 && difference.after.length > 0
  const deleted = new Map<string, KeyedCell>()
  for (const one of isPaired ? difference.before : []) {
    const key = keyOfRecord(payloadOf(one, 'before'), keyCount)
    if (deleted.has(key)) throw rowsUnknown('a key is there twice', [deleted.get(key)!.page.pageNumber, one.page.pageNumber])
    deleted.set(key, one)
  }
  for (const one of difference.after) {
    const after = payloadOf(one, 'after')
    const key = isPaired ? keyOfRecord(after, keyCount) : ''
    const match = isPaired ? deleted.get(key) : undefined
    if (match === undefined) {
      yield { rowid: 0n, before: undefined, after }
      continue
    }
    deleted.delete(key)
    const before = payloadOf(match, 'before')
    if (!isSame(before, after)) yield { rowid: 0n, before, after }
  }
  for (const one of isPaired ? deleted.values() : difference.before) {
    yield { rowid: 0n, before: payloadOf(one, 'before'), after: undefined }
  }
}

function isSame(before: Uint8Array, after: Uint8Array): boolean {
  return before.byteLength === after.byteLength && sameBytes(before, 0, after, 0, before.byteLength)
}
