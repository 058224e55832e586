import { assert, type PageNumber } from '@stemma/base'
import { setUint32At, uint32At } from './bytes.ts'
import { damagedPage } from './damage.ts'
import { lockBytePage } from './page-size.ts'

/** What the pointer map says of a page. */
export type PointerKind = 'root' | 'free' | 'first-overflow' | 'next-overflow' | 'child'

/**
 * One entry of the pointer map, which databases that vacuum by themselves keep.
 *
 * | kind | the page is | its parent is |
 * | --- | --- | --- |
 * | `root` | the root of a tree | 0 |
 * | `free` | in the freelist | 0 |
 * | `first-overflow` | the first overflow page of a cell | the page of the cell |
 * | `next-overflow` | a later overflow page | the overflow page before it |
 * | `child` | a page of a tree, not its root | the page above it |
 */
export interface PointerMapEntry {
  readonly kind: PointerKind
  readonly parent: PageNumber
}

/** The sizes of a database's pages. */
export interface PageSizes {
  readonly pageSize: number
  readonly usableSize: number
}

const ENTRY_SIZE = 5

/**
 * The pointer-map page that describes a page of a database that vacuums by itself; 0 for page 1, which none describes.
 * A pointer-map page gives itself. Means nothing for the lock-byte page.
 *
 * @see https://sqlite.org/fileformat2.html#pointer_map_or_ptrmap_pages, and ptrmapPageno() in SQLite's btree.c
 */
export function pointerMapPageOf(pageNumber: PageNumber, sizes: PageSizes): PageNumber {
  if (pageNumber < 2) return 0
  const run = Math.floor(sizes.usableSize / ENTRY_SIZE) + 1
  const mapPage = Math.floor((pageNumber - 2) / run) * run + 2
  return mapPage === lockBytePage(sizes.pageSize) ? mapPage + 1 : mapPage
}

/** True for a page that holds entries of the pointer map. Only asked of a database that vacuums by itself. */
export function isPointerMapPage(pageNumber: PageNumber, sizes: PageSizes): boolean {
  return pageNumber >= 2 && pageNumber !== lockBytePage(sizes.pageSize) && pointerMapPageOf(pageNumber, sizes) === pageNumber
}

/**
 * Decodes the entry of a page: one byte of kind and four of parent.
 *
 * @param mapBytes - the page that `pointerMapPageOf` names
 * @param pageNumber - the page that is described, never a pointer-map page or the lock-byte page
 * @throws StemmaError DAMAGED_FILE when there is no such kind
 */
export function pointerMapEntryOf(mapBytes: Uint8Array, pageNumber: PageNumber, sizes: PageSizes): PointerMapEntry {
  const mapPage = pointerMapPageOf(pageNumber, sizes)
  const offset = entryOffset(pageNumber, mapPage)
  if (mapBytes.byteLength < sizes.usableSize) throw damagedPage(mapPage, 'it is not whole')
  const kind = KINDS[mapBytes[offset]! - 1]
  if (kind === undefined) throw damagedPage(mapPage, `it gives page ${pageNumber} the kind ${mapBytes[offset]}`)
  return { kind, parent: uint32At(mapBytes, offset + 1) }
}

/** Writes the entry of a page into the page that `pointerMapPageOf` names. */
export function setPointerMapEntry(mapBytes: Uint8Array, pageNumber: PageNumber, sizes: PageSizes, entry: PointerMapEntry): void {
  const offset = entryOffset(pageNumber, pointerMapPageOf(pageNumber, sizes))
  mapBytes[offset] = KINDS.indexOf(entry.kind) + 1
  setUint32At(mapBytes, offset + 1, entry.parent)
}

const KINDS: readonly PointerKind[] = ['root', 'free', 'first-overflow', 'next-overflow', 'child']

function entryOffset(pageNumber: PageNumber, mapPage: PageNumber): number {
  assert(mapPage !== 0 && pageNumber > mapPage, 'a page that the pointer map describes')
  return ENTRY_SIZE * (pageNumber - mapPage - 1)
}
