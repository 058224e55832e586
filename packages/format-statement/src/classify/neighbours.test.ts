import { expect, test } from 'vitest'
import { classifyIn } from '../../test/database.ts'

const SHOP = `
  CREATE TABLE customers(id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT, city TEXT, created_at TEXT DEFAULT CURRENT_TIMESTAMP);
  CREATE TABLE orders(id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, total INTEGER, note TEXT);
  CREATE TABLE lines(order_id INTEGER NOT NULL, line INTEGER NOT NULL, sku TEXT NOT NULL, qty INTEGER NOT NULL, price REAL, PRIMARY KEY(order_id, line)) STRICT;
  CREATE TABLE settings(key TEXT PRIMARY KEY NOT NULL, value TEXT) WITHOUT ROWID;
  CREATE TABLE tree(id INTEGER PRIMARY KEY, parent INTEGER, label TEXT);
  CREATE TABLE log(id INTEGER PRIMARY KEY, what TEXT);
  CREATE TABLE words(id INTEGER PRIMARY KEY, word TEXT COLLATE NOCASE UNIQUE NOT NULL, n INTEGER);
  CREATE TABLE loose(a, b);
  CREATE TABLE docs(id INTEGER PRIMARY KEY, body TEXT, touched INTEGER, version INTEGER NOT NULL DEFAULT 0);
  CREATE TRIGGER docs_version AFTER UPDATE OF body ON docs BEGIN UPDATE docs SET version = version + 1 WHERE id = NEW.id; END;
  CREATE TABLE archive(id INTEGER PRIMARY KEY, label TEXT);
  CREATE TRIGGER tree_archive AFTER DELETE ON tree BEGIN INSERT INTO archive(id, label) VALUES(OLD.id, OLD.label); END;
  CREATE VIEW big_orders AS SELECT id, customer_id, total FROM orders WHERE total > 100;
`

