import type { StatementLeader, ToRun } from './statement-leader.ts'

const ASKS: ToRun['verdict'] = { safety: 'record', findings: [{ code: 'CONNECTION_STATE', start: 0, end: 1 }] }

/** What a leader is set up with, and what it then does; each call of `run` is a commit. */
export const STORIES: readonly (readonly [string, string, (leader: StatementLeader) => void])[] = [
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
    "CREATE TABLE t (a); INSERT INTO t VALUES ('x'), ('y'), ('z'); DELETE FROM t WHERE a = 'x'; CREATE TABLE z (id INTEGER PRIMARY KEY); INSERT INTO z VALUES (7)",
    (leader) => {
      leader.run("INSERT INTO t VALUES ('w')")
      leader.run('VACUUM')
      leader.run('DELETE FROM t WHERE rowid = 2')
    },
  ],
]
