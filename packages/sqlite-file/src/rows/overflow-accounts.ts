import type { PageNumber } from '@stemma/base'
import { uint32At } from '../bytes.ts'
import { damagedPage } from '../damage.ts'
import { decodeFreelistTrunk } from '../freelist.ts'
import { walkOverflow, type PayloadPlace } from '../overflow.ts'
import { readPage } from '../pages.ts'
import { pointerMapEntryOf, pointerMapPageOf } from '../pointer-map.ts'
import type { TreePage } from '../tree-page.ts'
import { ChainMarks, climb, overflowing, treePage, type AccountContext, type Parents } from './chain-marks.ts'
import { keyedDifference } from './keyed-difference.ts'
import { PageNumbers, heightOf, treeIdOf } from './page-map.ts'
import { RowMerge } from './row-merge.ts'
import { rowsUnknown } from './rows-unknown.ts'
import { isWritten } from './written.ts'

/**
 * Accounts for the pages that a commit wrote and that stand in no tree.
 *
 * SQLite overwrites overflow pages in place when a row keeps its size, and may leave the page of the row's cell untouched. Such a page
 * was an overflow page before and is one now; so is the first page that was written of any chain whose cell looks the same as before. All
 * others are free now, or in a chain of a cell that is new. So whatever is left when these are counted out was written in
 * place, and its cell is looked for: by the pointer map in a database that has one; else by a map of our own, which is made
 * when it is needed for the first time.
 */
export class OverflowAccounts {
  /** For each overflow page of a table: the one before it, the page of the cell before the first. 4 bytes a page. */
  #owners: PageNumbers | undefined

  get bytes(): number {
    return this.#owners?.bytes ?? 0
  }

  /**
   * Adds the cells whose chains were written in place to the changes of their trees.
   *
   * @param written - the pages to account for
   * @throws StemmaError ROWS_UNKNOWN when one belongs to nothing
   */
  settle(written: readonly PageNumber[], context: AccountContext): void {
    if (context.hasPointerMap) {
      this.#owners = undefined
      if (written.length > 0) settleByPointerMap(written, context)
      return
    }
    const owners = this.#owners
    if (owners !== undefined) keepOwners(owners, context)
    if (written.length === 0) return
    const open = new Set(written)
    const budget = { pagesLeft: context.change.after.pageCount }
    leaveOutFree(open, context, true)
    if (open.size > 0) leaveOutChanged(open, context, { owners, budget })
    if (open.size > 0) leaveOutIndexes(open, context, budget)
    if (open.size > 0) this.#settleByOwners(open, context)
    if (open.size > 0) leaveOutFree(open, context, false)
    if (open.size > 0) throw rowsUnknown('pages were written that belong to nothing known', [...open])
  }

  #settleByOwners(open: Set<PageNumber>, context: AccountContext): void {
    const owners = (this.#owners ??= ownersOf(context))
    const { after } = context.change
    const marks = new ChainMarks(context)
    for (const pageNumber of open) {
      const chain = climb(pageNumber, context, { parentOf: (page) => owners.get(page), isKnown: () => false })
      if (chain === undefined || chain === 'known') continue
      const found = marks.mark(chain)
      if (found === undefined) continue
      for (const overflow of walkOverflow(after, found.page, found.cell)) {
        owners.set(overflow.pageNumber, overflow.previous)
        open.delete(overflow.pageNumber)
      }
    }
  }
}

function settleByPointerMap(written: readonly PageNumber[], context: AccountContext): void {
  const { after } = context.change
  const entryOf = (pageNumber: PageNumber) =>
    pointerMapEntryOf(readPage(after, pointerMapPageOf(pageNumber, after), pageNumber), pageNumber, after)
  const known = new Set<PageNumber>()
  const marks = new ChainMarks(context)
  const parents: Parents = {
    parentOf: (pageNumber) => {
      const { kind, parent } = entryOf(pageNumber)
      if (kind !== 'first-overflow' && kind !== 'next-overflow') return 0
      known.add(pageNumber)
      return parent
    },
    isKnown: (pageNumber) => known.has(pageNumber),
  }
  for (const pageNumber of written) {
    if (known.has(pageNumber) || entryOf(pageNumber).kind === 'free') continue
    const chain = climb(pageNumber, context, parents)
    const isFound = chain === 'known' || (chain !== undefined && marks.mark(chain) !== undefined)
    if (!isFound) throw rowsUnknown('a page was written that is in no chain that the pointer map names', [pageNumber])
  }
}

