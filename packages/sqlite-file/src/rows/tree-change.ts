import type { PageNumber } from '@stemma/base'
import { uint16At, uint32At } from '../bytes.ts'
import { damagedPage } from '../damage.ts'
import { hasPage, readPage, type Pages } from '../pages.ts'
import { decodeTreePage, isLeaf, isTable, type TreePage } from '../tree-page.ts'
import type { SchemaRow } from '../schema.ts'
import { TREE_DEPTH_MAX } from '../tree.ts'
import { heightOf, placeOf, type PageNumbers } from './page-map.ts'
import type { DatabaseChange, TreeShape } from './row-difference.ts'
import { rowsUnknown } from './rows-unknown.ts'
import { isWritten } from './written.ts'

/** A tree, known by a number that it keeps when its root moves. */
export interface Tree {
  readonly id: number
  readonly shape: TreeShape
  /** 0 before it was created. */
  root: PageNumber
  /** Its row in `sqlite_schema`; undefined when it is the tree of `sqlite_schema` itself, before it was created, and after it was dropped. */
  row: SchemaRow | undefined
}

/** The pages of one tree that a commit touched. */
export interface TreeChange {
  readonly tree: Tree
  /** 0 when the commit dropped the tree. */
  rootAfter: PageNumber
  /** Its pages before the commit that the commit wrote, whatever they are after it. */
  readonly written: PageNumber[]
  /**
   * Pages with cells that count, as they were before and as they are after: the leaves of a table with rowids, all pages of a
   * tree that has keys. What stands in none of them is the same before and after, overflow pages aside.
   */
  readonly before: PageNumber[]
  readonly after: PageNumber[]
  /** First overflow pages of cells whose chain was written in place. */
  chains: Set<PageNumber> | undefined
}

/** What becomes of the map of pages: first the pages that leave their tree, then those that join one. */
export interface MapChange {
  readonly left: PageNumber[]
  readonly joined: PageNumber[]
  /** For each page that joined: its place. */
  readonly places: number[]
}

/** What a walk through the levels of a tree needs to know. */
export interface LevelContext {
  readonly change: DatabaseChange
  /** The places of pages before the commit. */
  readonly map: PageNumbers
  readonly mapChange: MapChange
}

export function newTreeChange(tree: Tree): TreeChange {
  return { tree, rootAfter: tree.root, written: [], before: [], after: [], chains: undefined }
}

/** True when pages may have left the tree or joined it; when not, what was written of it is what changed. */
export function isStructural(change: TreeChange, { change: { after }, map }: LevelContext): boolean {
  const { tree, rootAfter, written } = change
  if (tree.root !== rootAfter) return true
  for (const pageNumber of written) {
    if (heightOf(map.get(pageNumber)) > 0) return true
    if (pageNumber === rootAfter && !isLeaf(treePageOf(after, pageNumber, undefined, tree).kind)) return true
  }
  return false
}

/**
 * Finds the pages that left a tree and those that joined it, from the top level down.
 *
 * A page leaves when a page above it no longer names it, or left itself. Since leaves are all equally deep, and a page keeps its height
 * above them for as long as it stays, levels can be settled one by one: what a level's pages no longer name, and what they newly
 * name, is all that can leave or join on the level below. What is named by another page than before is on both sides and stays.
 *
 * Reads interior pages that were written, left or joined; of leaves none.
 *
 * @throws StemmaError DAMAGED_FILE when the tree makes no sense
 */
export function walkLevels(treeChange: TreeChange, context: LevelContext): void {
  const { tree, rootAfter, written } = treeChange
  const { change, map } = context
  const isRootSame = tree.root === rootAfter && !isWritten(change.written, rootAfter)
  const heightBefore = tree.root === 0 ? -1 : heightOf(map.get(tree.root))
  const heightAfter = rootAfter === 0 ? -1 : isRootSame ? heightBefore : treeHeight(tree, rootAfter, context)
  const top = Math.max(heightBefore, heightAfter)
  const levels = Array.from({ length: top + 1 }, () => new Level())
  if (tree.root !== rootAfter || heightBefore !== heightAfter) {
    if (heightBefore >= 0) levels[heightBefore]!.unnamed.add(tree.root)
    if (heightAfter >= 0) levels[heightAfter]!.named.add(rootAfter)
  }
  if (rootAfter !== 0) {
    for (const pageNumber of written) levels[heightOf(map.get(pageNumber))]!.written.push(pageNumber)
  }
  for (let height = top; height >= 0; height--) {
    settleLevel(treeChange, context, { height, level: levels[height]!, below: levels[height - 1] })
  }
}

