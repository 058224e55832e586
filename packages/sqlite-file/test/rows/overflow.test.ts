import { StemmaError } from '@stemma/base'
import { expect, test } from 'vitest'
import { RowDiffer, readPageUses, pagesOf, type DatabaseChange, type Pages } from '../../src/index.ts'
import { shapeOfIn } from './sql-tables.ts'
import { WatchedDatabase } from './watched-database.ts'

const AUTO_VACUUM = ['none', 'full', 'incremental']

const TABLES = [
  { kind: 'with rowids', create: 'CREATE TABLE t (id INTEGER PRIMARY KEY, n, x)' },
  { kind: 'WITHOUT ROWID', create: 'CREATE TABLE t (id PRIMARY KEY, n, x) WITHOUT ROWID' },
]

const CASES = AUTO_VACUUM.flatMap((autoVacuum) => TABLES.map((table) => ({ autoVacuum, ...table })))

/** Replaces one byte in the middle of a value; its size stays. */
const poke = (at: number): string => `CAST(substr(x, 1, ${at}) || 'q' || substr(x, ${at} + 2) AS BLOB)`

test.each(CASES)(
  'an overflow page that is overwritten in place, under a leaf that is not written, tells its row: $kind, auto_vacuum $autoVacuum',
  ({ autoVacuum, create }) => {
    using watched = new WatchedDatabase([
      'PRAGMA page_size = 512',
      `PRAGMA auto_vacuum = ${autoVacuum}`,
      create,
      'CREATE INDEX i ON t (n)',
    ])
    for (let id = 1; id < 40; id++) watched.run(`INSERT INTO t VALUES (${id}, ${id}, zeroblob(${id * 150}))`)
    let untouched = 0
    for (const [id, at] of [
      [39, 5000],
      [39, 4000],
      [20, 2900],
      [30, 400],
      [38, 5600],
      [39, 5010],
    ] as const) {
      const changes = watched.live.run(`UPDATE t SET x = ${poke(at)} WHERE id = ${id}`)
      if (changes[0]!.written.every((page) => kindOf(changes[0]!.after, page) === 'overflow')) untouched++
      expect(watched.check(changes).map((one) => one.replace(' i', ' '))).toEqual([`update t ${id}`])
    }
    expect(untouched).toBeGreaterThan(3)
    // With others in the same commit, and after the leaf of the row has been split and its rows have moved.
    const both = `BEGIN; UPDATE t SET x = ${poke(5100)} WHERE id = 39; UPDATE t SET x = ${poke(3000)} WHERE id = 25; UPDATE t SET n = 7 WHERE id = 3; COMMIT`
    expect(watched.run(both)).toHaveLength(3)
    for (let id = 1; id < 40; id++)
      watched.run(`INSERT INTO t VALUES (${id}.5, 1, hex(zeroblob(${id})))`.replace('.5', kindIsRowid(create) ? '00' : '.5'))
    expect(watched.run(`UPDATE t SET x = ${poke(5200)} WHERE id = 39`)).toHaveLength(1)
    watched.run('DELETE FROM t WHERE n % 3 = 0')
    watched.run('PRAGMA incremental_vacuum')
    expect(watched.run(`UPDATE t SET x = ${poke(4400)} WHERE id = 38`)).toHaveLength(1)
  },
)

const kindIsRowid = (create: string): boolean => !create.includes('WITHOUT')

test.each(AUTO_VACUUM)(
  'a row that is deleted and inserted again with the same first page and another end is told, auto_vacuum %s',
  (autoVacuum) => {
    using watched = new WatchedDatabase([
      'PRAGMA page_size = 512',
      `PRAGMA auto_vacuum = ${autoVacuum}`,
      'CREATE TABLE t (id INTEGER PRIMARY KEY, x)',
    ])
    watched.run('INSERT INTO t VALUES (1, zeroblob(3000)), (2, zeroblob(2000))')
    const again = (id: number, size: number): string =>
      `DELETE FROM t WHERE id = ${id}; INSERT INTO t VALUES (${id}, zeroblob(${size - 1}) || 'e')`
    for (let i = 0; i < 5; i++) {
      watched.run(`BEGIN; ${again(1, 3000)}; COMMIT`)
      watched.run(`BEGIN; DELETE FROM t; ${again(2, 2000)}; ${again(1, 3000)}; COMMIT`)
      watched.run(`BEGIN; DELETE FROM t; INSERT INTO t VALUES (1, zeroblob(3000)), (2, zeroblob(2000)); COMMIT`)
    }
  },
)

