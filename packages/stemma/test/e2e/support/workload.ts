import { AUTO_VACUUMS, type Dice } from 'fuzz'
import { ACCOUNTS } from './folder.ts'

export { layoutOf, pragmasOf, type Layout } from 'fuzz'

/** The schema that every workload begins with. */
export const SCHEMA = `${ACCOUNTS};
  CREATE TABLE item (id INTEGER PRIMARY KEY, a TEXT, b BLOB, c REAL);
  CREATE INDEX item_a ON item (a);
  CREATE TABLE word (k TEXT PRIMARY KEY, v BLOB) WITHOUT ROWID;
  CREATE VIRTUAL TABLE page USING fts5 (title, body);
  CREATE TABLE twin_1 (n INTEGER); CREATE TABLE twin_2 (n INTEGER);
  INSERT INTO twin_1 VALUES (0); INSERT INTO twin_2 VALUES (0)`

const rows = (count: number): string => `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`
const text = (dice: Dice, most: number): string => `hex(randomblob(${1 + dice(most)}))`

type Kind = (dice: Dice, step: number) => string

/** What an application may do, by weight. Each is one or more transactions; `COMMIT` and `ROLLBACK` are always the end of one. */
const KINDS: readonly (readonly [weight: number, sql: Kind])[] = [
  [6, (dice) => `INSERT INTO item (a, b, c) VALUES (${text(dice, 20)}, randomblob(${dice(300)}), ${dice(1000)} / 7.0)`],
  [3, (dice) => `UPDATE item SET a = ${text(dice, 30)} WHERE id % ${1 + dice(15)} = 0`],
  [2, (dice) => `UPDATE item SET b = randomblob(length(b)) WHERE id % ${1 + dice(5)} = 0`],
  [2, (dice) => `DELETE FROM item WHERE id % ${2 + dice(9)} = 0`],
  [2, (dice) => `INSERT INTO item (a, b) VALUES ('large', randomblob(${dice(400_000)}))`],
  [1, () => `DELETE FROM item WHERE a = 'large'`],
  [2, (dice) => `INSERT INTO item (a, b) ${rows(1 + dice(200))} SELECT NULL, zeroblob(i) FROM n`],
  [3, (dice) => `INSERT OR REPLACE INTO word VALUES (${text(dice, 3)}, randomblob(${dice(2000)}))`],
  [1, (dice) => `DELETE FROM word WHERE k < '${dice(9)}'`],
  [3, (dice) => `INSERT INTO page (title, body) VALUES (${text(dice, 5)}, ${text(dice, 300)} || ' the quick brown fox')`],
  [1, () => `INSERT INTO page (page) VALUES ('optimize')`],
  [1, (dice) => `DELETE FROM page WHERE rowid % ${2 + dice(4)} = 0`],
  [2, () => 'BEGIN; UPDATE twin_1 SET n = n + 1; UPDATE twin_2 SET n = n + 1; COMMIT'],
  [2, () => 'BEGIN; UPDATE twin_1 SET n = n + 1; UPDATE item SET a = hex(randomblob(40)); ROLLBACK'],
  [
    2,
    () =>
      `BEGIN; UPDATE twin_1 SET n = n + 5; SAVEPOINT s; DELETE FROM item; UPDATE twin_2 SET n = 0; ROLLBACK TO s; RELEASE s; UPDATE twin_2 SET n = n + 5; COMMIT`,
  ],
  [2, (dice) => `BEGIN; ${move(dice)}; ${move(dice)}; COMMIT`],
  [1, (dice, step) => `CREATE TABLE extra_${step} AS SELECT randomblob(${dice(900)}) AS x FROM account LIMIT ${dice(100)}`],
  [
    1,
    (dice, step) =>
      `BEGIN; CREATE TABLE gone_${step} (x); INSERT INTO gone_${step} SELECT zeroblob(${dice(3000)}) FROM account; DROP TABLE gone_${step}; COMMIT`,
  ],
  [1, (_dice, step) => `ALTER TABLE item ADD COLUMN d${step} DEFAULT 'new'`],
  [
    1,
    (_dice, step) =>
      `BEGIN; ALTER TABLE item RENAME TO item_${step}; ALTER TABLE item_${step} RENAME COLUMN c TO c_${step}; ALTER TABLE item_${step} RENAME COLUMN c_${step} TO c; ALTER TABLE item_${step} RENAME TO item; COMMIT`,
  ],
  [1, () => 'DROP INDEX IF EXISTS item_a; CREATE INDEX item_a ON item (a, c)'],
  [
    1,
    () =>
      'BEGIN; DROP TABLE item; CREATE TABLE item (id INTEGER PRIMARY KEY, a TEXT, b BLOB, c REAL); CREATE INDEX item_a ON item (a); COMMIT',
  ],
  [1, (dice) => `PRAGMA incremental_vacuum(${1 + dice(30)})`],
  [1, (dice) => `PRAGMA auto_vacuum = ${AUTO_VACUUMS[dice(3)]}; VACUUM`],
  [1, (dice) => `PRAGMA user_version = ${dice(1000)}; PRAGMA application_id = ${dice(1000)}; ANALYZE`],
  [1, (dice) => `PRAGMA wal_checkpoint(${['PASSIVE', 'FULL', 'RESTART', 'TRUNCATE'][dice(4)]})`],
  [
    1,
    (dice) =>
      `PRAGMA cache_size = ${[-2000, 5, 10][dice(3)]}; BEGIN; UPDATE item SET b = randomblob(200); INSERT INTO item (b) SELECT randomblob(300) FROM account; COMMIT`,
  ],
]

function move(dice: Dice): string {
  const amount = dice(50)
  const [from, to] = [1 + dice(100), 1 + dice(100)]
  return `UPDATE account SET balance = balance - ${amount} WHERE id = ${from}; UPDATE account SET balance = balance + ${amount} WHERE id = ${to}`
}

const WEIGHT = KINDS.reduce((sum, [weight]) => sum + weight, 0)

/** The next thing that the application does. */
export function nextSql(dice: Dice, step: number): string {
  let at = dice(WEIGHT)
  for (const [weight, sql] of KINDS) {
    at -= weight
    if (at < 0) return sql(dice, step)
  }
  throw new Error('weights do not add up')
}

/** True in every state that was ever committed: 1 row with 1. A reader that sees anything else saw half a transaction. */
export const INVARIANT =
  'SELECT (SELECT sum(balance) FROM account) = 10000 AND (SELECT n FROM twin_1) = (SELECT n FROM twin_2) AS holds'