/** Ordinary statements, that must not be complained of. */
const SAFE: readonly string[] = [
  'INSERT INTO customers(email, name, created_at) VALUES(?, ?, ?)',
  'insert into "customers" ("id", "email", "name", "created_at") values (null, ?, ?, ?) returning "id", "email"',
  'INSERT INTO loose VALUES(1, 2), (3, 4)',
  'INSERT INTO log DEFAULT VALUES',
  'INSERT INTO log(what) SELECT 1 UNION ALL SELECT 2',
  'UPDATE customers SET name = :name, city = @city WHERE id = $id',
  "UPDATE customers SET city = upper(city) || '!' WHERE email = ?",
  'UPDATE orders SET total = total + 1',
  'UPDATE customers SET email = ? WHERE id = ?',
  'UPDATE customers SET name = NULL WHERE city = ?',
  'DELETE FROM orders WHERE customer_id = ? AND total > 5',
  'DELETE FROM orders',
  'DELETE FROM lines WHERE order_id = ? AND line = ?',
  'INSERT INTO settings VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value',
  'INSERT INTO customers(email, created_at) VALUES(?, ?) ON CONFLICT DO NOTHING',
  'INSERT OR IGNORE INTO customers(email, created_at) VALUES(?, ?)',
  'INSERT OR REPLACE INTO settings VALUES(?, ?)',
  'INSERT INTO words(word, n) VALUES(?, 1) ON CONFLICT(word) DO UPDATE SET n = n + 1 RETURNING n',
  // Neighbours of LIMIT.
  'DELETE FROM log WHERE id IN (SELECT id FROM log ORDER BY id LIMIT 100)',
  'DELETE FROM log ORDER BY id LIMIT 100',
  'UPDATE log SET what = 1 ORDER BY what, id LIMIT 3',
  'UPDATE orders SET note = (SELECT name FROM customers ORDER BY city, id LIMIT 1)',
  'UPDATE orders SET note = (SELECT name FROM customers WHERE email = ? LIMIT 1)',
  'UPDATE orders SET note = (SELECT city FROM customers ORDER BY city LIMIT 1) WHERE id = 1',
  'DELETE FROM orders WHERE EXISTS (SELECT 1 FROM lines WHERE order_id = orders.id LIMIT 1)',
  'DELETE FROM log WHERE id = (SELECT max(id) FROM log)',
  'INSERT INTO log(what) SELECT o.note FROM orders o JOIN customers c ON c.id = o.customer_id ORDER BY o.id LIMIT 5',
  'WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 10) INSERT INTO log(id) SELECT x FROM n WHERE x NOT NULL ORDER BY x',
  // Neighbours of INSERT ... SELECT.
  'INSERT INTO log(what) SELECT name FROM customers ORDER BY id',
  'INSERT INTO log(what) SELECT name FROM customers WHERE id = ?',
  'INSERT INTO archive(id, label) SELECT id, label FROM tree',
  'INSERT INTO archive(id, label) SELECT o.customer_id, c.name FROM orders o LEFT JOIN customers c ON c.id = o.customer_id AND c.city = 1 GROUP BY o.customer_id',
  'INSERT INTO log(what) SELECT o.note FROM customers c LEFT JOIN orders o ON c.id = o.customer_id ORDER BY c.id, o.id',
  'INSERT INTO archive(id, label) SELECT o.id, c.name FROM orders o LEFT JOIN customers c ON c.id = o.customer_id',
  'INSERT INTO settings SELECT email, name FROM customers',
  'INSERT OR IGNORE INTO settings SELECT name, city FROM customers ORDER BY id',
  'INSERT INTO settings SELECT name, city FROM customers WHERE true ORDER BY id ON CONFLICT(key) DO UPDATE SET value = excluded.value',
  'INSERT INTO log(what) SELECT count(*) FROM orders',
  'CREATE TABLE copied AS SELECT * FROM customers ORDER BY id',
  'INSERT INTO log(id, what) SELECT id, label FROM (SELECT * FROM tree WHERE parent = 1)',
  'INSERT INTO log(id) SELECT id FROM big_orders',
  // Neighbours of subqueries and joins.
  'UPDATE orders SET note = (SELECT name FROM customers WHERE id = orders.customer_id)',
  'UPDATE orders SET note = (SELECT name FROM customers c WHERE c.id = customer_id) WHERE total = 1',
  'UPDATE orders SET note = c.name FROM customers c WHERE c.id = orders.customer_id',
  'UPDATE orders SET total = s.n FROM (SELECT order_id, count(*) AS n FROM lines GROUP BY order_id) AS s WHERE s.order_id = orders.id',
  'UPDATE orders SET total = (SELECT count(*) FROM orders)',
  'DELETE FROM orders WHERE customer_id NOT IN (SELECT id FROM customers)',
  'DELETE FROM tree WHERE id IN (WITH RECURSIVE sub(id) AS (SELECT ? UNION SELECT tree.id FROM tree JOIN sub ON tree.parent = sub.id) SELECT id FROM sub)',
  // Neighbours of aggregates.
  'INSERT INTO settings SELECT city, count(*) FROM customers GROUP BY city',
  "INSERT INTO settings SELECT city, group_concat(name, ',' ORDER BY id) FROM customers GROUP BY city",
  'INSERT INTO settings SELECT city, group_concat(name ORDER BY name) FROM customers GROUP BY city',
  'UPDATE orders SET total = (SELECT sum(qty) FROM lines WHERE order_id = orders.id)',
  'UPDATE orders SET total = (SELECT sum(qty * 2) FROM lines WHERE order_id = orders.id)',
  'UPDATE orders SET total = (SELECT sum(price ORDER BY line) FROM lines WHERE order_id = orders.id)',
  'UPDATE orders SET total = (SELECT sum(CAST(price AS INTEGER)) FROM lines WHERE order_id = orders.id)',
  'INSERT INTO log(id, what) SELECT c.id, c.name FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.id',
  'INSERT INTO log(id, what) SELECT o.customer_id, (SELECT name FROM customers WHERE id = o.customer_id) FROM orders o GROUP BY o.customer_id',
  'INSERT INTO settings SELECT DISTINCT city, city FROM customers',
  'DELETE FROM loose WHERE a IN (SELECT DISTINCT word FROM words)',
  'DELETE FROM loose WHERE a IN (SELECT DISTINCT b FROM loose UNION SELECT id FROM log)',
  'INSERT INTO archive(id, label) SELECT id, row_number() OVER (ORDER BY label, id) FROM tree',
  'INSERT INTO archive(id, label) SELECT id, rank() OVER (ORDER BY label) FROM tree',
  'INSERT INTO archive(id, label) SELECT id, count(*) OVER (PARTITION BY parent) FROM tree',
  'INSERT INTO archive(id, label) SELECT id, lag(label) OVER w FROM tree WINDOW w AS (PARTITION BY parent ORDER BY id)',
  // Neighbours of clocks.
  "UPDATE customers SET created_at = datetime('2024-01-01', '+1 day')",
  "INSERT INTO log(what) VALUES(date(1700000000, 'unixepoch')), (strftime('%Y', '2024-01-01'))",
  "DELETE FROM orders WHERE date(total, 'unixepoch') < ?",
  // Neighbours of triggers.
  'UPDATE docs SET body = ? WHERE id = ?',
  'UPDATE docs SET touched = 1',
  'DELETE FROM tree WHERE parent = 5',
  // Neighbours of rowids.
  'DELETE FROM log WHERE rowid = 5',
  'UPDATE words SET n = 0 WHERE _rowid_ = ?',
  // Names in double quotes.
  'UPDATE "orders" SET "note" = \'x\' WHERE "orders"."id" = ?',
  // Definitions.
  'CREATE TABLE IF NOT EXISTS more(id INTEGER PRIMARY KEY, ts TEXT DEFAULT CURRENT_TIMESTAMP)',
  'CREATE INDEX orders_customer ON orders(customer_id)',
  'CREATE INDEX orders_note ON orders(lower(note)) WHERE note IS NOT NULL',
  'CREATE VIEW now_view AS SELECT random()',
  "CREATE TRIGGER g AFTER INSERT ON log BEGIN UPDATE log SET what = datetime('now') WHERE id = NEW.id; END",
  'ALTER TABLE orders ADD COLUMN paid INTEGER NOT NULL DEFAULT 0',
  'ALTER TABLE orders RENAME COLUMN note TO remark',
  'ALTER TABLE customers RENAME TO clients',
  'ALTER TABLE orders DROP COLUMN note',
  'DROP TABLE IF EXISTS loose',
  'DROP INDEX IF EXISTS absent',
  'PRAGMA user_version = 7',
]

