import type { RowLeaderOptions } from './row-leader.ts'

export interface Story {
  readonly title: string
  /** Commits of the leader before the copy is made, as one. */
  readonly first?: string
  /** Transactions, each followed by a comparison. */
  readonly commits: readonly string[]
  readonly options?: RowLeaderOptions
  /** It is about what only the source sees. */
  readonly needsSource?: boolean
}

const trigger = (name: string): string =>
  `CREATE TRIGGER ${name} AFTER INSERT ON t BEGIN INSERT INTO l (a) VALUES ('${name}'); END`

export const stories: readonly Story[] = [
  {
    title: 'rows are inserted, updated and deleted',
    first: 'CREATE TABLE t (a, b)',
    commits: [
      "INSERT INTO t VALUES (1, 'x'), (2.5, NULL), (x'00ff', '')",
      'UPDATE t SET b = a WHERE rowid = 2',
      'DELETE FROM t WHERE rowid = 1',
    ],
  },
  {
    title: 'a table is created with rows, and dropped',
    commits: [
      "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b REAL); INSERT INTO t VALUES (7, 'x', 1), (-3, 'y', 2.5)",
      'DROP TABLE t',
    ],
  },
  {
    title: 'a column is added, and rows stay short',
    first: 'CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)',
    commits: [
      "ALTER TABLE t ADD COLUMN b TEXT DEFAULT 'none'; UPDATE t SET b = 'x' WHERE a = 2",
      'UPDATE t SET a = a + 1',
      'DELETE FROM t WHERE a = 2',
    ],
  },
  {
    title: 'a column is added and filled in one commit',
    first: 'CREATE TABLE t (a UNIQUE, c); CREATE INDEX i ON t (c); INSERT INTO t VALUES (1, 2), (2, 3), (3, 4)',
    commits: ['ALTER TABLE t ADD COLUMN b; UPDATE t SET b = a * 2, c = -c; INSERT INTO t VALUES (9, 9, 9)'],
  },
  {
    title: 'a column is dropped',
    first: 'CREATE TABLE t (a, b, c); CREATE INDEX i ON t (c); INSERT INTO t VALUES (1, 2, 3), (4, 5, 6)',
    commits: ['ALTER TABLE t DROP COLUMN b', 'INSERT INTO t VALUES (7, 8)'],
  },
  {
    title: 'a column is dropped beside a key of reals, and such a key changes its type',
    first:
      'CREATE TABLE t (k REAL PRIMARY KEY DESC, b REAL, d INT) WITHOUT ROWID, STRICT; INSERT INTO t VALUES (0, 1, 5), (1, 2, 6), (2.5, 3, 7); CREATE TABLE u (k PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO u VALUES (0, 1), (1, 2)',
    commits: [
      'ALTER TABLE t DROP COLUMN b',
      'UPDATE t SET k = k + 100',
      'UPDATE u SET k = CAST(k AS REAL)',
      'UPDATE u SET k = k + 100',
    ],
  },
  {
    title: 'triggers change their order, and a table with triggers is made anew with one more',
    needsSource: true,
    first: `CREATE TABLE t (a); CREATE TABLE l (id INTEGER PRIMARY KEY, a); ${trigger('g1')}; ${trigger('g2')}; ${trigger('g3')}`,
    commits: [
      `DROP TRIGGER g1; ${trigger('g1')}`,
      'INSERT INTO t VALUES (1)',
      `DROP TRIGGER g2; DROP TRIGGER g3; ${trigger('g2')}; ${trigger('g3')}; ${trigger('g0')}`,
      `DROP TABLE t; CREATE TABLE t (a); ${trigger('g3')}; ${trigger('g4')}; ${trigger('g1')}`,
      'INSERT INTO t VALUES (2)',
    ],
  },
  {
    title: 'a column is renamed, with its index and trigger',
    first:
      'CREATE TABLE t (a, b); CREATE INDEX i ON t (a) WHERE a > 1; CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET b = new.a; END; INSERT INTO t VALUES (1, 2)',
    commits: ['ALTER TABLE t RENAME COLUMN a TO z', 'INSERT INTO t VALUES (5, 6)'],
  },
  {
    title: 'a table is renamed, with rows in the same commit',
    first: 'CREATE TABLE t (a UNIQUE, b); CREATE VIEW v AS SELECT * FROM t; INSERT INTO t VALUES (1, 2)',
    commits: ['ALTER TABLE t RENAME TO u; INSERT INTO u VALUES (3, 4); DELETE FROM u WHERE a = 1', 'INSERT INTO u VALUES (5, 6)'],
  },
  {
    title: 'two tables swap their names',
    first: 'CREATE TABLE a (x UNIQUE); CREATE TABLE b (y UNIQUE); INSERT INTO a VALUES (1); INSERT INTO b VALUES (2)',
    commits: [
      'ALTER TABLE a RENAME TO c; ALTER TABLE b RENAME TO a; ALTER TABLE c RENAME TO b; INSERT INTO a VALUES (3); INSERT INTO b VALUES (4)',
    ],
  },
  {
    title: 'indexes come and go: unique, partial, on expressions',
    first: 'CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 2), (3, 4)',
    commits: [
      'CREATE UNIQUE INDEX u ON t (a); CREATE INDEX p ON t (b) WHERE b > 2; CREATE INDEX e ON t (a + b, lower(b)); INSERT INTO t VALUES (5, 6)',
      'INSERT INTO t VALUES (7, 8); DROP INDEX u; INSERT INTO t VALUES (7, 9)',
      'DROP INDEX p; DROP INDEX e',
    ],
  },
  {
    title: 'a unique index is dropped and rows that it forbade come in one commit',
    first: 'CREATE TABLE t (a); CREATE UNIQUE INDEX u ON t (a); INSERT INTO t VALUES (1)',
    commits: ['DROP INDEX u; INSERT INTO t VALUES (1)', 'DELETE FROM t WHERE rowid = 2; CREATE UNIQUE INDEX u ON t (a)'],
  },
  {
    title: 'views and triggers come and go, and triggers fire in their order and not again',
    first: 'CREATE TABLE t (a); CREATE TABLE log (x)',
    commits: [
      "CREATE TRIGGER one AFTER INSERT ON t BEGIN INSERT INTO log VALUES ('one ' || new.a); END; CREATE TRIGGER two AFTER INSERT ON t BEGIN INSERT INTO log VALUES ('two ' || new.a); END; CREATE VIEW v AS SELECT a FROM t; CREATE TRIGGER three INSTEAD OF INSERT ON v BEGIN INSERT INTO t VALUES (new.a); END",
      'INSERT INTO t VALUES (1)',
      'INSERT INTO v VALUES (2)',
      "DROP TRIGGER one; CREATE TRIGGER one AFTER INSERT ON t BEGIN INSERT INTO log VALUES ('new one'); END; INSERT INTO t VALUES (3)",
      'DROP VIEW v',
      'DROP TABLE t',
    ],
  },
  {
    title: 'AUTOINCREMENT counts on as on the leader',
    commits: [
      'CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a); INSERT INTO t (a) VALUES (1), (2)',
      'DELETE FROM t WHERE id = 2',
      'INSERT INTO t (a) VALUES (3)',
      "UPDATE sqlite_sequence SET seq = 100 WHERE name = 't'",
      'INSERT INTO t (a) VALUES (4); CREATE TABLE u (id INTEGER PRIMARY KEY AUTOINCREMENT)',
      'DROP TABLE t',
    ],
  },
  {
    title: 'generated columns, stored and virtual',
    commits: [
      "CREATE TABLE t (a, s TEXT GENERATED ALWAYS AS (a || '!') STORED, v AS (a * 2), b, w INT AS (b + 1) STORED UNIQUE); CREATE INDEX i ON t (v); CREATE INDEX j ON t (s); INSERT INTO t (a, b) VALUES (1, 1), (2, 2)",
      'UPDATE t SET a = 9 WHERE b = 1',
      'ALTER TABLE t ADD COLUMN c AS (a + b) VIRTUAL',
      'DELETE FROM t WHERE b = 2',
      'INSERT INTO t (a, b) VALUES (7, 7)',
    ],
  },
  {
    title: 'strict tables',
    commits: [
      "CREATE TABLE t (i INTEGER, r REAL, t TEXT, b BLOB, a ANY) STRICT; INSERT INTO t VALUES (1, 2, '3', x'04', 5), (NULL, 2.5, 'x', x'', 5.0), (1, 1, '1', NULL, '1')",
      'UPDATE t SET a = 5.0 WHERE i = 1; UPDATE t SET r = -0.0',
    ],
  },
  {
    title: 'tables WITHOUT ROWID, whose key is in the middle',
    commits: [
      "CREATE TABLE t (a, k TEXT COLLATE NOCASE, b, l INT, PRIMARY KEY (k, l)) WITHOUT ROWID; CREATE INDEX i ON t (b); INSERT INTO t VALUES (1, 'x', 2, 3), (4, 'y', 5, 6)",
      "UPDATE t SET b = 7 WHERE k = 'x'",
      "UPDATE t SET k = 'X' WHERE k = 'x'",
      'UPDATE t SET l = 9 - l',
      'DELETE FROM t WHERE l = 3',
    ],
  },
  {
    title: 'unique keys are swapped',
    first: 'CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE, b); INSERT INTO t VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3)',
    commits: [
      'UPDATE t SET a = -1 WHERE id = 1; UPDATE t SET a = 1 WHERE id = 2; UPDATE t SET a = 2 WHERE id = 1',
      'UPDATE t SET a = -a; UPDATE t SET a = 1 - a',
      'DELETE FROM t WHERE id = 1; INSERT INTO t VALUES (4, (SELECT a FROM t WHERE id = 3) + 1, 0)',
      'UPDATE t SET id = 10 + id',
    ],
  },
  {
    title: 'rowids are kept and swapped where nothing is their alias',
    first:
      "CREATE TABLE t (a); INSERT INTO t (rowid, a) VALUES (-9223372036854775808, 'low'), (9223372036854775807, 'high'), (5, 5)",
    commits: ['UPDATE t SET rowid = 6 WHERE rowid = 5', 'DELETE FROM t WHERE rowid < 0', 'UPDATE t SET rowid = -rowid'],
  },
  {
    title: 'foreign keys: deferred, cascades, set null',
    first:
      'CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED); CREATE TABLE n (p REFERENCES p ON DELETE SET NULL ON UPDATE CASCADE); INSERT INTO p VALUES (1), (2); INSERT INTO c VALUES (1, 1), (2, 2); INSERT INTO n VALUES (1), (2)',
    commits: [
      'PRAGMA foreign_keys = ON; BEGIN; INSERT INTO c VALUES (3, 9); INSERT INTO p VALUES (9); COMMIT',
      'UPDATE p SET id = 20 WHERE id = 2',
      'DELETE FROM p WHERE id = 1',
      'DELETE FROM p',
    ],
  },
  {
    title: 'checks do not stand in the way',
    first: 'CREATE TABLE t (a CHECK (a > 0)); INSERT INTO t VALUES (1)',
    commits: [
      'PRAGMA ignore_check_constraints = ON; INSERT INTO t VALUES (-1)',
      'PRAGMA ignore_check_constraints = OFF; DELETE FROM t WHERE a = -1',
    ],
  },
  {
    title: 'the twelve steps of a rebuilt table',
    first:
      "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b); CREATE INDEX i ON t (a); CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END; CREATE VIEW v AS SELECT a FROM t; INSERT INTO t VALUES (1, 'x', 'y'), (2, 'z', 'w')",
    commits: [
      'PRAGMA foreign_keys = OFF; BEGIN; CREATE TABLE new_t (id INTEGER PRIMARY KEY, a TEXT NOT NULL, c DEFAULT 5); INSERT INTO new_t (id, a) SELECT id, a FROM t; DROP VIEW v; DROP TABLE t; ALTER TABLE new_t RENAME TO t; CREATE INDEX i ON t (a); CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 2; END; CREATE VIEW v AS SELECT a FROM t; COMMIT',
      "INSERT INTO t VALUES (3, 'q', 1)",
    ],
  },
  {
    title: 'the same table dropped and created anew',
    first: 'CREATE TABLE t (a); CREATE INDEX i ON t (a); INSERT INTO t VALUES (1), (2)',
    commits: ['DROP TABLE t; CREATE TABLE t (a); CREATE INDEX i ON t (a); INSERT INTO t VALUES (3)'],
  },
  {
    title: 'a trigger that is there again when its table is made anew',
    first: `CREATE TABLE log (a); CREATE TABLE t (a, k TEXT PRIMARY KEY) WITHOUT ROWID; INSERT INTO t VALUES (1, 'one');
      CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.k); END`,
    commits: [
      'ALTER TABLE t DROP COLUMN a',
      "INSERT INTO t VALUES ('two')",
      'DROP TABLE t; CREATE TABLE t (k TEXT PRIMARY KEY, b) WITHOUT ROWID; CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.k); END; INSERT INTO t VALUES (3, 4)',
    ],
  },
  {
    title: 'statistics that stay while their table is dropped and made anew',
    first: 'CREATE TABLE t (a, b); CREATE INDEX i ON t (a); INSERT INTO t VALUES (1, 2), (2, 3); ANALYZE',
    commits: [
      'DROP TABLE t; CREATE TABLE t (a, b, c UNIQUE); CREATE INDEX i ON t (a); INSERT INTO t VALUES (1, 2, 1), (2, 3, 2); ANALYZE',
      'CREATE INDEX j ON t (b); ANALYZE',
      'DROP INDEX i; ANALYZE',
      'DROP TABLE t',
    ],
  },
  {
    title: 'a table of sequences that goes when nobody needs it',
    first: 'CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO t VALUES (7)',
    commits: [
      'DROP TABLE t',
      'VACUUM',
      'CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO t VALUES (8)',
      'DROP TABLE t; CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a); INSERT INTO t VALUES (8, 1)',
    ],
  },
  {
    title: 'statistics of ANALYZE',
    first: 'CREATE TABLE t (a, b); CREATE INDEX i ON t (a); INSERT INTO t VALUES (1, 2), (1, 3), (2, 4)',
    commits: ['ANALYZE', 'INSERT INTO t VALUES (9, 9); ANALYZE', 'DROP TABLE t', 'DROP TABLE sqlite_stat1'],
  },
  {
    title: 'user_version and application_id',
    commits: [
      'PRAGMA user_version = 7',
      'PRAGMA application_id = -5; PRAGMA user_version = -2147483648',
      'CREATE TABLE t (a); PRAGMA user_version = 8',
    ],
  },
  {
    title: 'names that need quotes, and columns that are called rowid',
    commits: [
      `CREATE TABLE "a ""b" ("x y" UNIQUE, 'rowid', "select"); INSERT INTO "a ""b" VALUES (1, 2, 3)`,
      `UPDATE "a ""b" SET "x y" = 5; CREATE INDEX "i-1" ON "a ""b" ("select")`,
      `DELETE FROM "a ""b"`,
      `CREATE TABLE "rowid" (oid INTEGER PRIMARY KEY, rowid, _rowid_); INSERT INTO "rowid" VALUES (4, 5, 6)`,
    ],
  },
  {
    title: 'reals, large integers, texts that look like numbers, bytes that are no text',
    first: 'CREATE TABLE t (n, i INTEGER, r REAL, x TEXT, m NUMERIC, b BLOB)',
    commits: [
      "INSERT INTO t VALUES (1.0, 1.0, 1, 1, '1', '1'), (9007199254740993, 9007199254740993, 9007199254740993, 9007199254740993, 9007199254740993, 9007199254740993), (1e300, 1e300, 1e300, 1e300, 1e300, 1e300), (-0.0, -0.0, -0.0, -0.0, -0.0, -0.0), (1e999, -1e999, 9223372036854775807, -9223372036854775808, 0.1, 0.1)",
      "INSERT INTO t (n, x) VALUES (CAST(x'61ff00c328' AS TEXT), CAST(x'00' AS TEXT)), (zeroblob(3000), printf('%.*c', 3000, 'x'))",
      'UPDATE t SET n = 1 WHERE rowid = 1',
      'UPDATE t SET n = n || x, r = r + 0',
      'DELETE FROM t',
    ],
  },
  {
    title: 'no rows but in interior pages: splits, merges and overflow',
    first: 'CREATE TABLE t (id INTEGER PRIMARY KEY, a); CREATE TABLE w (k PRIMARY KEY, a) WITHOUT ROWID',
    commits: [
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600) INSERT INTO t SELECT i, printf('%.*c', i * 7 % 900, 'x') FROM n",
      'INSERT INTO w SELECT a || id, id FROM t',
      "UPDATE t SET a = 'y' || a WHERE id % 3 = 0",
      'DELETE FROM t WHERE id % 2; DELETE FROM w WHERE a < 1000',
      'VACUUM',
    ],
  },
  {
    title: 'VACUUM gives new rowids',
    first: 'CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3); DELETE FROM t WHERE a = 1',
    commits: ['VACUUM', 'INSERT INTO t VALUES (9)'],
  },
  {
    title: 'full-text search',
    commits: [
      "CREATE VIRTUAL TABLE f USING fts5(title, body, prefix = '2 3'); INSERT INTO f VALUES ('one', 'the quick brown fox'), ('two', 'jumps over the lazy dog')",
      "UPDATE f SET body = 'sleeps' WHERE title = 'two'",
      "INSERT INTO f (f) VALUES ('optimize')",
      'DELETE FROM f WHERE rowid = 1',
      'ALTER TABLE f RENAME TO g',
      'DROP TABLE g',
    ],
  },
  {
    title: 'an R-Tree',
    commits: [
      'CREATE VIRTUAL TABLE r USING rtree(id, x0, x1, y0, y1, +name); INSERT INTO r VALUES (1, 0, 1, 0, 1, 5), (2, 5, 6, 5, 6, 6)',
      'UPDATE r SET x0 = 3, x1 = 4 WHERE id = 1',
      'DELETE FROM r WHERE id = 2',
      'DROP TABLE r',
    ],
  },
  {
    title: 'auto-vacuum moves roots',
    options: { autoVacuum: 'full' },
    first:
      'CREATE TABLE a (x); CREATE TABLE b (x UNIQUE); CREATE TABLE c (x); INSERT INTO c VALUES (1); INSERT INTO b VALUES (2)',
    commits: [
      'DROP TABLE a',
      'CREATE TABLE d (x UNIQUE); INSERT INTO d VALUES (3); DROP TABLE b',
      'INSERT INTO c VALUES (4); INSERT INTO d VALUES (5)',
    ],
  },
  {
    title: 'a database of UTF-16',
    options: { encoding: 'utf-16le' },
    first: 'CREATE TABLE t (k TEXT PRIMARY KEY, a) WITHOUT ROWID',
    commits: [
      "INSERT INTO t VALUES ('ä', '😀'), ('b', x'00d8')",
      "UPDATE t SET a = 'ß' WHERE k = 'ä'",
      "CREATE TABLE u (a DEFAULT 'ü'); INSERT INTO u DEFAULT VALUES",
      "DELETE FROM t WHERE k = 'b'",
    ],
  },
  {
    title: 'SQL that only old programs could run',
    commits: [
      `PRAGMA writable_schema = ON; CREATE TABLE t (a, b); UPDATE sqlite_schema SET sql = 'CREATE TABLE t (a DEFAULT "x", b CHECK (b <> "y"))' WHERE name = 't'; PRAGMA writable_schema = RESET`,
      'INSERT INTO t VALUES (1, 2)',
      'CREATE INDEX i ON t (b) WHERE b IS NOT NULL; INSERT INTO t (b) VALUES (3)',
    ],
  },
  {
    title: 'a table of 60 columns',
    first: `CREATE TABLE t (${Array.from({ length: 60 }, (_, i) => `c${i}`).join(', ')})`,
    commits: [
      `INSERT INTO t VALUES (${Array.from({ length: 60 }, (_, i) => (i % 3 === 0 ? `'x${i}'` : i)).join(', ')})`,
      "UPDATE t SET c7 = 'y', c59 = NULL",
      'DELETE FROM t',
    ],
  },
]
