import { expect, test } from 'vitest'
import { WatchedDatabase } from './watched-database.ts'

const STORY: readonly (readonly [sql: string, told: readonly string[]])[] = [
  ['CREATE TABLE t (id INTEGER PRIMARY KEY, a)', ['create t']],
  ["INSERT INTO t VALUES (1, 'x'), (2, 2)", ['insert t 1', 'insert t 2']],
  ['CREATE INDEX i ON t (a)', ['create i']],
  ['ALTER TABLE t ADD COLUMN b REAL DEFAULT 7', ['alter t to t']],
  ["UPDATE t SET a = 'y' WHERE id = 1", ['update t 1']],
  ['INSERT INTO t VALUES (3, 4, 5)', ['insert t 3']],
  ['ALTER TABLE t RENAME COLUMN a TO c', ['alter t to t', 'alter i to i']],
  ['ALTER TABLE t RENAME TO u', ['alter t to u', 'alter i to i']],
  ['UPDATE u SET b = 1 WHERE id = 2', ['update u 2']],
  ['BEGIN; DROP INDEX i; CREATE INDEX i ON u (b); COMMIT', ['create i', 'drop i']],
  ['DROP INDEX i', ['drop i']],
  ['ALTER TABLE u DROP COLUMN c', ['alter u to u', 'update u 1', 'update u 2', 'update u 3']],
  ['CREATE VIEW v AS SELECT * FROM u', ['create v']],
  ['CREATE TRIGGER tr AFTER INSERT ON u BEGIN DELETE FROM u WHERE id = 1; END', ['create tr']],
  ['INSERT INTO u VALUES (9, 9)', ['delete u 1', 'insert u 9']],
  ['BEGIN; CREATE TABLE w (a PRIMARY KEY) WITHOUT ROWID; INSERT INTO w VALUES (5); COMMIT', ['create w', 'insert w i5']],
  ['BEGIN; DROP TABLE w; CREATE TABLE w (a, b); INSERT INTO w VALUES (5, 6); COMMIT', ['create w', 'drop w', 'insert w 1']],
  ['BEGIN; DROP TABLE w; CREATE TABLE w (a, b); INSERT INTO w VALUES (5, 6); COMMIT', []],
  ['CREATE TRIGGER tr2 AFTER INSERT ON u BEGIN SELECT 2; END', ['create tr2']],
  ['BEGIN; DROP TRIGGER tr2; CREATE TRIGGER tr2 AFTER INSERT ON u BEGIN SELECT 2; END; COMMIT', []],
  // It fires behind the other one now.
  [
    'BEGIN; DROP TRIGGER tr; CREATE TRIGGER tr AFTER INSERT ON u BEGIN DELETE FROM u WHERE id = 1; END; COMMIT',
    ['create tr', 'drop tr'],
  ],
  ['DROP VIEW v', ['drop v']],
  ['DROP TRIGGER tr', ['drop tr']],
  ['DROP TRIGGER tr2', ['drop tr2']],
  ['BEGIN; DELETE FROM u; DROP TABLE u; COMMIT', ['drop u']],
]

test.each(['none', 'full'])(
  'schema changes are told with the rows that they rewrite, and a dropped table tells no rows: auto_vacuum %s',
  (autoVacuum) => {
    using watched = new WatchedDatabase(['PRAGMA page_size = 512', `PRAGMA auto_vacuum = ${autoVacuum}`])
    for (const [sql, told] of STORY) expect([sql, watched.run(sql).toSorted()]).toEqual([sql, told.toSorted()])
  },
)

