import type { LeaderOptions, Transaction } from '../lab/leader.ts'

/** What happens to a database: a schema with rows, then transactions, each followed by a comparison. */
export interface Story {
  readonly first: readonly string[]
  readonly transactions: readonly Transaction[]
  readonly options?: LeaderOptions
}

/** Rows that come, change and go. */
export const everyday: Story = {
  first: ['CREATE TABLE t (id INTEGER PRIMARY KEY, a, b TEXT)', 'CREATE INDEX i ON t (a)'],
  transactions: [
    ["INSERT INTO t VALUES (1, 10, 'one')"],
    ["INSERT INTO t VALUES (2, 20, 'two'), (3, 30, 'three'), (4, NULL, NULL)"],
    ["UPDATE t SET b = 'zwei' WHERE id = 2", 'UPDATE t SET a = a + 1'],
    ['DELETE FROM t WHERE id = 3'],
    ["INSERT INTO t VALUES (3, 31, 'again')", 'DELETE FROM t WHERE id = 1', "UPDATE t SET b = b || '!' WHERE id = 4"],
    ["INSERT INTO t VALUES (5, 50, 'five')"],
    ["UPDATE t SET b = 'cinq' WHERE id = 5"],
    ['DELETE FROM t'],
    ["INSERT INTO t VALUES (1, 1, 'anew')"],
  ],
}

export const values: Story = {
  first: [
    'CREATE TABLE any (id INTEGER PRIMARY KEY, v)',
    'CREATE TABLE typed (id INTEGER PRIMARY KEY, i INTEGER, r REAL, t TEXT, b BLOB, n NUMERIC)',
    'CREATE TABLE strict (id INTEGER PRIMARY KEY, i INT, r REAL, t TEXT, b BLOB, a ANY) STRICT',
  ],
  transactions: [
    ['INSERT INTO any (v) VALUES (NULL)'],
    [
      'INSERT INTO any (v) VALUES (0), (1), (-1), (127), (128), (-129), (32768), (8388608), (2147483648), (140737488355328)',
      'INSERT INTO any (v) VALUES (9007199254740991), (9007199254740992), (9007199254740993), (-9007199254740993)',
      'INSERT INTO any (v) VALUES (9223372036854775807), (-9223372036854775808)',
    ],
    [
      'INSERT INTO any (v) VALUES (0.0), (-0.0), (1.0), (0.1), (1e300), (5e-324), (-1.7976931348623157e308), (9007199254740993.0)',
      'INSERT INTO any (v) VALUES (9e999), (-9e999)',
    ],
    ["INSERT INTO any (v) VALUES (''), ('a'), ('ä'), ('😀'), ('1'), ('1.0'), ('NULL'), ('{\"a\": [1]}'), ('a''b\"c\\d')"],
    // Characters of no use, ends of texts in the middle, and bytes that are no text at all.
    [
      "INSERT INTO any (v) VALUES (CAST(x'00' AS TEXT)), (CAST(x'6100620063' AS TEXT)), (CAST(x'610d0a09' AS TEXT))",
      "INSERT INTO any (v) VALUES (CAST(x'ff' AS TEXT)), (CAST(x'c328' AS TEXT)), (CAST(x'eda080' AS TEXT)), (CAST(x'efbfbd' AS TEXT)), (CAST(x'efbbbf61' AS TEXT))",
    ],
    ["INSERT INTO any (v) VALUES (x''), (x'00'), (x'ff00ff'), (zeroblob(100))"],
    // NaN is NULL.
    ['INSERT INTO any (v) VALUES (9e999 - 9e999)'],
    [
      "INSERT INTO typed VALUES (1, 1, 1, 1, 1, 1), (2, '2', '2', '2', '2', '2'), (3, 3.5, 3.5, 3.5, 3.5, 3.5), (4, x'04', x'04', x'04', x'04', x'04')",
      'INSERT INTO typed VALUES (5, -0.0, -0.0, -0.0, -0.0, -0.0), (6, NULL, NULL, NULL, NULL, NULL), (7, 1e300, 1e300, 1e300, 1e300, 1e300)',
      'INSERT INTO typed VALUES (8, 9007199254740993, 9007199254740993, 9007199254740993, 9007199254740993, 9007199254740993)',
    ],
    ["INSERT INTO strict VALUES (1, 1, 2, '3', x'04', 5), (2, NULL, -0.0, '', x'', 5.0), (3, 1, 1, '1', NULL, '1')"],
    // From one storage class to another, and from equal to equal.
    [
      "UPDATE any SET v = CASE typeof(v) WHEN 'integer' THEN v / 2.0 WHEN 'real' THEN 'x' || id WHEN 'text' THEN CAST(v AS BLOB) WHEN 'blob' THEN NULL ELSE id END",
      'UPDATE typed SET r = r + 0, b = i WHERE id < 4',
      'UPDATE strict SET a = r',
    ],
    ['DELETE FROM any WHERE id % 2', 'DELETE FROM typed WHERE id > 3', 'DELETE FROM strict'],
  ],
}

