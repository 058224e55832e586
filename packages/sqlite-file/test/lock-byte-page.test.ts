import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, truncateSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import {
  decodeDatabaseHeader,
  hasPage,
  isPointerMapPage,
  lockBytePage,
  pointerMapEntryOf,
  pointerMapPageOf,
  readPayload,
  readSchema,
  walkTree,
  walkTreePages,
  type Pages,
} from '../src/index.ts'

// The pages before it are never written: a file with a hole of a gigabyte takes a few kilobytes.
test.each([
  { pageSize: 1024, autoVacuum: 'incremental', what: 'takes the place of a pointer-map page' },
  { pageSize: 512, autoVacuum: 'incremental', what: 'lies between pointer-map pages' },
  { pageSize: 4096, autoVacuum: 'none', what: 'lies among the pages' },
  { pageSize: 65_536, autoVacuum: 'none', what: 'lies among the pages' },
])('a table grows past the lock-byte page, which $what ($pageSize bytes)', ({ pageSize, autoVacuum }) => {
  const folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  try {
    const file = join(folder, 'large.db')
    const lockByte = lockBytePage(pageSize)
    open(file, (db) => db.exec(`PRAGMA page_size = ${pageSize}; PRAGMA auto_vacuum = ${autoVacuum}; CREATE TABLE t (x)`))
    pretendPages(file, lockByte - 3, pageSize)
    open(file, (db) => {
      const insert = db.prepare('INSERT INTO t VALUES (zeroblob(?))')
      for (let i = 0; i < 20; i++) insert.run(pageSize * 2)
    })

    const fd = openSync(file, 'r')
    const pages = pagesOfFile(fd, pageSize)
    expect(pages.pageCount).toBeGreaterThan(lockByte + 20)
    expect(hasPage(pages, lockByte)).toBe(false)
    expect(pages.read(lockByte).every((byte) => byte === 0)).toBe(true)
    const root = readSchema(pages, 'utf-8')[0]!.rootPage
    const sizes = Array.from(walkTree(pages, root), ({ page, cell }) => readPayload(pages, page, cell).byteLength)
    expect(sizes.length).toBe(20)
    expect(Math.min(...sizes)).toBeGreaterThan(pageSize * 2)
    if (autoVacuum !== 'none') expectPointers(pages, root)
    closeSync(fd)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test.each([
  [512, 2_097_153],
  [1024, 1_048_577],
  [4096, 262_145],
  [65_536, 16_385],
])('with pages of %i bytes the lock byte is on page %i', (pageSize, page) => {
  expect(lockBytePage(pageSize)).toBe(page)
})

function open(file: string, use: (db: Database.Database) => void): void {
  const db = new Database(file)
  use(db)
  db.close()
}

/** Makes SQLite believe in pages that nobody wrote. */
function pretendPages(file: string, pageCount: number, pageSize: number): void {
  const fd = openSync(file, 'r+')
  const count = Buffer.alloc(4)
  count.writeUInt32BE(pageCount)
  writeSync(fd, count, 0, 4, 28)
  closeSync(fd)
  truncateSync(file, pageCount * pageSize)
}

function pagesOfFile(fd: number, pageSize: number): Pages {
  const read = (pageNumber: number): Uint8Array => {
    const bytes = new Uint8Array(pageSize)
    readSync(fd, bytes, 0, pageSize, (pageNumber - 1) * pageSize)
    return bytes
  }
  const start = decodeDatabaseHeader(read(1))
  expect(start).toMatchObject({ kind: 'header', header: { pageSize, pageCount: fstatSync(fd).size / pageSize } })
  return { pageSize, usableSize: pageSize, pageCount: fstatSync(fd).size / pageSize, read }
}

function expectPointers(pages: Pages, root: number): void {
  const mapPages = new Set<number>()
  for (const { page, parent } of walkTreePages(pages, root)) {
    const mapPage = pointerMapPageOf(page.pageNumber, pages)
    mapPages.add(mapPage)
    expect(isPointerMapPage(mapPage, pages)).toBe(true)
    const want = parent === 0 ? { kind: 'root', parent: 0 } : { kind: 'child', parent }
    expect(pointerMapEntryOf(pages.read(mapPage), page.pageNumber, pages)).toEqual(want)
  }
  expect(mapPages.has(lockBytePage(pages.pageSize) + 1)).toBe(pages.pageSize === 1024)
}
