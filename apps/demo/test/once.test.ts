import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
/** A format that is not Stemma's: the one of the tutorial. */
const OWN_FORMAT = join(import.meta.dirname, '..', '..', '..', 'examples', 'own-format', 'json-lines.ts')
const FOLLOWERS = ['wal', 'row', 'mixed', 'record', 'raw', 'json-lines']
const TIMEOUT_MS = 300_000

test(
  'the report ends with a line of JSON that says that all copies are equal, and what each format took',
  { timeout: TIMEOUT_MS },
  async () => {
    const { result, left } = await play(
      '--once',
      '--scene',
      '300',
      '--rate',
      '100',
      '--compare',
      'inserts',
      '--pitfalls',
      '1,16',
      '--format',
      OWN_FORMAT,
    )
    expect(result).toMatchObject({ equal: true, kills: 1 })
    expect(result['commits']).toBeGreaterThan(0)
    expect(result['digest']).toMatch(/^[0-9a-f]{16}$/)
    expect(result['comparisons']).toMatchObject(
      ['inserts'].map((id) => ({ workload: { id }, rows: FOLLOWERS.map((follower) => ({ follower })) })),
    )
    expect(result['pitfalls']).toMatchObject(
      [1, 16].map((number) => ({ number, ends: { mixed: 'equal', record: 'equal', raw: 'differs' }, asPromised: true })),
    )
    expect(left).toEqual([])
  },
)

test(
  "the demo plays with a copy of the user's own database, whatever is in it, and leaves the original alone",
  { timeout: TIMEOUT_MS },
  async () => {
    const folder = newFolder()
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
    const { result } = await play(
      '--once',
      '--json',
      '--scene',
      '300',
      '--database',
      path,
      '--compare',
      'foreign',
      '--only',
      'wal,row',
      '--pitfalls',
      'none',
    )
    expect(result).toMatchObject({ equal: true })
    expect(own.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'stemma_demo'").pluck().get()).toBe(0)
    own.close()
  },
)

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Runs the demo in a temp folder of its own. */
async function play(...args: readonly string[]): Promise<{ result: Record<string, unknown>; left: string[] }> {
  const TMPDIR = newFolder()
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...args], { env: { ...process.env, TMPDIR } })
  const result = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>
  return { result, left: readdirSync(TMPDIR).filter((name) => name.startsWith('stemma-demo-')) }
}
