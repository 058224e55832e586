import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CommitGate, openFunctionRecorder, openRecordedDatabase, type StatementSink } from '@stemma/storage'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openClassifierJudge } from './classifier-judge.ts'

// Each script is run statement by statement on better-sqlite3's own Database and on ours under `record`; outcomes and what is stored must be the same.

/** What a SqliteError says and what is then stored; where only the code can be had, `codeOnly`. */
const SCRIPTS: Readonly<Record<string, { readonly sql: readonly string[]; readonly isCodeOnly?: true }>> = {
  'an index on now': { sql: ['INSERT INTO x (v) VALUES (1)', "CREATE INDEX r ON x (date('now'))"] },
  'an index on now, of no rows yet': { sql: ["CREATE INDEX r ON x (date('now'))", 'INSERT INTO x (v) VALUES (1)'] },
  "rows that say 'now' before there is an index": { sql: ["INSERT INTO x VALUES ('now')", 'CREATE INDEX r ON x (date(v))'] },
  "rows that say 'now' behind an index": {
    sql: [
      'CREATE INDEX r ON x (date(v))',
      "INSERT INTO x VALUES ('now')",
      "INSERT INTO x VALUES ('2024-01-01')",
      "UPDATE x SET v = 'NOW'",
    ],
  },
  'a partial index': {
    sql: [
      "CREATE INDEX r ON x (v) WHERE date(v) > '2000'",
      "INSERT INTO x VALUES ('2010-01-01'), ('now')",
      "INSERT INTO x VALUES ('2010-01-01')",
    ],
  },
  'local time in an index': {
    sql: [
      "CREATE INDEX r ON x (strftime('%d', v, 'localtime'))",
      "INSERT INTO x VALUES (NULL), ('garbage')",
      "INSERT INTO x VALUES ('2024-01-01')",
    ],
  },
  'a CHECK': {
    sql: ["CREATE TABLE y (v CHECK (date(v) < '2100'))", "INSERT INTO y VALUES ('now')", "INSERT INTO y VALUES ('2024-01-01')"],
  },
  'a CHECK that is ignored': {
    sql: ["CREATE TABLE y (v CHECK (date(v) < '2100'))", 'PRAGMA ignore_check_constraints = ON', "INSERT INTO y VALUES ('now')"],
  },
  'a CHECK on today': {
    sql: [
      'CREATE TABLE y (v CHECK (v < current_date))',
      "CREATE TABLE y (v CHECK (v < date('now')))",
      'INSERT INTO y VALUES (1)',
    ],
  },
  'a stored column': {
    sql: [
      'CREATE TABLE y (v, d AS (date(v)) STORED)',
      "INSERT INTO y VALUES ('now')",
      "INSERT INTO y VALUES ('2024-01-01')",
      "UPDATE y SET v = 'subsec'",
    ],
  },
  'a virtual column': {
    sql: [
      'CREATE TABLE y (v, d AS (date(v)))',
      "INSERT INTO y VALUES ('now')",
      'INSERT INTO x SELECT d FROM y',
      'CREATE TABLE z AS SELECT d FROM y',
    ],
  },
  'a column that is there before the CHECK that asks': {
    sql: ['CREATE TABLE y (v, d AS (time(v)) STORED, CHECK (date(v) <> time(v)))', "INSERT INTO y VALUES ('now')"],
  },
  'a trigger': {
    sql: [
      'CREATE TABLE y (v, d AS (date(v)) STORED)',
      'CREATE TRIGGER g AFTER INSERT ON x BEGIN INSERT INTO y VALUES (new.v); END',
      "INSERT INTO x VALUES ('now')",
      "INSERT OR IGNORE INTO x VALUES ('now')",
    ],
  },
  'an upsert': {
    sql: [
      'CREATE TABLE y (k PRIMARY KEY, v)',
      'CREATE INDEX r ON y (date(v))',
      'INSERT INTO y VALUES (1, 2)',
      "INSERT INTO y VALUES (1, 'now') ON CONFLICT DO UPDATE SET v = excluded.v",
      "REPLACE INTO y VALUES (1, 'now')",
    ],
  },
  'a transaction': {
    sql: [
      'BEGIN',
      'CREATE TABLE y (v CHECK (date(v) > 1))',
      "INSERT INTO y VALUES ('now')",
      'INSERT INTO y VALUES (5)',
      'SAVEPOINT s',
      "INSERT INTO y VALUES ('now')",
      'RELEASE s',
      'COMMIT',
      "INSERT INTO y VALUES ('now')",
    ],
  },
  'a table of TEMP': { sql: ['CREATE TEMP TABLE y (v, d AS (date(v)) STORED)', "INSERT INTO y VALUES ('now')"] },
  'a transaction that is sent as rows': {
    sql: [
      'CREATE INDEX r ON x (date(v))',
      'BEGIN',
      'INSERT INTO x SELECT v FROM x ORDER BY random() LIMIT 1',
      "INSERT INTO x VALUES ('now')",
      'COMMIT',
    ],
  },
  'now where it may be asked': {
    sql: [
      "CREATE TABLE y (v, d DEFAULT (datetime('now') IS NOT NULL))",
      'CREATE INDEX r ON y (date(v))',
      'INSERT INTO y (v) VALUES (1)',
      "INSERT INTO x SELECT datetime('now') > '2020'",
    ],
  },
  'a function that is called where it may ask and where it may not': {
    sql: ["CREATE INDEX r ON x (strftime('%Y', v))", "INSERT INTO x VALUES (strftime('%Y', 'now') > '2020')"],
  },
  'a column that is added': {
    sql: [
      "INSERT INTO x VALUES ('now')",
      "ALTER TABLE x ADD COLUMN q CHECK (q < date('now'))",
      'ALTER TABLE x ADD COLUMN q AS (date(v)) NOT NULL',
      "ALTER TABLE x ADD COLUMN q DEFAULT (date('now'))",
    ],
    isCodeOnly: true,
  },
  'a blob that is too big': {
    sql: ['INSERT INTO x VALUES (randomblob(2000000000))', 'INSERT INTO x VALUES (length(randomblob(2000000)))'],
  },
  'a long script': {
    sql: ['CREATE INDEX r ON x (date(v));' + 'INSERT INTO x VALUES (1);'.repeat(1001) + "INSERT INTO x VALUES ('now')"],
  },
}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stemma-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const sinkThat = (isWanted: boolean): StatementSink => {
  let count = 0
  return {
    isWanted,
    takeSchemaNews: () => undefined,
    begin: () => void (count = 0),
    mark: () => count,
    truncate: (mark) => void (count = mark),
    add: () => void count++,
    committing() {},
    committed() {},
    dropped() {},
    committedUntold() {},
  }
}

