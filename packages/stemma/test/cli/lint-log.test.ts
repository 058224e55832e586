import { expect, test } from 'vitest'
import type { LogReader } from '../../src/log/log-file.ts'
import { statementLog, type Ran } from './statement-log.ts'
import { start } from './world.ts'

const SAFE: Ran = { sql: 'INSERT INTO t (a) VALUES (?)', placed: ['x'] }
const LIMITED: Ran = { sql: 'DELETE FROM t\n  LIMIT 1', safety: 'rows', code: 'LIMIT_WITHOUT_ORDER', about: 'LIMIT 1' }
const CLOCK: Ran = { sql: 'INSERT INTO t (at) VALUES (datetime())', safety: 'record', code: 'CLOCK', about: 'datetime()' }
const LIKE: Ran = { sql: "DELETE FROM t WHERE a LIKE 'x%'", safety: 'context', code: 'CASE_SENSITIVE_LIKE', about: 'a LIKE' }

test('a log of safe statements ends with 0', async () => {
  const run = start('lint --database app.db --log', { log: await statementLog([[SAFE, SAFE], [SAFE], undefined]) })
  expect(await run.exitCode).toBe(0)
  expect(run.output()).toBe(
    '1 statement, all safe to replicate as text; 3 commits: 2 as text, 0 as rows because of a statement, 1 whose statements are not known\n',
  )
})

test('each statement that was not safe is told once, with where it ran first, how often, and how it was sent', async () => {
  const log = await statementLog([[SAFE], [SAFE, LIMITED], [CLOCK], [LIMITED], [{ ...CLOCK, isRepeatable: true }]])
  const run = start('lint --database app.db --log', { log })
  expect(await run.exitCode).toBe(3)
  const lines = run.output().split('\n')
  expect(lines.filter((line) => line.startsWith('app.db'))).toEqual([
    'app.db at 1:2: LIMIT_WITHOUT_ORDER (rows): LIMIT 1',
    'app.db at 1:3: CLOCK (record): datetime()',
    'app.db at 1:5: CLOCK (record): datetime()',
  ])
  expect(lines.filter((line) => line.includes('sent as'))).toEqual([
    '    DELETE FROM t LIMIT 1 (2 times, sent as rows)',
    '    INSERT INTO t (at) VALUES (datetime()) (once, sent as rows)',
    '    INSERT INTO t (at) VALUES (datetime()) (once, sent as text)',
  ])
  expect(lines.at(-2)).toContain('5 commits: 2 as text, 3 as rows because of a statement, 0 whose')
})

test('for programs there is a record for each, and one for the whole', async () => {
  const run = start('lint --database app.db --log --json', { log: await statementLog([[SAFE], [LIMITED], [LIMITED]]) })
  expect(await run.exitCode).toBe(3)
  expect(run.records()).toMatchObject([
    {
      event: 'finding',
      file: 'app.db',
      position: '1:2',
      times: 2,
      sentAs: 'rows',
      statement: LIMITED.sql,
      line: 2,
      column: 3,
      code: 'LIMIT_WITHOUT_ORDER',
      safety: 'rows',
    },
    { event: 'done', statements: 2, complaints: 1, failures: 1, isCut: false, commits: { text: 1, rows: 2, unknown: 0 } },
  ])
})

test('--fail-on and --all mean what they mean for files', async () => {
  const log = await statementLog([[CLOCK], [LIKE]])
  expect(await start('lint --database app.db --log --fail-on rows', { log }).exitCode).toBe(0)
  const all = start('lint --database app.db --log --fail-on rows --all', { log })
  expect(await all.exitCode).toBe(0)
  expect(all.output()).toContain('CASE_SENSITIVE_LIKE (context)')
})

test('log show --details tells statements with their values, or why a commit went as rows', async () => {
  const run = start('log show app.db --details', { log: await statementLog([[SAFE], [LIMITED]]) })
  expect(await run.exitCode).toBe(0)
  expect(run.output()).toContain("    INSERT INTO t (a) VALUES (?) ['x']\n")
  expect(run.output()).toContain('as rows because of: DELETE FROM t LIMIT 1\n')
  expect(run.output()).toContain('LIMIT_WITHOUT_ORDER at LIMIT 1')
})

const WITHOUT: LogReader = {
  formats: ['wal', 'of-somebody-else'].map((format) => ({ format, oldest: 1, newest: 1, bytes: 0 })),
  runs: () => [],
  close() {},
}

test.each([
  ['lint --log', 2, 'it goes with --database'],
  ['lint x.sql --database app.db --log', 2, 'and with no files'],
  ['lint --database app.db --log', 1, 'is kept as wal, of-somebody-else, so no statements are in it'],
])('stemma %s ends with %d and says "%s"', async (line, exitCode, says) => {
  const run = start(line, { log: WITHOUT })
  expect(await run.exitCode).toBe(exitCode)
  expect(run.errors()).toContain(says)
})
