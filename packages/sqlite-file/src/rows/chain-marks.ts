import type { PageNumber } from '@stemma/base'
import { uint32At } from '../bytes.ts'
import { decodeCell } from '../cell.ts'
import type { PayloadPlace } from '../overflow.ts'
import { readPage, type Pages } from '../pages.ts'
import { decodeTreePage, type TreePage } from '../tree-page.ts'
import { treeIdOf, type PageNumbers } from './page-map.ts'
import type { DatabaseChange } from './row-difference.ts'
import { newTreeChange, type Tree, type TreeChange } from './tree-change.ts'
import { isWritten } from './written.ts'

/** What the accounts of a commit are made from. */
export interface AccountContext {
  readonly change: DatabaseChange
  /** The places of pages after the commit. */
  readonly map: PageNumbers
  /** True when the database keeps a pointer map, after the commit. */
  readonly hasPointerMap: boolean
  readonly trees: ReadonlyMap<number, Tree>
  /** The trees that the commit touched, by id. Trees join it, and leaves join them, where only a chain was written. */
  readonly changes: Map<number, TreeChange>
}

/** The start of an overflow chain, and the page of its cell. */
export interface ChainStart {
  readonly leaf: PageNumber
  readonly first: PageNumber
}

/** How to go up a chain. */
export interface Parents {
  /** The overflow page or the page of a tree before a page; 0 when unknown. */
  readonly parentOf: (pageNumber: PageNumber) => PageNumber
  readonly isKnown: (pageNumber: PageNumber) => boolean
}

/** Goes from an overflow page to the start of its chain; undefined when there is no way, or it is not true. */
export function climb(pageNumber: PageNumber, context: AccountContext, parents: Parents): ChainStart | 'known' | undefined {
  const { change, map } = context
  let first = pageNumber
  for (let steps = 0; steps < change.after.pageCount; steps++) {
    const parent = parents.parentOf(first)
    if (parent === 0 || parent > change.after.pageCount) return undefined
    if (map.get(parent) !== 0) return { leaf: parent, first }
    if (uint32At(readPage(change.after, parent, first), 0) !== first) return undefined
    if (parents.isKnown(parent)) return 'known'
    first = parent
  }
  return undefined
}

/** Marks cells as changed because of their chains. */
export class ChainMarks {
  readonly #context: AccountContext
  readonly #leaves = new Map<number, Set<PageNumber>>()
  #moved: ReadonlyMap<PageNumber, PageNumber> | undefined

  constructor(context: AccountContext) {
    this.#context = context
  }

  /** @returns the cell; undefined when no tree has it */
  mark({ leaf, first }: ChainStart): { readonly page: TreePage; readonly cell: PayloadPlace } | undefined {
    const found = this.#find(leaf, first) ?? this.#find(this.#movedTo(first), first)
    if (found === undefined) return undefined
    const { change, map, trees, changes } = this.#context
    const { pageNumber } = found.page
    const tree = trees.get(treeIdOf(map.get(pageNumber)))!
    if (tree.shape.content === 'index') return found
    const treeChange = changes.get(tree.id) ?? newTreeChange(tree)
    changes.set(tree.id, treeChange)
    treeChange.chains ??= new Set()
    treeChange.chains.add(first)
    if (isWritten(change.written, pageNumber)) return found
    let leaves = this.#leaves.get(tree.id)
    if (leaves === undefined) this.#leaves.set(tree.id, (leaves = new Set(treeChange.after)))
    if (leaves.has(pageNumber)) return found
    leaves.add(pageNumber)
    treeChange.before.push(pageNumber)
    treeChange.after.push(pageNumber)
    return found
  }

  #find(pageNumber: PageNumber, first: PageNumber): { page: TreePage; cell: PayloadPlace } | undefined {
    const { change, map } = this.#context
    if (map.get(pageNumber) === 0) return undefined
    const page = treePage(change.after, pageNumber)
    if (page.kind === 'table-interior') return undefined
    for (const cell of overflowing(page)) {
      if (cell.firstOverflow === first) return { page, cell }
    }
    return undefined
  }

  /** The touched page on which a chain begins now; 0 when none does. */
  #movedTo(first: PageNumber): PageNumber {
    const { change, changes } = this.#context
    if (this.#moved === undefined) {
      const moved = new Map<PageNumber, PageNumber>()
      for (const { after } of changes.values()) {
        for (const pageNumber of after) {
          for (const cell of overflowing(treePage(change.after, pageNumber))) moved.set(cell.firstOverflow, pageNumber)
        }
      }
      this.#moved = moved
    }
    return this.#moved.get(first) ?? 0
  }
}

/** @throws StemmaError DAMAGED_FILE when it is no page of a tree */
export function treePage(pages: Pages, pageNumber: PageNumber): TreePage {
  return decodeTreePage(readPage(pages, pageNumber, 0), pageNumber, pages.usableSize)
}

/** The cells of a page that have overflow pages. */
export function* overflowing(page: TreePage): Generator<PayloadPlace & { readonly firstOverflow: PageNumber }, void, undefined> {
  if (page.kind === 'table-interior') return
  for (let index = 0; index < page.cellCount; index++) {
    const cell = decodeCell(page, index)
    if (cell.firstOverflow !== 0) yield cell
  }
}
