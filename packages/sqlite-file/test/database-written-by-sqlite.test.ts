import type { SqliteValue } from '@stemma/base'
import type Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import {
  autoVacuumOf,
  decodeRecord,
  decodeTreePage,
  encodeDatabaseHeader,
  encodeRecord,
  freeSpaceOf,
  isPointerMapPage,
  pagesOf,
  pointerMapEntryOf,
  pointerMapPageOf,
  readPageUses,
  readPayload,
  readSchema,
  showText,
  walkFreelist,
  walkTree,
  type DatabaseHeader,
  type PageUse,
  type Pages,
  type PointerMapEntry,
} from '../src/index.ts'
import { shop } from './shop.ts'
import { ask, reserveBytes, withDatabase } from './sqlite-files.ts'

const CASES = [512, 1024, 4096, 65_536].flatMap((pageSize) =>
  ['UTF-8', 'UTF-16le', 'UTF-16be'].flatMap((encoding) =>
    ['none', 'full', 'incremental'].map((autoVacuum) => ({ pageSize, encoding, autoVacuum, reserved: 0 })),
  ),
)
CASES.push(
  { pageSize: 512, encoding: 'UTF-8', autoVacuum: 'none', reserved: 32 },
  { pageSize: 1024, encoding: 'UTF-8', autoVacuum: 'full', reserved: 255 },
  { pageSize: 65_536, encoding: 'UTF-16le', autoVacuum: 'incremental', reserved: 8 },
)

describe.each(CASES)('pages of $pageSize bytes, $encoding, auto_vacuum $autoVacuum, $reserved reserved', (options) => {
  const { pageSize, encoding, autoVacuum, reserved } = options
  const setup = [
    `PRAGMA page_size = ${pageSize}; PRAGMA encoding = '${encoding}'; PRAGMA auto_vacuum = ${autoVacuum}`,
    ...shop(pageSize),
  ]

  test('everything that SQLite says of the database is in its bytes', () => {
    withDatabase(
      setup,
      ({ db, read }) => {
        const bytes = read('')
        const pages = pagesOf(bytes)
        const { header } = pages
        expect(header.reservedBytes).toBe(reserved)
        expect(ask(db, 'PRAGMA integrity_check')).toBe('ok')
        expectHeader(db, header, bytes)
        expect(autoVacuumOf(header)).toBe(autoVacuum)
        expectSchema(db, pages, header)
        expectRows(db, pages, header)
        const uses = readPageUses(pages, header)
        expectUses(db, pages, uses)
        expectFreelist(db, pages, header)
        if (autoVacuum !== 'none') expectPointerMap(pages, uses)
      },
      reserved === 0 ? undefined : reserveBytes(reserved),
    )
  })
})

function expectHeader(db: Database.Database, header: DatabaseHeader, bytes: Uint8Array): void {
  expect(header).toMatchObject({
    pageSize: ask(db, 'PRAGMA page_size'),
    pageCount: ask(db, 'PRAGMA page_count'),
    freelistCount: ask(db, 'PRAGMA freelist_count'),
    schemaCookie: ask(db, 'PRAGMA schema_version'),
    textEncoding: String(ask(db, 'PRAGMA encoding')).toLowerCase(),
    schemaFormat: 4,
    versionValidFor: header.changeCounter,
  })
  expect(encodeDatabaseHeader(header)).toEqual(bytes.slice(0, 100))
}

function expectSchema(db: Database.Database, pages: Pages, header: DatabaseHeader): void {
  const theirs = db.prepare(
    'SELECT rowid, type AS kind, name, tbl_name AS tableName, rootpage AS rootPage, sql FROM sqlite_schema ORDER BY rowid',
  )
  const ours = readSchema(pages, header.textEncoding)
  expect(ours.map((row) => ({ ...row, rowid: Number(row.rowid), sql: row.sql ?? null }))).toEqual(theirs.all())
}

