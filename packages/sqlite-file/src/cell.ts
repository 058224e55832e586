import type { ByteOffset, PageNumber } from '@stemma/base'
import { uint32At } from './bytes.ts'
import { damagedPage } from './damage.ts'
import { cellOffset, isLeaf, isTable, type TreePage } from './tree-page.ts'
import { varintAt, varintBigintAt, varintSizeAt } from './varint.ts'

/** No payload is larger, in bytes. */
export const PAYLOAD_SIZE_MAX = 0x7fffffff

/** No cell takes fewer bytes of its page, so that the space can become a free block. */
const CELL_SIZE_MIN = 4

/** One cell of a B-tree page, decoded. Offsets are from the start of its page. */
export interface Cell {
  readonly offset: ByteOffset
  /** Bytes of the page that the cell takes. */
  readonly size: number
  /** The child with smaller keys; 0 on a leaf. */
  readonly leftChild: PageNumber
  /** In a table: the key, 64 bits, signed. Undefined in an index. */
  readonly rowid: bigint | undefined
  /** Bytes of payload, on this page and on overflow pages; 0 in the interior of a table. */
  readonly payloadSize: number
  /** Where the payload begins, and how much of it this page holds. */
  readonly localOffset: ByteOffset
  readonly localSize: number
  /** The first overflow page; 0 when this page holds all of the payload. */
  readonly firstOverflow: PageNumber
}

/**
 * Decodes a cell of a B-tree page. Cells count from 0, in the order of their keys.
 *
 *     table leaf       payload size (varint), rowid (varint), payload, first overflow page (4)
 *     table interior   left child (4), rowid (varint)
 *     index leaf       payload size (varint), payload, first overflow page (4)
 *     index interior   left child (4), payload size (varint), payload, first overflow page (4)
 *
 * The overflow page is there only when the payload does not fit. A table WITHOUT ROWID is an index here.
 *
 * @throws RangeError when the page has no such cell
 * @throws StemmaError DAMAGED_FILE when the cell is not whole, or lies where no cell may be
 * @see https://sqlite.org/fileformat2.html#b_tree_pages, and btreeParseCellPtr() in SQLite's btree.c
 */
export function decodeCell(page: TreePage, index: number): Cell {
  const { bytes, kind, usableSize } = page
  const offset = cellOffset(page, index)
  const leaf = isLeaf(kind)
  const leftChild = leaf ? 0 : uint32At(bytes, offset)
  let at = leaf ? offset : offset + 4
  let payloadSize = 0
  if (kind !== 'table-interior') {
    const size = varintSizeAt(bytes, at, usableSize)
    payloadSize = varintAt(bytes, at)
    at += size
    if (payloadSize > PAYLOAD_SIZE_MAX) throw damagedPage(page.pageNumber, `cell ${index} has a payload of ${payloadSize} bytes`)
  }
  let rowid: bigint | undefined
  if (isTable(kind)) {
    const size = varintSizeAt(bytes, at, usableSize)
    rowid = varintBigintAt(bytes, at)
    at += size
  }
  const localSize = localPayloadSize(payloadSize, usableSize, kind === 'table-leaf')
  const overflows = localSize < payloadSize
  const end = at + localSize + (overflows ? 4 : 0)
  if (end > usableSize) throw damagedPage(page.pageNumber, `cell ${index} goes beyond the page`)
  return {
    offset,
    size: Math.max(CELL_SIZE_MIN, end - offset),
    leftChild,
    rowid,
    payloadSize,
    localOffset: at,
    localSize,
    firstOverflow: overflows ? uint32At(bytes, at + localSize) : 0,
  }
}

/**
 * How much of a payload its B-tree page holds, in bytes; the rest is on overflow pages.
 *
 * @param tableLeaf - true on a leaf of a table with rowids, which holds larger payloads than an index
 * @see https://sqlite.org/fileformat2.html#cell_payload_overflow_pages
 */
export function localPayloadSize(payloadSize: number, usableSize: number, tableLeaf: boolean): number {
  const most = tableLeaf ? usableSize - 35 : Math.floor(((usableSize - 12) * 64) / 255) - 23
  if (payloadSize <= most) return payloadSize
  const least = Math.floor(((usableSize - 12) * 32) / 255) - 23
  const wanted = least + ((payloadSize - least) % (usableSize - 4))
  return wanted <= most ? wanted : least
}
