import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { Faults, faultyDriver } from '../../test/faults.ts'
import { contentOf } from '../../test/logical/content.ts'
import { plainStatements, withStatements, type StatementLeader, type ToRun } from '../../test/logical/statement-leader.ts'
import { betterSqlite3 } from '../sqlite/better-sqlite3.ts'

const ASKS: ToRun['verdict'] = { safety: 'record', findings: [{ code: 'CONNECTION_STATE', start: 0, end: 1 }] }

/** What a leader is set up with, and what it then does; each call of `run` is a commit. */
const STORIES: readonly (readonly [string, string, (leader: StatementLeader) => void])[] = [
  [
    'inserts with values of every type, placed and named',
    'CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c TEXT, d INTEGER)',
    (leader) => {
      leader.run({ sql: 'INSERT INTO t (a, b, c, d) VALUES (?, ?, ?, ?)', placed: [1, 1n, 2, 3] })
      leader.run({
        sql: 'INSERT INTO t (a, b, c) VALUES (?, :b, $c)',
        placed: [null],
        named: { b: 'é\u0000x', c: 2n ** 63n - 1n },
      })
      leader.run({ sql: 'INSERT INTO t (a, b, c) VALUES (?1, ?2, ?1)', named: { 1: new Uint8Array([0, 255]), 2: -0 } })
      leader.run({ sql: 'INSERT INTO t (a, b) VALUES (?, ?)', placed: [Number.NaN, 'half a \ud800 pair'] })
    },
  ],
  [
    'transactions of many statements',
    'CREATE TABLE t (id INTEGER PRIMARY KEY, a)',
    (leader) => {
      for (let i = 0; i < 50; i++)
        leader.run(
          { sql: 'INSERT INTO t (a) VALUES (?)', placed: [i] },
          'UPDATE t SET a = a + 1',
          'DELETE FROM t WHERE a % 7 = 0',
        )
    },
  ],
  [
    'AUTOINCREMENT, and rowids that nobody names',
    'CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a); CREATE TABLE u (a)',
    (leader) => {
      leader.run("INSERT INTO t (a) VALUES ('a'), ('b'), ('c')", "INSERT INTO u VALUES ('x'), ('y'), ('z')")
      leader.run('DELETE FROM t', "DELETE FROM u WHERE a = 'z'")
      leader.run("INSERT INTO t (a) VALUES ('d')", "INSERT INTO u VALUES ('w')")
      leader.run("INSERT OR IGNORE INTO t (id, a) VALUES (4, 'again')")
      leader.run('DELETE FROM sqlite_sequence')
    },
  ],
  [
    'triggers, on tables and instead of writes to views',
    `CREATE TABLE t (id INTEGER PRIMARY KEY, a); CREATE TABLE log (n INTEGER PRIMARY KEY, what);
     CREATE TRIGGER g1 AFTER INSERT ON t BEGIN INSERT INTO log (what) VALUES ('new ' || new.a); END;
     CREATE TRIGGER g2 AFTER DELETE ON t BEGIN INSERT INTO log (what) VALUES ('old ' || old.a); END;
     CREATE VIEW v AS SELECT id, a FROM t;
     CREATE TRIGGER g3 INSTEAD OF INSERT ON v BEGIN INSERT INTO t (a) VALUES (new.a || ' by view'); END`,
    (leader) => {
      leader.run("INSERT INTO t (a) VALUES ('x')")
      leader.run("INSERT INTO v (a) VALUES ('y')", "REPLACE INTO t VALUES (1, 'z')")
      leader.setSettings({ recursiveTriggers: true })
      leader.run("REPLACE INTO t VALUES (1, 'w')")
    },
  ],
  [
    'foreign keys that cascade, that are off, and that wait for the end',
    `CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE);
     INSERT INTO p VALUES (1), (2), (3); INSERT INTO c VALUES (1, 1), (2, 2), (3, 3)`,
    (leader) => {
      leader.run('DELETE FROM p WHERE id = 1')
      leader.setSettings({ foreignKeys: false })
      leader.run('DELETE FROM p WHERE id = 2')
      leader.run('INSERT INTO p VALUES (2)')
      leader.setSettings({ foreignKeys: true })
      leader.run('DELETE FROM p WHERE id = 3')
      leader.run('PRAGMA user_version = 3')
      leader.setSettings({ deferForeignKeys: true })
      leader.run('INSERT INTO c VALUES (9, 9)', 'INSERT INTO p VALUES (9)')
      leader.setSettings({ deferForeignKeys: false })
      leader.run('INSERT INTO c VALUES (10, 9)')
    },
  ],
  [
    'other settings that change what statements mean',
    "CREATE TABLE t (id INTEGER PRIMARY KEY, a CHECK (a <> 'no')); INSERT INTO t VALUES (1, 'Ab'), (2, 'ab'), (3, 'aB')",
    (leader) => {
      leader.setSettings({ caseSensitiveLike: true })
      leader.run("DELETE FROM t WHERE a LIKE 'a%' AND id < 3")
      leader.setSettings({ caseSensitiveLike: false, ignoreCheckConstraints: true })
      leader.run("INSERT INTO t VALUES (7, 'no')")
      leader.setSettings({ ignoreCheckConstraints: false, reverseUnorderedSelects: true })
      leader.run('DELETE FROM t WHERE id IN (SELECT id FROM t LIMIT 1)')
    },
  ],
  [
    'changes of the schema, and rows in between',
    'CREATE TABLE t (id INTEGER PRIMARY KEY, a)',
    (leader) => {
      leader.run('CREATE TABLE u (id INTEGER PRIMARY KEY, b DEFAULT 5, c AS (b + 1) STORED)', 'INSERT INTO u (id) VALUES (1)')
      leader.runAsRows('INSERT INTO u (id) VALUES (2); CREATE INDEX i ON u (b)')
      leader.run("ALTER TABLE u ADD COLUMN d DEFAULT 'd'", 'INSERT INTO u (id) VALUES (3)')
      leader.runAsRows("UPDATE u SET d = 'e' WHERE id = 1")
      leader.run('CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO u (b) VALUES (new.a); END')
      leader.run('INSERT INTO t (a) VALUES (10)')
      leader.runAsRows('INSERT INTO t (a) VALUES (11)')
      leader.run('INSERT INTO t (a) VALUES (12)', 'CREATE TABLE w AS SELECT * FROM u')
      leader.runAsRows('DROP TRIGGER g; INSERT INTO t (a) VALUES (13)')
      leader.run('INSERT INTO t (a) VALUES (14)', 'DROP TABLE u')
    },
  ],
  [
    'last_insert_rowid() and changes() as the program saw them, across commits',
    'CREATE TABLE p (id INTEGER PRIMARY KEY, a); CREATE TABLE c (id INTEGER PRIMARY KEY, p, n)',
    (leader) => {
      leader.run("INSERT INTO p VALUES (77, 'a'), (78, 'b')")
      leader.run({ sql: 'INSERT INTO c (p, n) VALUES (last_insert_rowid(), changes())', verdict: ASKS })
      leader.run('UPDATE p SET a = a || a')
      leader.run({ sql: 'INSERT INTO c (p, n) VALUES (last_insert_rowid(), changes())', verdict: ASKS })
      leader.runAsRows('CREATE TABLE x (y)')
    },
  ],
  [
    'statements that return rows, and that say PRAGMA',
    'CREATE TABLE t (id INTEGER PRIMARY KEY, a)',
    (leader) => {
      leader.run('INSERT INTO t (a) VALUES (1), (2), (3) RETURNING id', 'UPDATE t SET a = a * 2 WHERE id > 1 RETURNING *')
      leader.run('PRAGMA user_version = 42', 'PRAGMA application_id = 7')
      leader.run('  -- a comment\n /* and one more */ DELETE FROM t WHERE id = 2 RETURNING a;')
    },
  ],
  [
    'a statement that fails and leaves some of what it did',
    'CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (3)',
    (leader) => {
      leader.run('INSERT OR FAIL INTO t VALUES (1), (2), (3), (4)', 'INSERT INTO t VALUES (9)')
    },
  ],
  [
    'VACUUM, which gives new rowids',
    "CREATE TABLE t (a); INSERT INTO t VALUES ('x'), ('y'), ('z'); DELETE FROM t WHERE a = 'x'",
    (leader) => {
      leader.run("INSERT INTO t VALUES ('w')")
      leader.run('VACUUM')
      leader.run('DELETE FROM t WHERE rowid = 2')
    },
  ],
]

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