test.each(AUTO_VACUUM)('overflow pages of an index belong to no row, auto_vacuum %s', (autoVacuum) => {
  using watched = new WatchedDatabase([
    'PRAGMA page_size = 512',
    `PRAGMA auto_vacuum = ${autoVacuum}`,
    'CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)',
    'CREATE INDEX i ON t (x)',
  ])
  for (let id = 1; id < 12; id++) watched.run(`INSERT INTO t VALUES (${id}, hex(zeroblob(${id * 200})))`)
  for (let id = 1; id < 12; id++)
    expect(watched.run(`UPDATE t SET x = substr(x, 1, length(x) - 1) || 'z' WHERE id = ${id}`)).toEqual([`update t ${id}`])
  for (let id = 1; id < 12; id++) expect(watched.run(`UPDATE t SET x = x || 'more' WHERE id = ${id}`)).toEqual([`update t ${id}`])
  for (let id = 1; id < 12; id += 2) expect(watched.run(`DELETE FROM t WHERE id = ${id}`)).toEqual([`delete t ${id}`])
})

test('a large blob is written piece by piece, and each piece is told', () => {
  using watched = new WatchedDatabase(['PRAGMA page_size = 1024', 'CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB)'])
  watched.run('INSERT INTO t VALUES (1, zeroblob(300000)), (2, zeroblob(300000))')
  for (let at = 1000; at < 300_000; at += 29_000) {
    expect(watched.run(`UPDATE t SET x = ${poke(at)} WHERE id = ${1 + (at % 2)}`)).toEqual([`update t ${1 + (at % 2)}`])
  }
})

test('a text of the schema that was overwritten in place on its overflow pages is seen', () => {
  using watched = new WatchedDatabase(['PRAGMA page_size = 512', `CREATE TABLE t (x, y /* ${'long '.repeat(400)} */)`])
  watched.live.db.unsafeMode(true)
  watched.run(
    "BEGIN; PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'long long */', 'LONG LONG */'); PRAGMA writable_schema = OFF; COMMIT",
  )
  expect(watched.run('INSERT INTO t VALUES (1, 2)')).toEqual(['insert t 1'])
  expect(watched.run('ALTER TABLE t RENAME COLUMN y TO z')).toEqual(['alter t to t'])
})

test.each(AUTO_VACUUM)(
  'a written page that belongs to nothing is refused with its number, never passed over: auto_vacuum %s',
  (autoVacuum) => {
    using watched = new WatchedDatabase([
      'PRAGMA page_size = 512',
      `PRAGMA auto_vacuum = ${autoVacuum}`,
      'CREATE TABLE t (id INTEGER PRIMARY KEY, x)',
    ])
    watched.run('INSERT INTO t VALUES (1, zeroblob(3000)), (2, zeroblob(3000))')
    const pages = watched.live.pages()
    const differ = new RowDiffer({ pages, shapeOf: shapeOfIn(watched.live.db) })
    const last = pages.pageCount
    const stray: Pages = { ...pages, read: (page) => (page === last ? new Uint8Array(512).fill(1) : pages.read(page)) }
    const change: DatabaseChange = { before: pages, after: stray, written: [last] }
    const told = (): unknown => differ.step(change).trees.map((tree) => Array.from(tree.rows()))
    const error = captured(told)
    expect(StemmaError.is(error, 'ROWS_UNKNOWN') || StemmaError.is(error, 'DAMAGED_FILE')).toBe(true)
  },
)

test('a commit that was left out is noticed by the number of pages', () => {
  using watched = new WatchedDatabase(['PRAGMA page_size = 512', 'CREATE TABLE t (x)'])
  const changes = [...watched.live.run('INSERT INTO t VALUES (zeroblob(2000))'), ...watched.live.run('INSERT INTO t VALUES (1)')]
  expect(captured(() => watched.differ.step(changes[1]!))).toMatchObject({ code: 'ROWS_UNKNOWN' })
})

function captured(call: () => unknown): unknown {
  try {
    call()
    return undefined
  } catch (error) {
    return error
  }
}

function kindOf(pages: Pages, pageNumber: number): string | undefined {
  const bytes = new Uint8Array(pages.pageCount * pages.pageSize)
  for (let page = 1; page <= pages.pageCount; page++) bytes.set(pages.read(page), (page - 1) * pages.pageSize)
  const whole = pagesOf(bytes)
  return readPageUses(whole, whole.header)[pageNumber - 1]?.kind
}
