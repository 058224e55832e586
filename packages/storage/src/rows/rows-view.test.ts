import { StemmaError } from '@stemma/base'
import type { CommitRows } from '@stemma/log'
import {
  encodeDatabaseHeader,
  decodeDatabaseHeader,
  type Pages,
  type RowDifference,
  type SchemaRow,
  type SchemaRowChange,
} from '@stemma/sqlite-file'
import Database from 'better-sqlite3'
import { afterAll, expect, test } from 'vitest'
import { betterSqlite3 } from '../sqlite/better-sqlite3.ts'
import { RowsView, TableCatalogs } from './rows-view.ts'

const AT = { epoch: 1, sequence: 8 }

const catalogs = new TableCatalogs(betterSqlite3)
afterAll(() => catalogs.close())

/** A database of one page, with some fields of its header set. */
function pagesWith(fields: { schemaCookie?: number; userVersion?: number; applicationId?: number } = {}): Pages {
  const database = new Database(':memory:')
  const page = new Uint8Array(database.exec('CREATE TABLE t (a)').serialize()).slice(0, 4096)
  database.close()
  const start = decodeDatabaseHeader(page)
  if (start.kind === 'header') encodeDatabaseHeader({ ...start.header, schemaCookie: 1, ...fields }, page)
  return { pageSize: 4096, usableSize: 4096, pageCount: 1, read: () => page }
}

let rowids = 0n
function row(text: string, parts: Partial<SchemaRow> = {}): SchemaRow {
  const [kind, name] = text.split(' ') as [SchemaRow['kind'], string]
  const sql = kind === 'table' ? `CREATE TABLE ${name} (a)` : `CREATE ${kind.toUpperCase()} ${name}`
  return { rowid: ++rowids, kind, name, tableName: parts.tableName ?? name, rootPage: kind === 'view' ? 0 : 2, sql, ...parts }
}

function difference(trees: readonly SchemaRow[], schema: readonly SchemaRowChange[] = []): RowDifference {
  return { schema, trees: trees.map((after) => ({ before: after, after, rows: () => [] })) }
}

function created(text: string, parts?: Partial<SchemaRow>): SchemaRowChange {
  return { before: undefined, after: row(text, parts) }
}

function dropped(text: string, parts?: Partial<SchemaRow>): SchemaRowChange {
  return { before: row(text, parts), after: undefined }
}

function show(rows: CommitRows): string[] {
  return rows.schema.map((change) =>
    change.kind === 'alter' ? `alter ${change.before.name} to ${change.after.name}` : `${change.kind} ${change.object.name}`,
  )
}

test('objects are dropped from what depends to what it depends on, then altered, then created in the order of their rowids', () => {
  const view = new RowsView(catalogs, pagesWith())
  const changes = [
    created('table a'),
    dropped('table b'),
    dropped('index b_i', { tableName: 'b' }),
    created('trigger a_t', { tableName: 'a' }),
    { before: row('index c_i', { tableName: 'c' }), after: row('index c_i', { tableName: 'd' }) },
    dropped('trigger b_t', { tableName: 'b' }),
    dropped('view v'),
    { before: row('table c'), after: row('table d') },
    created('table z', { rowid: 0n }),
  ]
  const wanted = 'drop b_t, drop v, drop b_i, drop b, alter c to d, alter c_i to c_i, create z, create a, create a_t'
  expect(show(view.tell(difference([], changes), AT, pagesWith()))).toEqual(wanted.split(', '))
})

test("Stemma's own tables and what belongs to them are left out", () => {
  const view = new RowsView(catalogs, pagesWith())
  const own = row('table _stemma_copy')
  const rows = view.tell(
    difference(
      [own, row('table t')],
      [created('table _Stemma_x'), dropped('index i', { tableName: '_stemma_copy' }), created('view w')],
    ),
    AT,
    pagesWith(),
  )
  expect(rows.tables.map(({ name }) => name)).toEqual(['t'])
  expect(show(rows)).toEqual(['create w'])
})

test('a table that hides behind a name of ours is dropped, and one that comes out from behind it is unknown', () => {
  const view = new RowsView(catalogs, pagesWith())
  const [seen, hidden] = [row('table t'), row('table _stemma_t')]
  expect(show(view.tell(difference([], [{ before: seen, after: hidden }]), AT, pagesWith()))).toEqual(['drop t'])
  const tell = (): unknown => view.tell(difference([], [{ before: hidden, after: seen }]), AT, pagesWith())
  expect(codeOf(tell)).toBe('ROWS_UNKNOWN')
})