function play(database: Database.Database, statements: readonly string[], isCodeOnly: boolean): unknown[] {
  try {
    database.exec('PRAGMA journal_mode = WAL; CREATE TABLE x (v)')
    const came: unknown[] = statements.map((sql) => {
      try {
        database.exec(sql)
        return 'ok'
      } catch (error) {
        const { code, message } = error as { readonly code?: string; readonly message: string }
        return [error instanceof Database.SqliteError, code, isCodeOnly ? '' : message, database.inTransaction]
      }
    })
    const tables = database
      .prepare('SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL UNION ALL SELECT name, sql FROM sqlite_temp_schema')
      .all() as { name: string; sql: string }[]
    for (const { name, sql } of tables) {
      // Columns that ask can't be read with SQLite's own.
      const columns = /VIRTUAL|AS \(/i.test(sql) ? 'v' : '*'
      came.push(name, sql, sql.startsWith('CREATE TABLE') ? database.prepare(`SELECT ${columns} FROM ${name}`).all() : [])
    }
    return came
  } finally {
    database.close()
  }
}

test.each(
  Object.entries(SCRIPTS).flatMap(([title, script]) => [true, false].map((isWanted) => [title, isWanted, script] as const)),
)(
  '%s: under `record` SQLite refuses what it refuses without (statements wanted: %s)',
  (_, isWanted, { sql, isCodeOnly = false }) => {
    const path = join(folder, 'ours.db')
    new Database(path).close()
    const ours = openRecordedDatabase(path, {
      gate: new CommitGate(),
      sink: sinkThat(isWanted),
      policy: 'record',
      openJudge: openClassifierJudge,
      openFunctions: openFunctionRecorder,
    })
    expect(play(ours, sql, isCodeOnly)).toEqual(play(new Database(join(folder, 'plain.db')), sql, isCodeOnly))
  },
)