test.each(SAFE)('safe: %s', (statement) => {
  const { safety, findings, writes } = classifyIn(SHOP, statement)
  // The triggers that undo themselves depend on a setting, which is no harm.
  const real = findings.filter(({ code }) => code !== 'RECURSIVE_TRIGGERS').map(({ code, detail }) => `${code} ${detail ?? ''}`)
  expect(real).toEqual([])
  expect(['safe', 'context']).toContain(safety)
  if (statement !== 'DROP INDEX IF EXISTS absent') expect(writes).toBe(true)
})

const READS: readonly string[] = [
  'SELECT random(), datetime(), * FROM loose LIMIT 1',
  'WITH x AS (SELECT 1) SELECT * FROM x',
  'EXPLAIN DELETE FROM loose',
  'BEGIN IMMEDIATE',
  'COMMIT',
  'SAVEPOINT a',
  'ROLLBACK TO a',
  'RELEASE a',
  "ATTACH 'x.db' AS x",
  'DETACH x',
  'PRAGMA foreign_keys = ON',
  'PRAGMA table_info(loose)',
  'PRAGMA journal_mode = WAL',
  'CREATE TEMP TABLE scratch AS SELECT random()',
  'REINDEX',
  "VACUUM INTO 'other.db'",
  '-- nothing',
  ' ; ',
]

test.each(READS)('changes nothing that is replicated: %s', (statement) => {
  expect(classifyIn(SHOP, statement)).toEqual({ safety: 'safe', findings: [], writes: false })
})

