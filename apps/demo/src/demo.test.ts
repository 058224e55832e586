import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))

test('the demo ends with a line of JSON that says that leader and copy are equal', async () => {
  const result = await play('--once', '--scene', '300')
  expect(result).toMatchObject({ equal: true, kills: 1 })
  expect(result['commits']).toBeGreaterThan(0)
  expect(result['digest']).toMatch(/^[0-9a-f]{16}$/)
})

test("the demo plays with a copy of the user's own database, whatever is in it, and leaves the original alone", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'own.db')
  const own = new Database(path)
  own.exec(`
    PRAGMA page_size = 1024; PRAGMA auto_vacuum = INCREMENTAL;
    CREATE VIRTUAL TABLE notes USING fts5 (text);
    CREATE TABLE pairs (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE VIEW keys AS SELECT key FROM pairs;
    INSERT INTO notes VALUES ('tea and biscuits');
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO pairs SELECT 'k' || i, randomblob(i) FROM n;
  `)
  expect(await play('--once', '--scene', '300', '--database', path)).toMatchObject({ equal: true })
  expect(own.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'stemma_demo'").pluck().get()).toBe(0)
  own.close()
})

async function play(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...args])
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>
}
