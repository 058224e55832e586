import type { ByteOffset, PageNumber } from '@stemma/base'
import { uint16At, uint32At } from './bytes.ts'
import { damagedPage } from './damage.ts'
import { DATABASE_HEADER_SIZE } from './database-header.ts'

/** The four kinds of pages that B-trees are made of. */
export type TreePageKind = 'table-leaf' | 'table-interior' | 'index-leaf' | 'index-interior'

/** A B-tree page with its header decoded. */
export interface TreePage {
  readonly kind: TreePageKind
  readonly pageNumber: PageNumber
  /** The whole page; borrowed. */
  readonly bytes: Uint8Array
  /** Bytes of the page that cells may use. */
  readonly usableSize: number
  /** Where the page's header begins: 100 on page 1, else 0. */
  readonly headerOffset: ByteOffset
  readonly cellCount: number
  /** Where the array of cell pointers begins. */
  readonly pointersOffset: ByteOffset
  /** Where the cells begin; the space between the cell pointers and here is free. */
  readonly contentOffset: ByteOffset
  /** The first block of free space among the cells; 0 when there is none. */
  readonly firstFreeBlock: ByteOffset
  /** Bytes lost in holes of less than 4 bytes. */
  readonly fragmentedBytes: number
  /** The child behind all cells; 0 on a leaf. */
  readonly rightChild: PageNumber
}

const KINDS: ReadonlyMap<number, TreePageKind> = new Map([
  [2, 'index-interior'],
  [5, 'table-interior'],
  [10, 'index-leaf'],
  [13, 'table-leaf'],
])

/** The kind of a B-tree page; undefined when it is no B-tree page at all. */
export function treePageKindOf(bytes: Uint8Array, pageNumber: PageNumber): TreePageKind | undefined {
  return KINDS.get(bytes[pageNumber === 1 ? DATABASE_HEADER_SIZE : 0] ?? 0)
}

/** True for a page without children. */
export function isLeaf(kind: TreePageKind): boolean {
  return kind === 'table-leaf' || kind === 'index-leaf'
}

/** True for a page of a table with rowids; false for an index and for a table WITHOUT ROWID. */
export function isTable(kind: TreePageKind): boolean {
  return kind === 'table-leaf' || kind === 'table-interior'
}

/**
 * Decodes the header of a B-tree page. On page 1 it follows the database header.
 *
 *     offset size
 *      0     1    kind: 2 index interior, 5 table interior, 10 index leaf, 13 table leaf
 *      1     2    first free block, 0 for none
 *      3     2    number of cells
 *      5     2    where the cells begin, 0 for 65536
 *      7     1    fragmented bytes
 *      8     4    right child, on interior pages only; the cell pointers follow
 *
 * @param bytes - a whole page; kept
 * @throws StemmaError DAMAGED_FILE when the page is no B-tree page, or its header makes no sense
 * @see https://sqlite.org/fileformat2.html#b_tree_pages, and btreeInitPage() in SQLite's btree.c
 */
export function decodeTreePage(bytes: Uint8Array, pageNumber: PageNumber, usableSize: number): TreePage {
  const headerOffset = pageNumber === 1 ? DATABASE_HEADER_SIZE : 0
  if (bytes.byteLength < usableSize || usableSize < headerOffset + 12) throw damagedPage(pageNumber, 'it is not whole')
  const kind = treePageKindOf(bytes, pageNumber)
  if (kind === undefined) throw damagedPage(pageNumber, `it is no B-tree page: it begins with ${bytes[headerOffset]}`)
  const leaf = isLeaf(kind)
  const pointersOffset = headerOffset + (leaf ? 8 : 12)
  const cellCount = uint16At(bytes, headerOffset + 3)
  const storedContent = uint16At(bytes, headerOffset + 5)
  const contentOffset = storedContent === 0 ? 65_536 : storedContent
  if (contentOffset > usableSize) throw damagedPage(pageNumber, `its cells begin at ${contentOffset} of ${usableSize} bytes`)
  if (pointersOffset + 2 * cellCount > contentOffset) throw damagedPage(pageNumber, `it has no room for ${cellCount} cells`)
  return {
    kind,
    pageNumber,
    bytes,
    usableSize,
    headerOffset,
    cellCount,
    pointersOffset,
    contentOffset,
    firstFreeBlock: uint16At(bytes, headerOffset + 1),
    fragmentedBytes: bytes[headerOffset + 7]!,
    rightChild: leaf ? 0 : uint32At(bytes, headerOffset + 8),
  }
}

/**
 * Where a cell of a page begins. Cells count from 0, in the order of their keys.
 *
 * @throws RangeError when the page has no such cell
 * @throws StemmaError DAMAGED_FILE when it would begin outside the part of the page where cells are
 */
export function cellOffset(page: TreePage, index: number): ByteOffset {
  if (index < 0 || index >= page.cellCount)
    throw new RangeError(`page ${page.pageNumber} has ${page.cellCount} cells, none has index ${index}`)
  const offset = uint16At(page.bytes, page.pointersOffset + 2 * index)
  if (offset < page.contentOffset || offset > page.usableSize - 4) {
    throw damagedPage(
      page.pageNumber,
      `cell ${index} begins at ${offset}, cells are from ${page.contentOffset} to ${page.usableSize}`,
    )
  }
  return offset
}

/**
 * The child of an interior page at an index: 0 to `cellCount - 1` are the left children of its cells, `cellCount` is its right child.
 *
 * @throws StemmaError DAMAGED_FILE when the cell is not where cells are
 */
export function childOf(page: TreePage, index: number): PageNumber {
  return index === page.cellCount ? page.rightChild : uint32At(page.bytes, cellOffset(page, index))
}

/** A hole among a page's cells. */
export interface FreeBlock {
  readonly offset: ByteOffset
  /** Bytes, its own 4 bytes of header included. */
  readonly size: number
}

/**
 * The free blocks of a page, in the order of the page.
 *
 * @throws StemmaError DAMAGED_FILE when they are out of order, meet, or leave the page
 * @see btreeComputeFreeSpace() in SQLite's btree.c
 */
export function freeBlocksOf(page: TreePage): FreeBlock[] {
  const blocks: FreeBlock[] = []
  let behind = page.contentOffset
  for (let offset = page.firstFreeBlock; offset !== 0;) {
    // Blocks that are less than 4 bytes apart would have been joined.
    const tooEarly = blocks.length === 0 ? offset < behind : offset < behind + 4
    if (tooEarly || offset > page.usableSize - 4) throw damagedPage(page.pageNumber, `a free block is at byte ${offset}`)
    const size = uint16At(page.bytes, offset + 2)
    if (size < 4 || offset + size > page.usableSize) throw damagedPage(page.pageNumber, `a free block has ${size} bytes`)
    blocks.push({ offset, size })
    behind = offset + size
    offset = uint16At(page.bytes, offset)
  }
  return blocks
}

/**
 * Bytes of a page that are free: before the cells, among them, and in fragments.
 *
 * @throws StemmaError DAMAGED_FILE when the free blocks make no sense
 */
export function freeSpaceOf(page: TreePage): number {
  const gap = page.contentOffset - (page.pointersOffset + 2 * page.cellCount)
  const free = freeBlocksOf(page).reduce((sum, block) => sum + block.size, gap + page.fragmentedBytes)
  if (free > page.usableSize - page.pointersOffset) throw damagedPage(page.pageNumber, `it says that ${free} bytes are free`)
  return free
}