/** What stands next to a safe neighbour and is not safe. */
const UNSAFE: readonly (readonly [statement: string, code: string])[] = [
  ['DELETE FROM log ORDER BY what LIMIT 1', 'LIMIT_WITHOUT_ORDER'],
  ['UPDATE orders SET note = (SELECT name FROM customers ORDER BY city LIMIT 1)', 'LIMIT_WITHOUT_ORDER'],
  [
    'UPDATE orders SET note = (SELECT word FROM words ORDER BY word LIMIT 1 OFFSET 2) WHERE id = (SELECT a FROM loose)',
    'SCALAR_SUBQUERY_MANY',
  ],
  ['UPDATE orders SET note = (SELECT name FROM customers WHERE email = ? COLLATE NOCASE)', 'SCALAR_SUBQUERY_MANY'],
  ['UPDATE orders SET note = (SELECT name FROM customers WHERE email = CAST(? AS INTEGER))', 'SCALAR_SUBQUERY_MANY'],
  ['UPDATE orders SET total = (SELECT count(*) FROM orders o WHERE o.total < orders.total)', 'SELF_READ'],
  ['UPDATE orders SET total = (SELECT sum(price) FROM lines WHERE order_id = orders.id)', 'REAL_AGGREGATE'],
  ['UPDATE orders SET total = (SELECT sum(total) FROM orders)', 'REAL_AGGREGATE'],
  ['UPDATE orders SET total = (SELECT sum(price ORDER BY sku) FROM lines WHERE order_id = orders.id)', 'REAL_AGGREGATE'],
  [
    "INSERT INTO settings SELECT city, group_concat(name, ',' ORDER BY city) FROM customers GROUP BY city",
    'ORDER_DEPENDENT_AGGREGATE',
  ],
  [
    'INSERT INTO archive(id, label) SELECT c.id, o.note FROM orders o LEFT JOIN customers c ON c.id = o.customer_id',
    'ROWID_FROM_SELECT',
  ],
  [
    'INSERT INTO archive(id, label) SELECT o.id, o.note FROM orders o RIGHT JOIN customers c ON c.id = o.customer_id',
    'ROWID_FROM_SELECT',
  ],
  [
    'INSERT INTO archive(id, label) SELECT o.customer_id, c.name FROM orders o LEFT JOIN customers c ON c.id = o.customer_id AND o.total > 5 GROUP BY o.customer_id',
    'BARE_COLUMN',
  ],
  [
    'INSERT INTO log(id, what) SELECT count(*), c.name FROM orders o LEFT JOIN customers c ON c.id = 5 AND o.total = 1',
    'BARE_COLUMN',
  ],
  ['INSERT INTO settings SELECT a, count(*) FROM loose GROUP BY a', 'EQUAL_NOT_SAME'],
  ['INSERT INTO settings SELECT DISTINCT a, 1 FROM loose', 'EQUAL_NOT_SAME'],
  ['DELETE FROM loose WHERE a IN (SELECT DISTINCT b COLLATE NOCASE FROM loose)', 'EQUAL_NOT_SAME'],
  ['DELETE FROM loose WHERE a IN (SELECT what FROM log UNION SELECT word FROM words)', 'EQUAL_NOT_SAME'],
  ['INSERT INTO settings SELECT max(a), 1 FROM loose', 'EQUAL_NOT_SAME'],
  [
    'INSERT INTO log(id, what) SELECT c.id, o.note FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.id',
    'BARE_COLUMN',
  ],
  [
    'INSERT INTO log(id, what) SELECT o.customer_id, (SELECT name FROM customers WHERE id = o.total) FROM orders o GROUP BY o.customer_id',
    'BARE_COLUMN',
  ],
  ['INSERT INTO log(id, what) SELECT id, label FROM (SELECT parent AS id, label FROM tree)', 'ROWID_FROM_SELECT'],
  ['UPDATE customers SET email = lower(email)', 'UNIQUE_KEY_ORDER'],
  ['UPDATE OR IGNORE lines SET line = 1 WHERE order_id = 5', 'UNIQUE_KEY_ORDER'],
  ['UPDATE log SET what = random()', 'VALUE_PER_ROW'],
  ['INSERT INTO log(what) SELECT random() FROM tree ORDER BY id', 'VALUE_PER_ROW'],
  ['INSERT INTO customers(email) SELECT label FROM tree ORDER BY id', 'CLOCK'],
  ['UPDATE docs SET body = 1, id = id + 1', 'UNIQUE_KEY_ORDER'],
  ["DELETE FROM orders WHERE date(note) < '2024-01-01'", 'CLOCK_HIDDEN'],
  ["DELETE FROM orders WHERE date('2024-01-01', note) < 5", 'TIME_ZONE'],
  ['INSERT INTO log(what) VALUES((SELECT sql FROM sqlite_schema ORDER BY rowid LIMIT 1))', 'SYSTEM_TABLE'],
  ['PRAGMA writable_schema = ON', 'WRITABLE_SCHEMA'],
  ['PRAGMA optimize', 'PLANNER_STATISTICS'],
  ['PRAGMA not_yet_invented = 1', 'PRAGMA_UNKNOWN'],
  ['ANALYZE', 'PLANNER_STATISTICS'],
  ['VACUUM', 'VACUUM'],
  ['CREATE VIRTUAL TABLE f USING fts5(x)', 'VIRTUAL_TABLE'],
  ['INSERT INTO log(what) SELECT a COLLATE mine FROM loose', 'USER_COLLATION'],
  ['UPDATE nowhere SET a = 1', 'SQL_ERROR'],
  ['INSERT INTO log(what) VALUES(', 'SQL_ERROR'],
]

test.each(UNSAFE)('not safe: %s (%s)', (statement, code) => {
  expect(classifyIn(SHOP, statement).findings.map((each) => each.code)).toContain(code)
})

test("LIKE is the program's own only when the program says so, not for PRAGMA case_sensitive_like", () => {
  const codesOf = (setup: string, functions: readonly string[]): string[] =>
    classifyIn(`${SHOP};${setup}`, "DELETE FROM loose WHERE a LIKE 'a%'", functions).findings.map(({ code }) => code)
  expect(codesOf('PRAGMA case_sensitive_like = ON', [])).toEqual(['CASE_SENSITIVE_LIKE'])
  expect(codesOf('', ['like'])).toEqual(['USER_FUNCTION'])
})