/** The pages of one level that may leave or join. */
class Level {
  readonly written: PageNumber[] = []
  readonly unnamed = new Set<PageNumber>()
  readonly named = new Set<PageNumber>()
}

function settleLevel(
  treeChange: TreeChange,
  context: LevelContext,
  { height, level, below }: { height: number; level: Level; below: Level | undefined },
): void {
  const { tree, rootAfter } = treeChange
  const { change, map, mapChange } = context
  const hasCells = height === 0 || tree.shape.content !== 'rows'
  for (const pageNumber of level.written) {
    if (level.unnamed.has(pageNumber) && !level.named.has(pageNumber)) continue
    if (hasCells) {
      treeChange.before.push(pageNumber)
      treeChange.after.push(pageNumber)
    }
    if (below !== undefined) {
      const before = childrenOf(treePageOf(change.before, pageNumber, height, tree))
      compareChildren(before, childrenOf(treePageOf(change.after, pageNumber, height, tree)), below)
    }
  }
  for (const pageNumber of level.unnamed) {
    if (level.named.has(pageNumber)) continue
    if (map.get(pageNumber) !== placeOf(tree.id, height))
      throw rowsUnknown('a tree named a page that is not known as its own', [pageNumber])
    mapChange.left.push(pageNumber)
    if (hasCells && rootAfter !== 0) treeChange.before.push(pageNumber)
    if (below === undefined) continue
    for (const child of childrenOf(treePageOf(change.before, pageNumber, height, tree))) below.unnamed.add(child)
  }
  for (const pageNumber of level.named) {
    if (level.unnamed.has(pageNumber)) continue
    if (!hasPage(change.after, pageNumber)) throw damagedPage(rootAfter, `its tree names page ${pageNumber}`)
    mapChange.joined.push(pageNumber)
    mapChange.places.push(placeOf(tree.id, height))
    if (hasCells) treeChange.after.push(pageNumber)
    if (below === undefined) continue
    for (const child of childrenOf(treePageOf(change.after, pageNumber, height, tree))) addNamed(below, child, pageNumber)
  }
}

/** Notes the children that one page no longer names, and those that it newly names. */
function compareChildren(before: readonly PageNumber[], after: readonly PageNumber[], below: Level): void {
  const most = Math.min(before.length, after.length)
  let start = 0
  while (start < most && before[start] === after[start]) start++
  let tail = 0
  while (tail < most - start && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++
  for (let i = start; i < before.length - tail; i++) below.unnamed.add(before[i]!)
  for (let i = start; i < after.length - tail; i++) addNamed(below, after[i]!, after[i]!)
}

function addNamed(level: Level, child: PageNumber, parent: PageNumber): void {
  if (level.named.has(child)) throw damagedPage(parent, `page ${child} is named twice in its tree`)
  level.named.add(child)
}

/** How high a tree is after the commit. What was not written is as high as it was. */
function treeHeight(tree: Tree, root: PageNumber, { change, map }: LevelContext): number {
  let pageNumber = root
  for (let steps = 0; steps < TREE_DEPTH_MAX; steps++) {
    const place = map.get(pageNumber)
    if (place !== 0 && !isWritten(change.written, pageNumber)) return steps + heightOf(place)
    const page = treePageOf(change.after, pageNumber, undefined, tree)
    if (isLeaf(page.kind)) return steps
    pageNumber = childrenOf(page)[0]!
  }
  throw damagedPage(root, `its tree is deeper than ${TREE_DEPTH_MAX} pages`)
}

/** @param height - 0 for a leaf, more for an interior page, undefined when both will do */
function treePageOf(pages: Pages, pageNumber: PageNumber, height: number | undefined, { shape, root }: Tree): TreePage {
  const page = decodeTreePage(readPage(pages, pageNumber, root), pageNumber, pages.usableSize)
  if (isTable(page.kind) !== (shape.content === 'rows'))
    throw damagedPage(pageNumber, `it is ${page.kind} in a tree of ${shape.content}`)
  if (height !== undefined && height > 0 === isLeaf(page.kind))
    throw damagedPage(pageNumber, 'its tree is not equally deep everywhere')
  return page
}

function childrenOf({
  pageNumber,
  bytes,
  pointersOffset,
  cellCount,
  contentOffset,
  usableSize,
  rightChild,
}: TreePage): PageNumber[] {
  const children = new Array<PageNumber>(cellCount + 1)
  for (let index = 0; index < cellCount; index++) {
    const offset = uint16At(bytes, pointersOffset + 2 * index)
    if (offset < contentOffset || offset > usableSize - 4) throw damagedPage(pageNumber, `cell ${index} begins at ${offset}`)
    children[index] = uint32At(bytes, offset)
  }
  children[cellCount] = rightChild
  return children
}