export const keys: Story = {
  first: [
    'CREATE TABLE t (a, b UNIQUE)',
    'CREATE TABLE alias (id INTEGER PRIMARY KEY, a UNIQUE)',
    'CREATE TABLE auto (id INTEGER PRIMARY KEY AUTOINCREMENT, a)',
    'CREATE TABLE w (a, k TEXT COLLATE NOCASE, l INT, b, PRIMARY KEY (k, l)) WITHOUT ROWID',
    'CREATE TABLE r (k REAL PRIMARY KEY DESC, a) WITHOUT ROWID',
  ],
  transactions: [
    ['INSERT INTO t (rowid, a, b) VALUES (-9223372036854775808, 1, 1), (-1, 2, 2), (0, 3, 3), (9223372036854775807, 4, 4)'],
    ['INSERT INTO alias VALUES (9007199254740993, 1), (-9007199254740993, 2), (7, 3)'],
    ["INSERT INTO w VALUES (1, 'x', 2, 3), (4, 'y', 5, 6), (7, 'x', 8, 9)", 'INSERT INTO r VALUES (1, 1), (0.5, 2), (-3, 3)'],
    ['UPDATE t SET rowid = rowid + 1 WHERE rowid < -1', 'UPDATE alias SET id = id + 10'],
    ["UPDATE w SET k = 'X' WHERE k = 'x'", 'UPDATE w SET l = 9 - l'],
    ['UPDATE w SET b = NULL WHERE l = 7', 'UPDATE r SET k = k + 0.25', 'UPDATE r SET a = a + 1'],
    // Values of unique columns that change hands.
    ['UPDATE alias SET a = -a', 'UPDATE alias SET a = 4 + a', 'UPDATE t SET b = -b', 'UPDATE t SET b = 5 + b'],
    ['INSERT INTO auto (a) VALUES (1), (2)', 'DELETE FROM auto WHERE id = 2', 'INSERT INTO auto (a) VALUES (3)'],
    ['DELETE FROM t WHERE rowid > 0', "DELETE FROM w WHERE k = 'y'", 'DELETE FROM r WHERE a > 2', 'DELETE FROM alias'],
    ['INSERT INTO t (rowid, a, b) VALUES (1, 1, 9)', 'UPDATE t SET rowid = 100 WHERE rowid = 1'],
  ],
}

