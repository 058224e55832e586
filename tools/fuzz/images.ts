import type Database from 'better-sqlite3'
import {
  pagesOf,
  readPayload,
  readSchema,
  sizeOfSerialType,
  varintAt,
  varintSizeAt,
  walkTree,
  type DatabaseChange,
  type Pages,
  type SchemaRow,
  type TreeShape,
} from '@stemma/sqlite-file'
import type { TextEncoding } from '@stemma/base'

/** A whole database at one moment. */
export interface Image {
  readonly bytes: Uint8Array
  readonly pages: Pages
  readonly encoding: TextEncoding
  readonly schema: readonly SchemaRow[]
}

/** The database as its last commit left it; undefined while it has no page. */
export function takeImage(database: Database.Database): Image | undefined {
  const bytes = database.serialize()
  if (bytes.byteLength === 0) return undefined
  const pages = pagesOf(bytes)
  const encoding = pages.header.textEncoding
  return { bytes, pages, encoding, schema: readSchema(pages, encoding) }
}

/** What a commit did, as if its frames held every page that differs. */
export function changeBetween(before: Image, after: Image): DatabaseChange {
  const { pageSize } = after.pages
  const written: number[] = []
  for (let pageNumber = 1; pageNumber <= after.pages.pageCount; pageNumber++) {
    const start = (pageNumber - 1) * pageSize
    const isNew = start >= before.bytes.byteLength
    if (isNew || !isSamePage(before.bytes, after.bytes, start, pageSize)) written.push(pageNumber)
  }
  return { before: before.pages, after: after.pages, written }
}

function isSamePage(before: Uint8Array, after: Uint8Array, start: number, size: number): boolean {
  return Buffer.compare(before.subarray(start, start + size), after.subarray(start, start + size)) === 0
}

/** All rows of a table, read from the first to the last: by rowid, or by key. */
export function scanRows(image: Image, rootPage: number, shape: TreeShape): Map<string, string> {
  const rows = new Map<string, string>()
  if (rootPage === 0) return rows
  for (const { page, cell } of walkTree(image.pages, rootPage)) {
    if (shape.content === 'rows' && cell.rowid === undefined) continue
    const record = readPayload(image.pages, page, cell)
    rows.set(identityOf(cell.rowid ?? 0n, record, shape), Buffer.from(record).toString('hex'))
  }
  return rows
}

/**
 * What a row is known by: its rowid, or its key as it is stored. SQLite has two ways to store some keys (1.0 in a REAL column), and a row
 * that goes over from one to the other may be told as gone and come.
 */
export function identityOf(rowid: bigint, record: Uint8Array, { content, keyCount }: TreeShape): string {
  if (content === 'rows') return String(rowid)
  const [typesStart, bodyStart] = [varintSizeAt(record, 0, record.byteLength), varintAt(record, 0)]
  let [typesEnd, bodyEnd] = [typesStart, bodyStart]
  for (let i = 0; i < keyCount; i++) {
    const type = varintAt(record, typesEnd)
    typesEnd += varintSizeAt(record, typesEnd, record.byteLength)
    bodyEnd += sizeOfSerialType(type) ?? 0
  }
  const hex = Buffer.from(record).toString('hex')
  return `${hex.slice(2 * typesStart, 2 * typesEnd)} ${hex.slice(2 * bodyStart, 2 * bodyEnd)}`
}
