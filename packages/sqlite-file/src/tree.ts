import type { PageNumber } from '@stemma/base'
import { decodeCell, type Cell } from './cell.ts'
import { damagedPage } from './damage.ts'
import { readPage, type Pages } from './pages.ts'
import { childOf, decodeTreePage, isLeaf, isTable, type TreePage } from './tree-page.ts'

/** No tree is deeper, in pages; SQLite takes a deeper one for damaged. */
export const TREE_DEPTH_MAX = 20

/** One row of a tree, and where it stands. */
export interface TreeCell {
  readonly page: TreePage
  /** The cell's place on its page, from 0. */
  readonly index: number
  readonly cell: Cell
}

/** One page of a tree, and what names it. */
export interface TreeNode {
  readonly page: TreePage
  /** The page that names it as a child; 0 for the root. */
  readonly parent: PageNumber
  /** Pages above it: 0 for the root. */
  readonly depth: number
}

/**
 * The rows of a table, in the order of their rowids; or the keys of an index or of a table WITHOUT ROWID, in their order.
 *
 * Cells in the interior of a table only lead the way, and are left out; cells in the interior of an index are keys.
 * Holds one page for each level of the tree.
 *
 * @throws StemmaError DAMAGED_FILE when the tree makes no sense. A circle is noticed by its depth or by the number of its pages,
 *   payloads that share their overflow pages by being larger together than the database
 */
export function* walkTree(pages: Pages, root: PageNumber): Generator<TreeCell, void, undefined> {
  const walk = new Descent(pages, root)
  let roomLeft = pages.pageCount * pages.pageSize
  for (let step = walk.next(); step !== undefined; step = walk.next()) {
    const { page } = step.node
    const leaf = isLeaf(page.kind)
    if (!leaf && (page.kind === 'table-interior' || step.child === 0)) continue
    const [first, end] = leaf ? [0, page.cellCount] : [step.child - 1, step.child]
    for (let index = first; index < end; index++) {
      const cell = decodeCell(page, index)
      roomLeft -= cell.payloadSize
      if (roomLeft < 0) throw damagedPage(page.pageNumber, 'the payloads of its tree are larger than the database')
      yield { page, index, cell }
    }
  }
}

/**
 * The pages of a tree, each parent before its children, children from left to right. Overflow pages are not among them.
 *
 * @throws StemmaError DAMAGED_FILE when the tree makes no sense
 */
export function* walkTreePages(pages: Pages, root: PageNumber): Generator<TreeNode, void, undefined> {
  const walk = new Descent(pages, root)
  for (let step = walk.next(); step !== undefined; step = walk.next()) {
    if (step.child === 0) yield step.node
  }
}

/** A node that is come by: before its first child (`child` is 0), and again before each further one. A leaf once. */
interface Step {
  readonly node: TreeNode
  readonly child: number
}

/** A walk down and up a tree without recursion. */
class Descent {
  readonly #pages: Pages
  readonly #stack: { readonly node: TreeNode; child: number }[] = []
  #seen = 0
  /** The child to go down to before the next step, and its parent. */
  #down: { readonly pageNumber: PageNumber; readonly parent: TreeNode | undefined } | undefined

  constructor(pages: Pages, root: PageNumber) {
    this.#pages = pages
    this.#down = { pageNumber: root, parent: undefined }
  }

  next(): Step | undefined {
    if (this.#down !== undefined) {
      const { pageNumber, parent } = this.#down
      this.#down = undefined
      const node = this.#enter(pageNumber, parent)
      if (isLeaf(node.page.kind)) return { node, child: 0 }
      this.#stack.push({ node, child: 0 })
    }
    for (let top = this.#stack.at(-1); top !== undefined; top = this.#stack.at(-1)) {
      if (top.child > top.node.page.cellCount) {
        this.#stack.pop()
        continue
      }
      const child = top.child++
      this.#down = { pageNumber: childOf(top.node.page, child), parent: top.node }
      return { node: top.node, child }
    }
    return undefined
  }

  #enter(pageNumber: PageNumber, parent: TreeNode | undefined): TreeNode {
    const from = parent?.page.pageNumber ?? 0
    const depth = parent === undefined ? 0 : parent.depth + 1
    if (depth >= TREE_DEPTH_MAX) throw damagedPage(from, `its tree is deeper than ${TREE_DEPTH_MAX} pages`)
    if (++this.#seen > this.#pages.pageCount) throw damagedPage(from, 'its tree has more pages than the database')
    const page = decodeTreePage(readPage(this.#pages, pageNumber, from), pageNumber, this.#pages.usableSize)
    if (parent !== undefined) {
      if (isTable(page.kind) !== isTable(parent.page.kind))
        throw damagedPage(pageNumber, `it is ${page.kind} under ${parent.page.kind}`)
      if (page.cellCount === 0) throw damagedPage(pageNumber, 'it is empty, but no root')
    }
    return { page, parent: from, depth }
  }
}