function expectRows(db: Database.Database, pages: Pages, header: DatabaseHeader): void {
  const roots = new Map(readSchema(pages, header.textEncoding).map((row) => [row.name, row.rootPage]))
  const compare = (name: string, sql: string): void => {
    const ours = []
    let encodedOtherwise = 0
    for (const { page, cell } of walkTree(pages, roots.get(name)!)) {
      const payload = readPayload(pages, page, cell)
      const values = decodeRecord(payload, header.textEncoding)
      if (Buffer.compare(encodeRecord(values), payload) !== 0) encodedOtherwise++
      ours.push([...(cell.rowid === undefined ? [] : [cell.rowid]), ...values.map(show)])
    }
    const theirs = db.prepare(sql).raw().safeIntegers().all() as unknown[][]
    expect(encodedOtherwise).toBe(0)
    expect(ours.length).toBe(theirs.length)
    expect(ours).toEqual(theirs.map((row) => row.map((value) => (Buffer.isBuffer(value) ? value.toString('hex') : value))))
  }
  compare('goods', 'SELECT id, NULL, name, price, note FROM goods ORDER BY id')
  compare('goods_by_name', 'SELECT name, price, id FROM goods ORDER BY name, price DESC, id')
  compare('stock', 'SELECT place, item, amount FROM stock ORDER BY place, item')
  compare('wide', 'SELECT rowid, * FROM wide')
}

/** A value as better-sqlite3 gives it; a blob as hexadecimal text. */
function show(value: SqliteValue): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (typeof value === 'object' && value !== null) return showText(value)
  return value
}

function expectUses(db: Database.Database, pages: Pages, uses: readonly (PageUse | undefined)[]): void {
  expect(uses.length).toBe(pages.pageCount)
  expect(uses.includes(undefined)).toBe(false)
  const rows = db.prepare('SELECT name, pageno, pagetype, ncell, unused FROM dbstat').all() as DbstatRow[]
  const roots = new Map(db.prepare('SELECT name, rootpage FROM sqlite_schema').raw().all() as [string, number][])
  for (const { name, pageno, pagetype, ncell, unused } of rows) {
    const use = uses[pageno - 1]!
    expect(use.root).toBe(roots.get(name) ?? 1)
    expect(kindOf(use)).toBe(pagetype)
    // Where an overflow page is free, only its cell knows.
    const page = pagetype === 'overflow' ? undefined : decodeTreePage(pages.read(pageno), pageno, pages.usableSize)
    expect(page?.cellCount ?? 0).toBe(ncell)
    expect(page === undefined ? unused : freeSpaceOf(page)).toBe(unused)
  }
  const inTrees = uses.filter((use) => use!.root !== 0)
  expect(inTrees.length).toBe(rows.length)
}

function kindOf({ kind }: PageUse): DbstatRow['pagetype'] {
  if (kind === 'overflow') return 'overflow'
  return kind.endsWith('leaf') ? 'leaf' : 'internal'
}

interface DbstatRow {
  readonly name: string
  readonly pageno: number
  readonly pagetype: 'internal' | 'leaf' | 'overflow'
  readonly ncell: number
  readonly unused: number
}

function expectFreelist(db: Database.Database, pages: Pages, header: DatabaseHeader): void {
  const free = Array.from(walkFreelist(pages, header)).reduce((sum, trunk) => sum + 1 + trunk.leaves.length, 0)
  expect(free).toBe(ask(db, 'PRAGMA freelist_count'))
  expect(free > 0).toBe(autoVacuumOf(header) !== 'full')
}

function expectPointerMap(pages: Pages, uses: readonly (PageUse | undefined)[]): void {
  for (const use of uses) {
    const { pageNumber } = use!
    if (pageNumber === 1 || isPointerMapPage(pageNumber, pages)) continue
    const mapPage = pointerMapPageOf(pageNumber, pages)
    expect(pointerMapEntryOf(pages.read(mapPage), pageNumber, pages)).toEqual(expectedEntry(use!, uses))
  }
}

function expectedEntry(use: PageUse, uses: readonly (PageUse | undefined)[]): PointerMapEntry {
  const { kind, parent } = use
  if (kind === 'freelist-leaf' || kind === 'freelist-trunk') return { kind: 'free', parent: 0 }
  if (kind === 'overflow') return { kind: uses[parent - 1]!.kind === 'overflow' ? 'next-overflow' : 'first-overflow', parent }
  return parent === 0 ? { kind: 'root', parent: 0 } : { kind: 'child', parent }
}
