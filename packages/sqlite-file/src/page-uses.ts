import type { PageNumber } from '@stemma/base'
import { decodeCell } from './cell.ts'
import { damagedPage } from './damage.ts'
import { autoVacuumOf, type DatabaseHeader } from './database-header.ts'
import { walkFreelist } from './freelist.ts'
import { walkOverflow } from './overflow.ts'
import { lockBytePage } from './page-size.ts'
import type { Pages } from './pages.ts'
import { isPointerMapPage } from './pointer-map.ts'
import { SCHEMA_ROOT, readSchema } from './schema.ts'
import type { TreePage, TreePageKind } from './tree-page.ts'
import { walkTreePages } from './tree.ts'

/** What a page is for. */
export type PageKind = TreePageKind | 'overflow' | 'freelist-trunk' | 'freelist-leaf' | 'pointer-map' | 'lock-byte'

/** What a page is for, and for whom. */
export interface PageUse {
  readonly pageNumber: PageNumber
  readonly kind: PageKind
  /** The root of the tree it belongs to; 0 when it belongs to none. */
  readonly root: PageNumber
  /** What names it: the page above it, the page of its cell, the overflow page or the trunk before it. 0 when none does. */
  readonly parent: PageNumber
}

/**
 * What every page of a database is for. Reads them all.
 *
 * @returns a use for each page, in the order of their numbers; undefined for a page that nothing names, which SQLite never
 *   leaves behind
 * @throws StemmaError DAMAGED_FILE when something makes no sense, or two want the same page
 */
export function readPageUses(pages: Pages, header: DatabaseHeader): (PageUse | undefined)[] {
  const uses = new Uses(pages.pageCount)
  const lockByte = lockBytePage(pages.pageSize)
  if (lockByte <= pages.pageCount) uses.add({ pageNumber: lockByte, kind: 'lock-byte', root: 0, parent: 0 })
  if (autoVacuumOf(header) !== 'none') {
    for (let pageNumber = 2; pageNumber <= pages.pageCount; pageNumber++) {
      if (isPointerMapPage(pageNumber, pages)) uses.add({ pageNumber, kind: 'pointer-map', root: 0, parent: 0 })
    }
  }
  let parent: PageNumber = 0
  for (const trunk of walkFreelist(pages, header)) {
    uses.add({ pageNumber: trunk.pageNumber, kind: 'freelist-trunk', root: 0, parent })
    for (const leaf of trunk.leaves) uses.add({ pageNumber: leaf, kind: 'freelist-leaf', root: 0, parent: trunk.pageNumber })
    parent = trunk.pageNumber
  }
  addTree(uses, pages, SCHEMA_ROOT)
  for (const { rootPage } of readSchema(pages, header.textEncoding)) {
    if (rootPage !== 0) addTree(uses, pages, rootPage)
  }
  return uses.list
}

class Uses {
  readonly list: (PageUse | undefined)[]

  constructor(pageCount: number) {
    this.list = Array.from({ length: pageCount }, () => undefined)
  }

  add(use: PageUse): void {
    const other = this.list[use.pageNumber - 1]
    if (other !== undefined) throw damagedPage(use.pageNumber, `it is used twice, as ${other.kind} and as ${use.kind}`)
    this.list[use.pageNumber - 1] = use
  }
}

function addTree(uses: Uses, pages: Pages, root: PageNumber): void {
  for (const { page, parent } of walkTreePages(pages, root)) {
    uses.add({ pageNumber: page.pageNumber, kind: page.kind, root, parent })
    if (page.kind !== 'table-interior') addOverflow(uses, pages, { page, root })
  }
}

function addOverflow(uses: Uses, pages: Pages, { page, root }: { readonly page: TreePage; readonly root: PageNumber }): void {
  for (let index = 0; index < page.cellCount; index++) {
    const cell = decodeCell(page, index)
    for (const { pageNumber, previous } of walkOverflow(pages, page, cell)) {
      uses.add({ pageNumber, kind: 'overflow', root, parent: previous })
    }
  }
}