test('user_version and application_id are told when they change', () => {
  const view = new RowsView(catalogs, pagesWith({ userVersion: 3 }))
  const tell = (pages: Pages | undefined) => {
    const { userVersion, applicationId, schemaVersion } = view.tell(difference([]), AT, pages)
    return [userVersion, applicationId, schemaVersion]
  }
  expect(tell(undefined)).toEqual([undefined, undefined, 1])
  expect(tell(pagesWith({ userVersion: 3 }))).toEqual([undefined, undefined, 1])
  expect(tell(pagesWith({ userVersion: -4, schemaCookie: 7 }))).toEqual([-4, undefined, 7])
  expect(tell(pagesWith({ userVersion: -4, applicationId: 9, schemaCookie: 7 }))).toEqual([undefined, 9, 7])
  expect(tell(undefined)).toEqual([undefined, undefined, 7])
})

test('a layout is news at first, under a new schema, and again after 1,024 commits', () => {
  const view = new RowsView(catalogs, pagesWith())
  const [t, u] = [row('table t'), row('table u')]
  const isNews = (table: SchemaRow, pages?: Pages): boolean => view.tell(difference([table]), AT, pages).tables[0]!.isLayoutNews
  expect([isNews(t), isNews(t), isNews(u), isNews(u)]).toEqual([true, false, true, false])
  const next = pagesWith({ schemaCookie: 2 })
  expect([isNews(t, next), isNews(t), isNews(u)]).toEqual([true, false, true])
  const news = Array.from({ length: 2100 }, () => isNews(t)).flatMap((each, i) => (each ? [i] : []))
  expect(news).toEqual([1021, 2045])
})

test('the layout before is told when it was another', () => {
  const view = new RowsView(catalogs, pagesWith())
  const tell = (before: SchemaRow | undefined, after: SchemaRow) => {
    const [table] = view.tell({ schema: [], trees: [{ before, after, rows: () => [] }] }, AT, pagesWith()).tables
    return [table!.nameBefore, table!.layoutBefore?.columns.map(({ name }) => name).join(' '), table!.name]
  }
  const t = row('table t')
  expect(tell(undefined, t)).toEqual([undefined, undefined, 't'])
  expect(tell(t, row('table u'))).toEqual(['t', undefined, 'u'])
  expect(tell(t, row('table t', { sql: 'CREATE TABLE t (a, b)' }))).toEqual(['t', 'a', 't'])
})

test('rows are told with what happened to them, as often as they are asked for', () => {
  const view = new RowsView(catalogs, pagesWith())
  const [a, b] = [new Uint8Array([2, 8]), new Uint8Array([2, 9])]
  const changes = [
    { rowid: 1n, before: undefined, after: a },
    { rowid: 2n, before: a, after: b },
    { rowid: 3n, before: b, after: undefined },
  ]
  const t = row('table t')
  const [table] = view.tell({ schema: [], trees: [{ before: t, after: t, rows: () => changes }] }, AT, undefined).tables
  for (let i = 0; i < 2; i++) {
    expect(Array.from(table!.rows(), ({ kind, rowid, before, after }) => [kind, rowid, before, after])).toEqual([
      ['insert', 1n, undefined, a],
      ['update', 2n, a, b],
      ['delete', 3n, b, undefined],
    ])
  }
})

test('rows that can not be read are unknown, and the error names their commit', () => {
  const view = new RowsView(catalogs, pagesWith())
  const t = row('table t')
  const rows = function* (): Generator<never> {
    yield* []
    throw new Error('a bad sector')
  }
  const [table] = view.tell({ schema: [], trees: [{ before: t, after: t, rows }] }, AT, undefined).tables
  expect(() => [...table!.rows()]).toThrow('ROWS_UNKNOWN: the rows of commit 1:8 are unknown: a bad sector')
})

test('trees have the shape that their SQL says', () => {
  const view = new RowsView(catalogs, pagesWith())
  const keyed = row('table k', { sql: 'CREATE TABLE k (a, b, PRIMARY KEY (b, a)) WITHOUT ROWID' })
  const longer = row('table k', { sql: 'CREATE TABLE k (a, b, c, PRIMARY KEY (b, a)) WITHOUT ROWID' })
  expect([row('table t'), keyed, longer, row('index i')].map((each) => view.shapeOf(each))).toEqual([
    { content: 'rows', keyCount: 0, keys: '' },
    { content: 'keyed-rows', keyCount: 2, keys: '1 0 BINARY 1,0 0 BINARY 1' },
    // Another column is no other key.
    { content: 'keyed-rows', keyCount: 2, keys: '1 0 BINARY 1,0 0 BINARY 1' },
    { content: 'index', keyCount: 0 },
  ])
})

function codeOf(action: () => unknown): string | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    return StemmaError.is(error) ? error.code : String(error)
  }
}