export const schemas: Story = {
  first: [
    "CREATE TABLE t (a UNIQUE, b TEXT DEFAULT 'none')",
    'CREATE TABLE log (x)',
    "INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')",
  ],
  transactions: [
    ['CREATE TABLE u (id INTEGER PRIMARY KEY, a)', 'INSERT INTO u VALUES (7, 1), (-3, 2)'],
    ["ALTER TABLE t ADD COLUMN c DEFAULT 'new'", "UPDATE t SET c = 'x' WHERE a = 2", 'INSERT INTO t VALUES (9, NULL, 9)'],
    ['UPDATE t SET a = a + 100 WHERE a < 9'],
    [
      'CREATE INDEX i ON t (b) WHERE b IS NOT NULL',
      'CREATE UNIQUE INDEX j ON t (a + 1, lower(b))',
      'DELETE FROM t WHERE a = 101',
    ],
    ['ALTER TABLE t RENAME COLUMN b TO z', "INSERT INTO t VALUES (10, 'ten', 10)"],
    ['ALTER TABLE u RENAME TO v', 'INSERT INTO v VALUES (8, 3)', 'DELETE FROM v WHERE id = 7'],
    [
      'CREATE TRIGGER one AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); END',
      'CREATE VIEW w AS SELECT a, z FROM t',
      "INSERT INTO t VALUES (11, 'eleven', 11)",
    ],
    ["INSERT INTO t VALUES (12, 'twelve', 12)", "UPDATE t SET z = 'XII' WHERE a = 12"],
    ['DROP TRIGGER one', 'DROP VIEW w', 'DROP INDEX i', "INSERT INTO t VALUES (13, 'XIII', 13)"],
    ['ALTER TABLE t DROP COLUMN c', "INSERT INTO t VALUES (14, 'XIV')"],
    ['DROP TABLE v', 'CREATE TABLE v (k PRIMARY KEY, "x y", g AS (k || 1) STORED) WITHOUT ROWID', 'INSERT INTO v VALUES (1, 2)'],
    ['DROP TABLE t', 'DELETE FROM log', 'DROP TABLE v'],
  ],
}

/** The same for each encoding of text. */
export function texts(encoding: 'UTF-16le' | 'UTF-16be'): Story {
  return {
    first: ['CREATE TABLE t (k TEXT PRIMARY KEY, a) WITHOUT ROWID'],
    transactions: [
      ["INSERT INTO t VALUES ('ä', '😀'), ('b', 'plain'), ('', NULL)"],
      ["UPDATE t SET a = 'ß' || a WHERE k = 'ä'", "UPDATE t SET k = 'ü' WHERE k = 'b'"],
      ['CREATE TABLE "grün" (a DEFAULT \'ü\')', 'INSERT INTO "grün" DEFAULT VALUES', "ALTER TABLE t ADD COLUMN c DEFAULT '語'"],
      ["DELETE FROM t WHERE k = 'ü'"],
    ],
    options: { encoding },
  }
}

export const versions: Story = {
  first: ['CREATE TABLE t (a)'],
  transactions: [
    ['PRAGMA user_version = 7'],
    ['PRAGMA application_id = -5', 'PRAGMA user_version = -2147483648', 'INSERT INTO t VALUES (1)'],
    ['CREATE TABLE u (a)', 'PRAGMA user_version = 2147483647'],
    ['INSERT INTO u VALUES (1)'],
  ],
}

const MANY_ROWS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250) SELECT i'

/** A database that grows and shrinks. */
export function sizes(options: LeaderOptions): Story {
  return {
    first: ['CREATE TABLE t (id INTEGER PRIMARY KEY, a)', 'CREATE TABLE w (k PRIMARY KEY, a) WITHOUT ROWID'],
    transactions: [
      [`INSERT INTO t ${MANY_ROWS}, printf('%.*c', i * 7 % 900, 'x') FROM n`],
      ['INSERT INTO w SELECT a || id, id FROM t ORDER BY id'],
      ["UPDATE t SET a = 'y' || a WHERE id % 3 = 0", 'DELETE FROM w WHERE a < 220'],
      ['DELETE FROM t WHERE id > 20'],
      ['VACUUM'],
      [`INSERT INTO t ${MANY_ROWS} + 1000, i FROM n`, 'DROP TABLE w'],
      ['VACUUM'],
    ],
    options,
  }
}

/** Large values, from a blob of random bytes in hexadecimal digits. */
export function large(randomHex: string): Story {
  return {
    first: ['CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)'],
    transactions: [
      [`INSERT INTO t VALUES (1, x'${randomHex}', NULL)`, "INSERT INTO t VALUES (2, NULL, printf('%.*c', 300000, 'x'))"],
      ["UPDATE t SET a = a || x'00' WHERE id = 1", 'UPDATE t SET a = b WHERE id = 2'],
      [
        "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) SELECT i, i * i, 'row ' || i FROM n",
      ],
      ['UPDATE t SET b = NULL WHERE id > 9'],
      ['DELETE FROM t'],
    ],
    options: { pageSize: 4096 },
  }
}
