import { expect, test } from 'vitest'
import { AUTO_VACUUMS } from './generate/layout.ts'
import { judgeDiffer } from './judge-differ.ts'
import { judgeReplica } from './judge-replica.ts'

const ROWS = "VALUES ('A', 3), ('b', 2), ('C', 1)"

// A row of sqlite_schema then has the same rowid and name as before, and yet is of something else.
const STORIES: Readonly<Record<string, readonly string[]>> = {
  'an index of another column': [
    `CREATE TABLE t (a, b); CREATE INDEX i ON t (a); INSERT INTO t ${ROWS}`,
    'BEGIN; DROP INDEX i; CREATE INDEX i ON t (b); COMMIT',
  ],
  'a table with the same rows, and its keys in another order': [
    `CREATE TABLE t (a UNIQUE, b); INSERT INTO t ${ROWS}`,
    `BEGIN; DROP TABLE t; CREATE TABLE t (a COLLATE NOCASE UNIQUE, b); INSERT INTO t ${ROWS}; COMMIT`,
  ],
  'a table WITHOUT ROWID with the same rows, in another order': [
    `CREATE TABLE t (a PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO t ${ROWS}`,
    `BEGIN; DROP TABLE t; CREATE TABLE t (a, b, PRIMARY KEY (a DESC)) WITHOUT ROWID; INSERT INTO t ${ROWS}; COMMIT`,
  ],
  'a table with the same rows and index, and another collation': [
    `CREATE TABLE t (a, b); CREATE INDEX i ON t (a); INSERT INTO t ${ROWS}`,
    `BEGIN; DROP TABLE t; CREATE TABLE t (a COLLATE NOCASE, b); CREATE INDEX i ON t (a); INSERT INTO t ${ROWS}; COMMIT`,
  ],
  'a table under the name of another that was renamed, as migrations do': [
    `CREATE TABLE t (a, b); CREATE INDEX i ON t (a); INSERT INTO t ${ROWS}`,
    'BEGIN; CREATE TABLE n (a COLLATE NOCASE PRIMARY KEY, b); INSERT INTO n SELECT * FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t; CREATE INDEX i ON t (a); COMMIT',
  ],
  'a table without its first column, before one that is UNIQUE': [
    `CREATE TABLE t (a, b UNIQUE, c); INSERT INTO t (a, b) ${ROWS}`,
    'ALTER TABLE t DROP COLUMN a',
    "ALTER TABLE t ADD COLUMN d DEFAULT 'x'",
    'ALTER TABLE t RENAME COLUMN b TO e',
  ],
}

test.each(Object.keys(STORIES))('what one commit drops and makes anew is the same on a follower: %s', async (story) => {
  for (const autoVacuum of AUTO_VACUUMS) {
    const statements = [...STORIES[story]!, "INSERT INTO t VALUES ('d', 4)", 'SELECT 1']
    const script = { layout: { pageSize: 512, autoVacuum, encoding: 'UTF-8' }, statements, isRepeatable: true } as const
    expect([autoVacuum, await judgeReplica(script), await judgeDiffer(script)]).toEqual([autoVacuum, undefined, undefined])
  }
})
