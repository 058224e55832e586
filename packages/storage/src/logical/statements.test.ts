import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { Faults, faultyDriver } from '../../test/faults.ts'
import { contentOf } from '../../test/logical/content.ts'
import { plainStatements, withStatements, type StatementLeader } from '../../test/logical/statement-leader.ts'
import { newPair, openRows } from '../../test/logical/follow-rows.ts'
import { inFolder } from '../../test/replica/follow.ts'
import { STORIES } from '../../test/logical/statement-stories.ts'
import { betterSqlite3 } from '../sqlite/better-sqlite3.ts'

test.each(STORIES)('a copy runs %s', (_title, schema, work) =>
  withStatements(schema, ({ leader, follow, source, copy }) => {
    work(leader)
    follow()
    expect(contentOf(copy)).toEqual(contentOf(source))
  }),
)

test.each(STORIES)('a copy runs %s, one commit at a time', (_title, schema, work) =>
  withStatements(
    schema,
    ({ leader, replica, source, copy }) => {
      work(leader)
      for (const entry of leader.entries) replica.apply([entry])
      expect(contentOf(copy)).toEqual(contentOf(source))
      expect(replica.state).toMatchObject({ position: leader.rows.position, format: plainStatements.name })
    },
    { merge: false },
  ),
)

test('commits that wait become one transaction, until rows or a change of foreign keys come between', async () => {
  const faults = new Faults()
  let commits = 0
  await withStatements(
    'CREATE TABLE t (id INTEGER PRIMARY KEY, a)',
    ({ leader, follow, source, copy }) => {
      const some = (): void => [1, 2, 3].forEach((n) => leader.run({ sql: 'INSERT INTO t (a) VALUES (?)', placed: [n] }))
      some()
      leader.runAsRows('DELETE FROM t WHERE a = 1')
      leader.runAsRows('DELETE FROM t WHERE a = 2')
      some()
      leader.run('CREATE TABLE u (a)', 'INSERT INTO u VALUES (1)')
      some()
      leader.setSettings({ foreignKeys: false })
      some()
      faults.watch((call) => void (commits += call === 'COMMIT' ? 1 : 0))
      follow()
      faults.watch(undefined)
      expect(commits).toBe(4)
      expect(contentOf(copy)).toEqual(contentOf(source))
    },
    { driver: faultyDriver(betterSqlite3, faults) },
  )
})

