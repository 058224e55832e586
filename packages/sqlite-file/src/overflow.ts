import type { PageNumber } from '@stemma/base'
import { uint32At } from './bytes.ts'
import type { Cell } from './cell.ts'
import { damagedPage } from './damage.ts'
import { readPage, type Pages } from './pages.ts'
import type { TreePage } from './tree-page.ts'

/** Where the payload of a cell is: on the cell's page, and from `firstOverflow` on. */
export type PayloadPlace = Pick<Cell, 'payloadSize' | 'localOffset' | 'localSize' | 'firstOverflow'>

/** How many overflow pages a cell has. */
export function overflowPageCount(cell: PayloadPlace, usableSize: number): number {
  return Math.ceil((cell.payloadSize - cell.localSize) / (usableSize - 4))
}

/**
 * The overflow pages of a cell, in order. Each begins with the number of the next, 0 in the last; the rest of it is payload.
 *
 * @throws StemmaError DAMAGED_FILE when the chain leaves the database, or is shorter or longer than the payload needs
 * @see https://sqlite.org/fileformat2.html#ovflpgs
 */
export function* walkOverflow(pages: Pages, page: TreePage, cell: PayloadPlace): Generator<OverflowPage, void, undefined> {
  const count = overflowPageCount(cell, pages.usableSize)
  if (count > pages.pageCount) {
    throw damagedPage(page.pageNumber, `a payload of ${cell.payloadSize} bytes is larger than the database`)
  }
  let from = page.pageNumber
  let next = cell.firstOverflow
  for (let i = 0; i < count; i++) {
    const bytes = readPage(pages, next, from)
    yield { pageNumber: next, previous: from, bytes }
    from = next
    next = uint32At(bytes, 0)
  }
  if (count > 0 && next !== 0) throw damagedPage(from, 'it should be the last of its overflow chain, but names another')
}

/** One page of an overflow chain. */
export interface OverflowPage {
  readonly pageNumber: PageNumber
  /** The overflow page before it; the cell's page before the first. */
  readonly previous: PageNumber
  /** The whole page; borrowed. */
  readonly bytes: Uint8Array
}

/**
 * The whole payload of a cell: a record.
 *
 * @returns a view of the page when it holds all of the payload, else a copy
 * @throws StemmaError DAMAGED_FILE when the overflow chain makes no sense
 */
export function readPayload(pages: Pages, page: TreePage, cell: PayloadPlace): Uint8Array {
  const local = page.bytes.subarray(cell.localOffset, cell.localOffset + cell.localSize)
  if (cell.localSize === cell.payloadSize) return local
  // The chain is walked to its end before memory is taken for it: a damaged size takes none.
  const parts = Array.from(walkOverflow(pages, page, cell), ({ bytes }) => bytes.subarray(4, pages.usableSize))
  const payload = new Uint8Array(cell.payloadSize)
  payload.set(local)
  let at = cell.localSize
  for (const part of parts) {
    payload.set(part.subarray(0, cell.payloadSize - at), at)
    at += part.byteLength
  }
  return payload
}