/** Leaves out trunks and leaves of the freelist. @param isPrefix - true to stop at the first trunk that was not written */
function leaveOutFree(open: Set<PageNumber>, { change }: AccountContext, isPrefix: boolean): void {
  const { after, written } = change
  let from: PageNumber = 1
  let next = uint32At(readPage(after, 1, 0), 32)
  for (let count = 0; next !== 0 && open.size > 0 && !(isPrefix && !isWritten(written, next)); count++) {
    if (count > after.pageCount) throw damagedPage(from, 'the freelist is a circle')
    const trunk = decodeFreelistTrunk(readPage(after, next, from), next, after.usableSize)
    open.delete(next)
    for (const leaf of trunk.leaves) open.delete(leaf)
    from = next
    next = trunk.next
  }
}

/** Leaves out the chains of cells of tables that are new or that changed. */
function leaveOutChanged(
  open: Set<PageNumber>,
  { change, changes }: AccountContext,
  { owners, budget }: { owners: PageNumbers | undefined; budget: { pagesLeft: number } },
): void {
  const visit = (page: TreePage, cell: PayloadPlace): void => {
    if (cell.localSize === cell.payloadSize) return
    for (const { pageNumber, previous } of walkOverflow(change.after, page, cell)) {
      if (--budget.pagesLeft < 0) throw damagedPage(page.pageNumber, 'payloads share their overflow pages')
      open.delete(pageNumber)
      owners?.set(pageNumber, previous)
    }
  }
  for (const treeChange of changes.values()) {
    const { content } = treeChange.tree.shape
    if (treeChange.rootAfter === 0 || content === 'index') continue
    if (content === 'keyed-rows') {
      for (const { page, cell } of keyedDifference(treeChange, change).after) visit(page, cell)
      continue
    }
    const merge = new RowMerge(treeChange, change)
    while (merge.next()) {
      if (merge.hasAfter) visit(merge.after.page, merge.after)
    }
  }
}

/** Leaves out the chains of all cells of an index that are on pages that the commit touched. */
function leaveOutIndexes(open: Set<PageNumber>, { change, changes }: AccountContext, budget: { pagesLeft: number }): void {
  for (const { tree, after } of changes.values()) {
    if (tree.shape.content !== 'index') continue
    for (const pageNumber of after) {
      const page = treePage(change.after, pageNumber)
      for (const cell of overflowing(page)) {
        for (const overflow of walkOverflow(change.after, page, cell)) {
          if (--budget.pagesLeft < 0) throw damagedPage(pageNumber, 'payloads share their overflow pages')
          open.delete(overflow.pageNumber)
        }
      }
      if (open.size === 0) return
    }
  }
}

/** Sees to it that chains are known by the page where their cell is now. */
function keepOwners(owners: PageNumbers, { change, changes }: AccountContext): void {
  owners.resize(change.after.pageCount)
  for (const { tree, after } of changes.values()) {
    if (tree.shape.content === 'index') continue
    for (const pageNumber of after) {
      for (const cell of overflowing(treePage(change.after, pageNumber))) owners.set(cell.firstOverflow, pageNumber)
    }
  }
}

/** The owners of all overflow pages of tables. Reads every page of a table that has cells, and all their chains. */
function ownersOf({ change, map, trees }: AccountContext): PageNumbers {
  const { after } = change
  const owners = new PageNumbers(after.pageCount)
  let pagesLeft = after.pageCount
  for (let leaf: PageNumber = 1; leaf <= after.pageCount; leaf++) {
    const place = map.get(leaf)
    if (place === 0) continue
    const { content } = trees.get(treeIdOf(place))!.shape
    if (content === 'index' || (content === 'rows' && heightOf(place) > 0)) continue
    const page = treePage(after, leaf)
    for (const cell of overflowing(page)) {
      for (const { pageNumber, previous } of walkOverflow(after, page, cell)) {
        if (--pagesLeft < 0) throw damagedPage(leaf, 'payloads share their overflow pages')
        owners.set(pageNumber, previous)
      }
    }
  }
  return owners
}