test.each<[string, string, (leader: StatementLeader, copy: Database.Database) => void, RegExp]>([
  [
    'another count of rows',
    'CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)',
    (leader, copy) => {
      copy.exec('DELETE FROM t WHERE a = 2')
      leader.run('UPDATE t SET a = a + 1')
    },
    /UPDATE t SET a = a \+ 1: on the leader 2 rows changed, on the copy 1 row changed/,
  ],
  [
    'another rowid',
    'CREATE TABLE t (id INTEGER PRIMARY KEY, a)',
    (leader, copy) => {
      copy.exec('INSERT INTO t VALUES (9, 9)')
      leader.run({ sql: 'INSERT INTO t (a) VALUES (?)', placed: ['x'] })
    },
    /\['x'\]: .*rowid was 1, .*rowid was 10/,
  ],
  [
    'a failure where the leader had none',
    'CREATE TABLE t (a UNIQUE)',
    (leader, copy) => {
      copy.exec('INSERT INTO t VALUES (1)')
      leader.run('INSERT INTO t VALUES (1)')
    },
    /it failed \(SQLITE_CONSTRAINT_UNIQUE: UNIQUE constraint failed: t.a\)/,
  ],
  [
    'no failure where the leader had one',
    'CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (3)',
    (leader, copy) => {
      copy.exec('DELETE FROM t')
      leader.run('INSERT OR FAIL INTO t VALUES (1), (2), (3)', 'INSERT INTO t VALUES (4)')
    },
    /on the leader it failed \(SQLITE_CONSTRAINT_UNIQUE\), 2 rows changed/,
  ],
  [
    'a function that it does not have',
    'CREATE TABLE t (a)',
    (leader) => {
      leader.database.function('up', (text) => String(text).toUpperCase())
      leader.run("INSERT INTO t VALUES (up('i'))")
    },
    /no such function: up/,
  ],
  [
    'a table that only the leader has',
    'CREATE TABLE t (a)',
    (leader) => {
      leader.database.exec('CREATE TEMP TABLE s AS SELECT 1 AS a')
      leader.run('INSERT INTO t SELECT a FROM s')
    },
    /no such table: s/,
  ],
])('a copy stops at a statement that meets %s', (_title, schema, work, message) =>
  withStatements(schema, ({ leader, replica, copy }) => {
    leader.run('CREATE TABLE before (x)')
    replica.apply(leader.entries)
    const other = new Database(copy)
    work(leader, other)
    other.close()
    const position = { ...leader.rows.position, sequence: leader.rows.position.sequence - 1 }
    leader.run('CREATE TABLE after (x)')
    for (const entries of [leader.entries, leader.entries]) {
      expect(() => replica.apply(entries)).toThrow(expect.objectContaining({ code: 'STATEMENT_DIFFERS' }))
      expect(() => replica.apply(entries)).toThrow(message)
    }
    expect(replica.state).toMatchObject({ position })
    expect(new Database(copy).prepare("SELECT name FROM sqlite_schema WHERE name IN ('before', 'after')").pluck().all()).toEqual([
      'before',
    ])
  }),
)

test('a transaction that was rolled back and is tried again does not show in changes()', () =>
  withStatements('CREATE TABLE t (id INTEGER PRIMARY KEY, a)', ({ leader, replica, copy }) => {
    const asks = { safety: 'record', findings: [{ code: 'CONNECTION_STATE', start: 0, end: 1 }] } as const
    leader.run("INSERT INTO t (a) VALUES ('a'), ('b'), ('c')")
    replica.apply(leader.entries)
    leader.run({ sql: 'INSERT INTO t (a) VALUES (changes() || last_insert_rowid())', verdict: asks })
    leader.run('UPDATE t SET id = id + 10')
    leader.database.exec('CREATE TEMP TABLE s (a)')
    leader.run('INSERT INTO t SELECT 7, 7 UNION SELECT a, a FROM s')
    expect(() => replica.apply(leader.entries)).toThrow(expect.objectContaining({ code: 'STATEMENT_DIFFERS' }))
    const reader = new Database(copy, { readonly: true })
    expect(reader.prepare('SELECT a FROM t').pluck().all()).toEqual(['a', 'b', 'c', '33'])
    reader.close()
  }))

test('a copy that rows made in UTF-16 does not go on by statements, and one in UTF-8 does', async () => {
  for (const encoding of ['utf-16le', 'utf-8'] as const) {
    await inFolder(async (folder) => {
      const { leader, replica } = await newPair(folder, 'CREATE TABLE t (a)', { encoding })
      await replica.close()
      const again = openRows(folder, { formats: [plainStatements] })
      if (encoding === 'utf-8') await (await again).close()
      else await expect(again).rejects.toMatchObject({ code: 'BAD_ARGUMENT' })
      leader.close()
    })
  }
})

test('a copy in another text encoding is refused, one of another page size is not', async () => {
  await expect(withStatements('CREATE TABLE t (a)', () => undefined, { encoding: 'utf-16le' })).rejects.toMatchObject({
    code: 'BAD_ARGUMENT',
  })
  await withStatements(
    'CREATE TABLE t (a)',
    ({ leader, follow, source, copy }) => {
      leader.run("INSERT INTO t VALUES ('x')")
      follow()
      expect(contentOf(copy)).toEqual(contentOf(source))
    },
    { pageSize: 4096 },
  )
})
