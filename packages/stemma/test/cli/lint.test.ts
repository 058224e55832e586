import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { start } from './world.ts'

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'stemma-lint-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function newScript(sql: string): string {
  const file = join(newFolder(), 'app.sql')
  writeFileSync(file, sql)
  return file
}

const TABLE = 'CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT);\n'

test('a script whose statements are all safe ends with 0', async () => {
  const run = start(
    `lint ${newScript(`${TABLE}INSERT INTO t(a) VALUES(?);\nUPDATE t SET a = 1 WHERE id = ?;\nSELECT random();`)}`,
  )
  expect(await run.exitCode).toBe(0)
  expect(run.output()).toBe('4 statements, all safe to replicate as text\n')
})

test('what is not safe is shown with its place, its code, why it is so and what to write instead, and ends with 3', async () => {
  const file = newScript(`${TABLE}-- one; two\nDELETE FROM t\n  LIMIT 1;`)
  const run = start(`lint ${file}`)
  expect(await run.exitCode).toBe(3)
  expect(run.output().split('\n')[0]).toBe(`${file}:4:3: LIMIT_WITHOUT_ORDER (rows): LIMIT 1`)
  expect(run.output()).toContain('instead: Add ORDER BY that ends with a unique key')
})

test('semicolons in strings, comments and the bodies of triggers do not end a statement', async () => {
  const script = `${TABLE}CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT CASE WHEN 1 THEN ';' END; SELECT 2; END;
    /* ; */ INSERT INTO t(a) VALUES('a;b' /* ; */); -- ;
    DROP TRIGGER g`
  const run = start(`lint ${newScript(script)} --json`)
  expect(await run.exitCode).toBe(0)
  expect(run.records()).toEqual([{ event: 'done', statements: 4, complaints: 0, failures: 0 }])
})

test.each([
  [
    'a trigger, where it is defined and where it is fired',
    'CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET a = random() WHERE id = NEW.id; END; INSERT INTO t(a) VALUES(1)',
    ['RANDOM_VALUE 2:59', 'RANDOM_VALUE 2:104'],
  ],
  ['a default', 'CREATE TABLE u(a, at DEFAULT CURRENT_TIMESTAMP)', ['CLOCK 2:30']],
  ['a function of the program', 'UPDATE t SET a = slug(a) WHERE id = 1', ['USER_FUNCTION 2:18']],
  [
    'an index on a function of the program',
    'CREATE INDEX i ON t(slug(a)); DELETE FROM t WHERE id = 1',
    ['USER_FUNCTION 2:1', 'USER_FUNCTION 2:21', 'USER_FUNCTION 2:43'],
  ],
  ['a collation of the program', 'UPDATE t SET a = 1 WHERE a = 2 COLLATE mine', ['USER_COLLATION 2:30']],
  [
    'an attached database',
    "ATTACH 'x.db' AS x; CREATE TABLE x.s(a); INSERT INTO t(id) SELECT a FROM x.s",
    ['ROWID_FROM_SELECT 2:54', 'ATTACHED_DATABASE 2:54'],
  ],
  ['SQL that SQLite refuses', 'UPDATE t SET nothing = 1', ['SQL_ERROR 2:1']],
  ['a definition that SQLite refuses', 'CREATE TABLE t(a)', ['SQL_ERROR 2:1']],
])('it sees %s', async (_what, statement, found) => {
  const run = start(`lint ${newScript(TABLE + statement)} --json`)
  expect(await run.exitCode).toBe(3)
  const places = run
    .records()
    .flatMap((each) =>
      each['event'] === 'finding' ? [`${String(each['code'])} ${String(each['line'])}:${String(each['column'])}`] : [],
    )
  expect(places).toEqual(expect.arrayContaining(found))
  expect(places).toHaveLength(found.length)
})

test('a view is noted and does no harm by itself', async () => {
  const run = start(`lint ${newScript('CREATE VIEW v AS SELECT random() AS r')}`)
  expect(await run.exitCode).toBe(0)
  expect(run.output()).toContain('RANDOM_VALUE (note)')
})

test('--fail-on says from which kind of finding on it ends with 3', async () => {
  const file = newScript(`${TABLE}INSERT INTO t VALUES(random(), 1)`)
  expect(await start(`lint ${file}`).exitCode).toBe(3)
  expect(await start(`lint ${file} --fail-on rows`).exitCode).toBe(0)
})

test('--all prints what settings of the connection decide', async () => {
  const file = newScript(`${TABLE}DELETE FROM t WHERE a LIKE 'x%'`)
  const run = start(`lint ${file} --all`)
  expect(await run.exitCode).toBe(0)
  expect(run.output()).toContain('CASE_SENSITIVE_LIKE (context)')
})

test('--database judges statements by the schema of a database that may be in use, and writes nothing to it', async () => {
  const path = join(newFolder(), 'app.db')
  const database = new Database(path)
  database.pragma('journal_mode = WAL')
  database.exec(`${TABLE}CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET a = datetime() WHERE id = NEW.id; END`)
  const file = newScript('INSERT INTO t(id) VALUES(1); CREATE TABLE more(x); INSERT INTO more VALUES(1)')
  const run = start(`lint ${file} --database ${path}`)
  expect(await run.exitCode).toBe(3)
  expect(run.output()).toContain('CLOCK (record): t, through trigger g')
  expect(run.output()).toContain('3 statements, 1 not safe')
  expect(database.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'more'").pluck().get()).toBe(0)
  database.close()
})

test('--database alone judges defaults, views and triggers', async () => {
  const path = join(newFolder(), 'app.db')
  const database = new Database(path)
  database.exec(`CREATE TABLE t(id INTEGER PRIMARY KEY, at DEFAULT CURRENT_TIMESTAMP); CREATE VIEW v AS SELECT random() AS r;
    CREATE VIRTUAL TABLE f USING fts5(x);
    CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t WHERE id = (SELECT id FROM t LIMIT 1); END`)
  database.close()
  const run = start(`lint --database ${path} --json`)
  expect(await run.exitCode).toBe(3)
  const found = run.records().map((each) => [each['object'], each['code'], each['note']])
  expect(found).toEqual([
    ['table t', 'CLOCK', false],
    ['view v', 'RANDOM_VALUE', true],
    ['trigger g', 'LIMIT_WITHOUT_ORDER', false],
    [undefined, undefined, undefined],
  ])
})

test.each([
  ['lint', 2, 'nothing to look at'],
  ['lint /no/such/file.sql', 2, "/no/such/file.sql, which can't be read"],
  ['lint --database /no/such/app.db', 1, 'code: NO_DATABASE'],
  ['lint --fail-on never x.sql', 2, 'Allowed choices are record, rows, reject'],
])('stemma %s ends with %d and says "%s"', async (line, exitCode, says) => {
  const run = start(line)
  expect(await run.exitCode).toBe(exitCode)
  expect(run.errors()).toContain(says)
})

test('a file that is no database is told from one that is', async () => {
  const run = start(`lint --database ${newScript('x'.repeat(5000))}`)
  expect(await run.exitCode).toBe(1)
  expect(run.errors()).toContain('code: NOT_A_DATABASE')
})