test('a root that auto-vacuum moves into the place of a dropped table keeps its rows', () => {
  using watched = new WatchedDatabase([
    'PRAGMA page_size = 512',
    'PRAGMA auto_vacuum = full',
    ...['a', 'b', 'c', 'd'].map((name) => `CREATE TABLE ${name} (x)`),
    'CREATE INDEX i ON d (x)',
  ])
  for (const name of ['a', 'b', 'c', 'd']) {
    watched.run(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 80) INSERT INTO ${name} SELECT hex(zeroblob(i)) FROM n`,
    )
  }
  expect(watched.run('DROP TABLE a')).toEqual(['drop a'])
  expect(watched.run('BEGIN; DROP TABLE b; INSERT INTO d VALUES (1); COMMIT')).toEqual(['drop b', 'insert d 81'])
  // Both the name and the root change: to pages it is another table, and all its rows are told.
  expect(watched.run('BEGIN; DROP TABLE c; ALTER TABLE d RENAME TO e; COMMIT').length).toBeGreaterThan(1)
  expect(watched.run('DELETE FROM e WHERE rowid > 3')).toHaveLength(78)
})

const KINDS: readonly (readonly [
  what: string,
  setup: string,
  steps: readonly (readonly [sql: string, told: readonly string[]])[],
])[] = [
  [
    'a REAL column that stores whole numbers as integers',
    'CREATE TABLE t (x REAL)',
    [
      ['INSERT INTO t VALUES (1), (2.5), (-0.0), (9e999)', ['insert t 1', 'insert t 2', 'insert t 3', 'insert t 4']],
      ['UPDATE t SET x = 3.0 WHERE rowid = 2', ['update t 2']],
    ],
  ],
  [
    'generated columns, stored and virtual',
    'CREATE TABLE t (a, s AS (a * 2) STORED, v AS (a * 3) VIRTUAL, b)',
    [
      ['INSERT INTO t (a, b) VALUES (1, 2)', ['insert t 1']],
      ['UPDATE t SET a = 4', ['update t 1']],
    ],
  ],
  [
    'AUTOINCREMENT, with the sequence that it keeps',
    'CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, x)',
    [
      ['INSERT INTO t (x) VALUES (1)', ['insert sqlite_sequence 1', 'insert t 1']],
      ['DELETE FROM t', ['delete t 1']],
      ['INSERT INTO t (x) VALUES (1)', ['insert t 2', 'update sqlite_sequence 1']],
    ],
  ],
  [
    'a table with no key at all',
    'CREATE TABLE t (x)',
    [
      ['INSERT INTO t VALUES (1), (1)', ['insert t 1', 'insert t 2']],
      ['DELETE FROM t WHERE rowid = 1', ['delete t 1']],
    ],
  ],
  [
    'a strict table',
    'CREATE TABLE t (i INT, r REAL, x TEXT, b BLOB, a ANY) STRICT',
    [
      ["INSERT INTO t VALUES (1, 2, 'x', x'00', 1.0)", ['insert t 1']],
      ["UPDATE t SET a = '1'", ['update t 1']],
    ],
  ],
  [
    'extreme rowids',
    'CREATE TABLE t (id INTEGER PRIMARY KEY, x)',
    [
      [
        'INSERT INTO t VALUES (-9223372036854775808, 1), (9223372036854775807, 2), (-1, 3), (0, 4), (4294967296, 5), (-4294967297, 6), (9007199254740993, 7)',
        [
          'insert t -9223372036854775808',
          'insert t -4294967297',
          'insert t -1',
          'insert t 0',
          'insert t 4294967296',
          'insert t 9007199254740993',
          'insert t 9223372036854775807',
        ],
      ],
      ['UPDATE t SET id = id + 1 WHERE id = 9007199254740993', ['delete t 9007199254740993', 'insert t 9007199254740994']],
      ['DELETE FROM t WHERE id = -9223372036854775808', ['delete t -9223372036854775808']],
    ],
  ],
  [
    'unique keys that are swapped',
    'CREATE TABLE t (id INTEGER PRIMARY KEY, x UNIQUE)',
    [
      ['INSERT INTO t VALUES (1, 1), (2, 2)', ['insert t 1', 'insert t 2']],
      [
        'BEGIN; UPDATE t SET x = 3 WHERE id = 1; UPDATE t SET x = 1 WHERE id = 2; UPDATE t SET x = 2 WHERE id = 1; COMMIT',
        ['update t 1', 'update t 2'],
      ],
    ],
  ],
  [
    'a row that ends as it began',
    'CREATE TABLE t (id INTEGER PRIMARY KEY, x)',
    [
      ["INSERT INTO t VALUES (1, 'a')", ['insert t 1']],
      ["BEGIN; UPDATE t SET x = 'long text'; UPDATE t SET x = 'a'; COMMIT", []],
      ["BEGIN; INSERT INTO t VALUES (2, 'b'); DELETE FROM t WHERE id = 2; COMMIT", []],
    ],
  ],
  [
    'shadow tables of full-text search',
    'CREATE TABLE t (x)',
    [
      [
        'CREATE VIRTUAL TABLE f USING fts5 (body)',
        [
          'create f',
          'create f_config',
          'create f_content',
          'create f_data',
          'create f_docsize',
          'create f_idx',
          'insert f_config',
          'insert f_data',
          'insert f_data',
        ],
      ],
      [
        "INSERT INTO f VALUES ('some words')",
        ['insert f_content', 'insert f_data', 'insert f_docsize', 'insert f_idx', 'update f_data', 'update f_data'],
      ],
    ],
  ],
  [
    'shadow tables of R-Trees',
    'CREATE TABLE t (x)',
    [
      [
        'CREATE VIRTUAL TABLE r USING rtree (id, a, b)',
        ['create r', 'create r_node', 'create r_parent', 'create r_rowid', 'insert r_node'],
      ],
      ['INSERT INTO r VALUES (5, 1, 2)', ['insert r_rowid', 'update r_node']],
    ],
  ],
]

test.each(KINDS)('%s', (_what, create, steps) => {
  for (const encoding of ['UTF-8', 'UTF-16le', 'UTF-16be']) {
    using watched = new WatchedDatabase([`PRAGMA page_size = 512; PRAGMA encoding = '${encoding}'`, create])
    for (const [sql, told] of steps) {
      const got = watched.run(sql).map((one) => (/ [fr]_/.test(one) ? one.split(' ').slice(0, 2).join(' ') : one))
      expect([sql, got.toSorted()]).toEqual([sql, told.toSorted()])
    }
  }
})

test('a database that has no page yet is followed from its first table on', () => {
  using watched = new WatchedDatabase(['PRAGMA page_size = 512; PRAGMA encoding = "UTF-16le"'])
  expect(watched.run("BEGIN; CREATE TABLE t (x); INSERT INTO t VALUES ('ä'); COMMIT")).toEqual(['create t', 'insert t 1'])
})
