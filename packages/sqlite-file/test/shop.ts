/** What fills a database with every kind of page: long rows, indexes, a table WITHOUT ROWID, and pages that became free. */
export function shop(pageSize: number, rows = 300): string[] {
  const numbers = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows}) `
  return [
    'CREATE TABLE goods (id INTEGER PRIMARY KEY, name TEXT, price, note)',
    'CREATE INDEX goods_by_name ON goods (name, price DESC)',
    'CREATE TABLE stock (place, item INT, amount, PRIMARY KEY (place, item)) WITHOUT ROWID',
    'CREATE TABLE wide (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)',
    'CREATE TABLE gone (x)',
    'CREATE VIEW dear AS SELECT * FROM goods WHERE price > 10',
    'CREATE TRIGGER shout AFTER DELETE ON goods BEGIN SELECT 1; END',
    `${numbers} INSERT INTO goods SELECT i * 7, 'näme ' || i || ' ✓😀' || hex(zeroblob((i * 31) % 90)), i * 0.5 - 40,
       CASE i % 5 WHEN 0 THEN zeroblob(i * 3) WHEN 1 THEN NULL WHEN 2 THEN i << (i % 60) WHEN 3 THEN -i ELSE hex(zeroblob(i)) END FROM n`,
    `INSERT INTO goods VALUES (-9223372036854775808, '', 9e999, 9223372036854775807), (9223372036854775807, NULL, -0.0, zeroblob(${3 * pageSize}))`,
    `${numbers} INSERT INTO stock SELECT 'place ' || (i % 20) || hex(zeroblob((i % 7) * 40)), i, zeroblob((i % 3) * ${pageSize >> 1}) FROM n`,
    'INSERT INTO wide VALUES (0, 1, -1, 127, -128, 128, 32767, -32768, 8388607, -8388608, 2147483647, -2147483648, 140737488355327, -140737488355328, 140737488355328, 1.5)',
    `${numbers} INSERT INTO gone SELECT zeroblob(${pageSize >> 1}) FROM n WHERE i < 60`,
    'DROP TABLE gone',
    'DELETE FROM goods WHERE id % 35 = 0',
  ]
}
