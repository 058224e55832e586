import type { PageNumber } from '@stemma/base'
import { uint32At } from './bytes.ts'
import { damagedPage } from './damage.ts'
import { hasPage, readPage, type Pages } from './pages.ts'

/** A trunk page of the freelist, decoded. */
export interface FreelistTrunk {
  readonly pageNumber: PageNumber
  /** The next trunk; 0 for the last. */
  readonly next: PageNumber
  /** Free pages that this trunk names. What they hold means nothing. */
  readonly leaves: readonly PageNumber[]
}

/**
 * Decodes a trunk page of the freelist.
 *
 *     offset size
 *      0     4    the next trunk, 0 for the last
 *      4     4    number of leaves; then 4 bytes for each
 *
 * @param usableSize - of the database; the leaves end before it
 * @throws StemmaError DAMAGED_FILE when it has more leaves than fit
 * @see https://sqlite.org/fileformat2.html#the_freelist
 */
export function decodeFreelistTrunk(bytes: Uint8Array, pageNumber: PageNumber, usableSize: number): FreelistTrunk {
  if (bytes.byteLength < usableSize || usableSize < 8) throw damagedPage(pageNumber, 'it is not whole')
  const count = uint32At(bytes, 4)
  if (count > Math.floor(usableSize / 4) - 2) throw damagedPage(pageNumber, `as a trunk of the freelist it names ${count} pages`)
  const leaves: PageNumber[] = []
  for (let i = 0; i < count; i++) leaves.push(uint32At(bytes, 8 + 4 * i))
  return { pageNumber, next: uint32At(bytes, 0), leaves }
}

/** What the database header says of the freelist. */
export interface FreelistStart {
  readonly firstFreelistTrunk: PageNumber
  readonly freelistCount: number
}

/**
 * The trunks of the freelist, in order.
 *
 * @param start - the database header
 * @throws StemmaError DAMAGED_FILE when they name pages that the database doesn't have, or more or fewer than the header says
 */
export function* walkFreelist(pages: Pages, start: FreelistStart): Generator<FreelistTrunk, void, undefined> {
  let from: PageNumber = 0
  let left = start.freelistCount
  if (left > pages.pageCount) throw damagedPage(1, `it counts ${left} free pages of ${pages.pageCount}`)
  for (let next = start.firstFreelistTrunk; next !== 0;) {
    const trunk = decodeFreelistTrunk(readPage(pages, next, from), next, pages.usableSize)
    left -= 1 + trunk.leaves.length
    if (left < 0) throw damagedPage(next, `the freelist is longer than the ${start.freelistCount} pages that the header counts`)
    const stranger = trunk.leaves.find((leaf) => !hasPage(pages, leaf))
    if (stranger !== undefined)
      throw damagedPage(next, `it names the free page ${stranger}, but there are ${pages.pageCount} pages`)
    yield trunk
    from = next
    next = trunk.next
  }
  if (left > 0) throw damagedPage(1, `the freelist is ${left} pages shorter than the header counts`)
}
