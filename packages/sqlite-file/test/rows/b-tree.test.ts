import { describe, expect, test } from 'vitest'
import { readPageUses, pagesOf, type DatabaseChange, type Pages } from '../../src/index.ts'
import { WatchedDatabase } from './watched-database.ts'

// Every transaction of these tests is compared with what SQLite says of all tables before and after; see WatchedDatabase.

const SIZES = [512, 1024, 4096, 65_536]

describe.each(SIZES)('pages of %i bytes', (pageSize) => {
  const setup = [`PRAGMA page_size = ${pageSize}`, 'CREATE TABLE t (id INTEGER PRIMARY KEY, x)', 'CREATE INDEX i ON t (x)']
  const filler = `hex(zeroblob(${pageSize >> 4}))`

  test('rows are told through splits and merges on every level, as a tree grows and shrinks again', () => {
    using watched = new WatchedDatabase(setup)
    const rows = pageSize > 4096 ? 50 : 80
    const ids = Array.from({ length: rows }, (_, i) => (i * 7919) % 10_007)
    for (const id of ids) expect(watched.run(`INSERT INTO t VALUES (${id}, ${id} || ${filler})`)).toEqual([`insert t ${id}`])
    for (const id of ids) expect(watched.run(`DELETE FROM t WHERE id = ${id}`)).toEqual([`delete t ${id}`])
  })

  test('all rows of a table that is emptied are told, though the pages that held them are never written', () => {
    using watched = new WatchedDatabase(setup)
    watched.run(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO t SELECT i, ${filler} FROM n`,
    )
    const [change] = watched.live.run('DELETE FROM t')
    expect(change!.written.length).toBeLessThan(pagesIn(change!.before, 'table-leaf').length)
    const told = watched.check([change!])
    expect(told).toEqual(Array.from({ length: 200 }, (_, i) => `delete t ${i + 1}`))
  })

  test('pages that are freed and taken by another table in the same commit tell the rows of both', () => {
    using watched = new WatchedDatabase([...setup, 'CREATE TABLE u (x)'])
    const numbers = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) '
    watched.run(`${numbers} INSERT INTO t SELECT i, i || ${filler} FROM n`)
    const told = watched.run(`BEGIN; DELETE FROM t WHERE id > 10; ${numbers} INSERT INTO u SELECT i || ${filler} FROM n; COMMIT`)
    expect(told.filter((one) => one.startsWith('delete t')).length).toBe(90)
    expect(told.filter((one) => one.startsWith('insert u')).length).toBe(100)
  })
})

test('a tree of three levels and more is followed down and up', () => {
  using watched = new WatchedDatabase(['PRAGMA page_size = 512', 'CREATE TABLE t (id INTEGER PRIMARY KEY, x)'])
  const numbers = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) '
  expect(watched.run(`${numbers} INSERT INTO t SELECT i * 3, hex(zeroblob(30 + i % 60)) FROM n`).length).toBe(2000)
  expect(pagesIn(watched.live.pages(), 'table-interior').length).toBeGreaterThan(10)
  for (let i = 1; i < 25; i++) {
    expect(watched.run(`INSERT INTO t VALUES (${-i}, hex(zeroblob(200)))`)).toEqual([`insert t ${-i}`])
    expect(watched.run(`DELETE FROM t WHERE id BETWEEN ${i * 200} AND ${i * 200 + 150}`).length).toBeGreaterThan(49)
  }
  watched.run('DELETE FROM t WHERE id > 60')
  expect(pagesIn(watched.live.pages(), 'table-interior').length).toBeLessThan(5)
  watched.run('DELETE FROM t')
})

test('one transaction may write more pages than the cache holds', () => {
  using watched = new WatchedDatabase(['PRAGMA page_size = 512', 'CREATE TABLE t (x)', 'CREATE INDEX i ON t (x)'])
  watched.live.db.pragma('cache_size = 5')
  const numbers = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) '
  expect(
    watched.run(`BEGIN; ${numbers} INSERT INTO t SELECT hex(randomblob(20)) FROM n; DELETE FROM t WHERE rowid % 2; COMMIT`)
      .length,
  ).toBe(1500)
  expect(watched.run('UPDATE t SET x = x || 1').length).toBe(1500)
})

test('what a savepoint took back is not told', () => {
  using watched = new WatchedDatabase(['PRAGMA page_size = 512', 'CREATE TABLE t (id INTEGER PRIMARY KEY, x)'])
  watched.live.db.pragma('cache_size = 5')
  const numbers = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) '
  watched.run(`${numbers} INSERT INTO t SELECT i, hex(zeroblob(40)) FROM n`)
  expect(
    watched.run("BEGIN; SAVEPOINT s; DELETE FROM t WHERE id > 3; ROLLBACK TO s; UPDATE t SET x = 'a' WHERE id = 7; COMMIT"),
  ).toEqual(['update t 7'])
  expect(watched.run('BEGIN; SAVEPOINT s; DELETE FROM t; ROLLBACK TO s; COMMIT')).toEqual([])
})

test('rows of a table WITHOUT ROWID are told on all pages, above the leaves too', () => {
  using watched = new WatchedDatabase([
    'PRAGMA page_size = 512',
    'CREATE TABLE t (a, b, c, PRIMARY KEY (b COLLATE NOCASE, a DESC)) WITHOUT ROWID',
  ])
  for (let i = 0; i < 120; i++) {
    watched.run(`INSERT INTO t VALUES (${(i * 7919) % 1009}, 'Key ${i % 7}', hex(zeroblob(${(i * 13) % 90})))`)
  }
  expect(pagesIn(watched.live.pages(), 'index-interior').length).toBeGreaterThan(1)
  expect(watched.run("UPDATE t SET c = 'x'").length).toBe(120)
  expect(watched.run('UPDATE t SET c = upper(c) WHERE a % 10 = 3').every((one) => one.startsWith('update t'))).toBe(true)
  // Another case is another key as bytes: what was is deleted, what is now is inserted.
  const told = watched.run("UPDATE t SET b = 'KEY 3' WHERE b = 'Key 3' AND a % 2")
  expect(new Set(told.map((one) => one.split(' ')[0]))).toEqual(new Set(['delete', 'insert']))
  for (let i = 0; i < 7; i++) watched.run(`DELETE FROM t WHERE b LIKE 'key ${i}'`)
})

test('a key that SQLite writes with another serial type is the same key', () => {
  // ALTER TABLE and INSERT write the 0 and 1 of a REAL column in two ways.
  using watched = new WatchedDatabase([
    'CREATE TABLE t (k REAL PRIMARY KEY DESC, b REAL, d INT) WITHOUT ROWID, STRICT',
    'INSERT INTO t VALUES (0, 1, 5), (1, 2, 6), (2.5, 3, 7), (-1, 4, 8)',
    'CREATE TABLE u (k PRIMARY KEY, b) WITHOUT ROWID',
    'INSERT INTO u VALUES (1, 2)',
  ])
  const told = watched.run('ALTER TABLE t DROP COLUMN b')
  expect(told.filter((one) => !one.startsWith('update t'))).toEqual(['alter t to t'])
  // An integer that becomes a real is another key: the copy's row is to become it too.
  expect(watched.run('UPDATE u SET k = 1.0')).toEqual(['insert u r1', 'delete u i1'])
})

test.each(['none', 'full', 'incremental'])(
  'pages are moved and given back with auto_vacuum %s, and no row is told',
  (autoVacuum) => {
    const setup = [
      'PRAGMA page_size = 512',
      `PRAGMA auto_vacuum = ${autoVacuum}`,
      'CREATE TABLE first (x)',
      'CREATE TABLE t (id INTEGER PRIMARY KEY, x)',
      'CREATE TABLE w (a PRIMARY KEY, b) WITHOUT ROWID',
      'CREATE INDEX i ON t (x)',
    ]
    using watched = new WatchedDatabase(setup)
    const numbers = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150) '
    watched.run(`${numbers} INSERT INTO first SELECT zeroblob(700) FROM n`)
    watched.run(`${numbers} INSERT INTO t SELECT i, hex(zeroblob(i * 9)) FROM n`)
    watched.run(`${numbers} INSERT INTO w SELECT i, hex(zeroblob(i * 9)) FROM n`)
    expect(watched.run('DROP TABLE first')).toEqual(['drop first'])
    for (let i = 0; i < 30; i++) expect(watched.run('PRAGMA incremental_vacuum(7)')).toEqual([])
    expect(watched.run('UPDATE t SET x = x || 1 WHERE id = 77')).toEqual(['update t 77'])
    expect(watched.run('DELETE FROM w WHERE a = 77')).toEqual(['delete w i77'])
    expect(watched.run('VACUUM')).toEqual([])
    expect(watched.run('DELETE FROM t WHERE id < 100').length).toBe(99)
  },
)

test('VACUUM gives new rowids to tables that name none, and changes nothing else', () => {
  using watched = new WatchedDatabase([
    'PRAGMA page_size = 512',
    'CREATE TABLE gone (x)',
    'CREATE TABLE named (id INTEGER PRIMARY KEY, x)',
    'CREATE TABLE nameless (x)',
    'CREATE TABLE keyed (a PRIMARY KEY, x) WITHOUT ROWID',
    'CREATE VIEW v AS SELECT * FROM named',
    'CREATE TRIGGER tr AFTER DELETE ON named BEGIN SELECT 1; END',
  ])
  for (const table of ['named', 'nameless', 'keyed']) {
    const columns = table === 'nameless' ? 'rowid, x' : table === 'named' ? 'id, x' : 'a, x'
    watched.run(
      `WITH RECURSIVE n (i) AS (SELECT 10 UNION ALL SELECT i + 10 FROM n WHERE i < 900) INSERT INTO ${table} (${columns}) SELECT i, hex(zeroblob(i % 70)) FROM n`,
    )
  }
  watched.run('DROP TABLE gone')
  const told = watched.run('VACUUM')
  expect(told.filter((one) => !/ nameless /.test(one))).toEqual([])
  expect(told.filter((one) => one.startsWith('delete')).length).toBe(81)
  expect(watched.run('DELETE FROM named')).toHaveLength(90)
})

test('VACUUM may turn auto-vacuum on and off', () => {
  using watched = new WatchedDatabase(['PRAGMA page_size = 512', 'CREATE TABLE t (id INTEGER PRIMARY KEY, x)'])
  const numbers = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) '
  watched.run(`${numbers} INSERT INTO t SELECT i, hex(zeroblob(i * 3)) FROM n`)
  for (const mode of ['full', 'none', 'incremental']) {
    watched.live.db.pragma(`auto_vacuum = ${mode}`)
    expect(watched.run('VACUUM')).toEqual([])
    expect(watched.run("UPDATE t SET x = substr(x, 1, 500) || 'z' || substr(x, 502) WHERE id = 250")).toHaveLength(1)
    watched.run("UPDATE t SET x = replace(x, 'z', '0') WHERE id = 250")
    expect(watched.run(`DELETE FROM t WHERE id = ${mode.length}`)).toHaveLength(1)
    watched.run(`INSERT INTO t VALUES (${mode.length}, hex(zeroblob(900)))`)
  }
})

test.each(['ON', 'FAST', 'OFF'])('pages that secure_delete %s fills with zeros belong to no row', (mode) => {
  using watched = new WatchedDatabase(['PRAGMA page_size = 512', 'CREATE TABLE t (id INTEGER PRIMARY KEY, x)'])
  watched.live.db.pragma(`secure_delete = ${mode}`)
  const numbers = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) '
  watched.run(`${numbers} INSERT INTO t SELECT i, hex(zeroblob(i * 5)) FROM n`)
  expect(watched.run('DELETE FROM t WHERE id % 3 = 0')).toHaveLength(100)
  expect(watched.run('DELETE FROM t WHERE id > 100')).toHaveLength(133)
  expect(watched.run('DELETE FROM t')).toHaveLength(67)
})

test('the map takes no more than 8 bytes for each page, and a commit reads no more pages of a large database than of a small one', () => {
  const reads = [100, 2000].map((rows) => {
    using watched = new WatchedDatabase([
      'PRAGMA page_size = 512',
      'CREATE TABLE t (id INTEGER PRIMARY KEY, x)',
      'CREATE INDEX i ON t (x)',
    ])
    watched.run(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows}) INSERT INTO t SELECT i, hex(randomblob(60)) FROM n`,
    )
    watched.run("UPDATE t SET x = x || 'some more' WHERE id = 50")
    expect(watched.differ.bytesOfMaps).toBeLessThanOrEqual(8 * watched.live.pages().pageCount + 300)
    const [change] = watched.live.run("UPDATE t SET x = 'less' WHERE id = 50")
    const counted = countReads(change!)
    for (const tree of watched.differ.step(counted.change).trees) expect(Array.from(tree.rows()).length).toBe(1)
    return counted.count()
  })
  expect(Math.max(...reads)).toBeLessThan(20)
})

function countReads(change: DatabaseChange): { change: DatabaseChange; count: () => number } {
  let count = 0
  const counting = (pages: Pages): Pages => ({
    ...pages,
    read: (pageNumber) => {
      count++
      return pages.read(pageNumber)
    },
  })
  return {
    change: { before: counting(change.before), after: counting(change.after), written: change.written },
    count: () => count,
  }
}

function pagesIn(pages: Pages, kind: string): number[] {
  const bytes = new Uint8Array(pages.pageCount * pages.pageSize)
  for (let page = 1; page <= pages.pageCount; page++) bytes.set(pages.read(page), (page - 1) * pages.pageSize)
  const whole = pagesOf(bytes)
  return readPageUses(whole, whole.header).flatMap((use) => (use?.kind === kind ? [use.pageNumber] : []))
}
