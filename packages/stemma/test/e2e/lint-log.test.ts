import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { openLeader } from '../../src/index.ts'
import { lintLog } from '../../src/lint/lint-log.ts'
import { openLogFile } from '../../src/log/log-file.ts'
import { newFolder } from './support/folder.ts'

test('the log of a leader at work tells which of its statements made commits go as rows, and why', async () => {
  const path = join(newFolder(), 'app.db')
  new Database(path)
    .exec('PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT, at TEXT DEFAULT CURRENT_TIMESTAMP)')
    .close()
  const leader = await openLeader({ database: path, formats: ['statement'] })
  onTestFinished(() => leader.close())
  const { database } = leader
  const safe = database.prepare('INSERT INTO t (id, word, at) VALUES (?, ?, ?)')
  const unsafe = database.prepare('INSERT INTO t (word) VALUES (?)')
  const isKnown = (): boolean => {
    const log = openLogFile(path)
    try {
      return (log.formats[0]?.newest ?? 0) >= 60
    } finally {
      log.close()
    }
  }
  for (let i = 0; i < 20; i++) {
    safe.run(-1 - i, 'tea', 'now')
    unsafe.run('coffee')
    database.transaction(() => {
      database.exec('DELETE FROM t WHERE word IN (SELECT word FROM t LIMIT 1)')
      safe.run(-1001 - i, 'milk', 'now')
    })()
  }
  await leader.waitFor({ followers: 0 })
  await expect.poll(isKnown, { timeout: 20_000 }).toBe(true)

  const log = openLogFile(path)
  onTestFinished(() => log.close())
  const { statements, commits } = await lintLog(path, log)
  const found = statements.map(({ sql, sentAs, findings }) => [sql, sentAs, findings.map(({ code }) => code).join()])
  expect(found).toEqual([
    ['INSERT INTO t (word) VALUES (?)', 'rows', 'CLOCK'],
    ['DELETE FROM t WHERE word IN (SELECT word FROM t LIMIT 1)', 'rows', 'LIMIT_WITHOUT_ORDER'],
  ])
  expect(statements[0]!.findings[0]).toMatchObject({ through: 'default of t.at' })
  // Of a commit whose text was lost nothing is known: that is rare, and allowed.
  expect(commits.text + commits.rows + commits.unknown).toBe(60)
  expect(commits.text).toBeGreaterThan(0)
  expect(statements.reduce((sum, { times }) => sum + times, 0)).toBe(commits.rows)
})
