import { StemmaError, type PageNumber } from '@stemma/base'
import { damagedPage } from './damage.ts'
import { decodeDatabaseHeader, type DatabaseHeader } from './database-header.ts'
import { lockBytePage } from './page-size.ts'

/** A database at one moment, as pages. */
export interface Pages {
  /** Bytes: a power of two from 512 to 65536. */
  readonly pageSize: number
  /** `pageSize` less the bytes that the database reserves at the end of each page. */
  readonly usableSize: number
  readonly pageCount: number
  /**
   * The bytes of a page, all `pageSize` of them. They must stay as they are for as long as somebody walks the database, so
   * a reader hands out a fresh buffer, or one that it keeps. Only asked for pages from 1 to `pageCount`.
   */
  read(pageNumber: PageNumber): Uint8Array
}

/**
 * The pages of a database that is in memory as a whole.
 *
 * @throws StemmaError NOT_A_DATABASE when SQLite would not open it, or it has no page
 */
export function pagesOf(bytes: Uint8Array): Pages & { readonly header: DatabaseHeader } {
  const start = decodeDatabaseHeader(bytes)
  if (start.kind === 'empty') throw new StemmaError('NOT_A_DATABASE', 'this database is empty', { why: 'empty' })
  const { header } = start
  const { pageSize } = header
  return {
    header,
    pageSize,
    usableSize: pageSize - header.reservedBytes,
    pageCount: Math.floor(bytes.byteLength / pageSize),
    read: (pageNumber) => bytes.subarray((pageNumber - 1) * pageSize, pageNumber * pageSize),
  }
}

/**
 * Reads a page that another page names.
 *
 * @param from - the page that names it, for the error; 0 when none does
 * @throws StemmaError DAMAGED_FILE when the database has no such page, or it is the lock-byte page, or it is not whole
 */
export function readPage(pages: Pages, pageNumber: PageNumber, from: PageNumber): Uint8Array {
  if (!hasPage(pages, pageNumber)) {
    const name = from === 0 ? 'the header' : `page ${from}`
    throw damagedPage(from === 0 ? 1 : from, `${name} points to page ${pageNumber}, but there are ${pages.pageCount} pages`)
  }
  const bytes = pages.read(pageNumber)
  if (bytes.byteLength !== pages.pageSize) throw damagedPage(pageNumber, `it has ${bytes.byteLength} bytes of ${pages.pageSize}`)
  return bytes
}

/** True for a page that can hold data: within the database, and not the lock-byte page. */
export function hasPage(pages: Pages, pageNumber: PageNumber): boolean {
  return pageNumber >= 1 && pageNumber <= pages.pageCount && pageNumber !== lockBytePage(pages.pageSize)
}
