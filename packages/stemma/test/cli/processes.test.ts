import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { comparePositions, showPosition } from '@stemma/base'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { askStatus } from '../../src/ask-status.ts'

// The command as people run it: processes, a database, a socket.

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

test('two commands keep a copy; status, log and digest tell of it; Ctrl-C ends both with 0', async () => {
  const folder = newFolder()
  const app = join(folder, 'app.db')
  const copy = join(folder, 'copy.db')
  const writer = newDatabase(app)

  const leader = start('serve', app, '--listen', 'tcp://127.0.0.1:0', '--json')
  const { url } = await leader.event('listening')
  const follower = start('follow', String(url), copy, '--name', 'paris', '--json')
  await follower.event('caught-up')

  writer.prepare('INSERT INTO t (x) VALUES (?)').run('written by a program that knows nothing of Stemma')
  const position = await untilApplied(String(url))
  const status = await run('status', String(url), '--json')
  expect(JSON.parse(status.stdout)).toMatchObject({ role: 'leader', position, followers: [{ name: 'paris', applied: position }] })
  const compared = await run('digest', app, copy)
  expect(compared.exitCode, compared.stdout).toBe(0)

  const verified = await run('log', 'verify', app, '--json')
  expect(JSON.parse(verified.stdout)).toMatchObject({ format: 'wal', ok: true })
  const shown = await run('log', 'show', app)
  expect(shown.stdout.trim().split('\n').at(-1)?.split('  ')[0]).toBe(position)

  expect(await Promise.all([follower.stop('SIGINT'), leader.stop('SIGTERM')])).toEqual([0, 0])
  const reader = new Database(copy, { readonly: true })
  expect(reader.prepare('SELECT count(*) FROM t').pluck().get()).toBe(1)
  reader.close()
  writer.close()
})

// A database that Stemma did not make, written to by a program that knows nothing of it.
const CHINOOK = fileURLToPath(new URL('../../../../../shared/data/chinook.sqlite', import.meta.url))
const canPlayChinook = existsSync(CHINOOK) && spawnSync('sqlite3', ['--version']).status === 0

test.skipIf(!canPlayChinook)(
  'the Chinook database, written to by the sqlite3 program, has the same dump on both ends',
  async () => {
    const folder = newFolder()
    const app = join(folder, 'app.db')
    const copy = join(folder, 'copy.db')
    copyFileSync(CHINOOK, app)
    chmodSync(app, 0o600)

    const leader = start('serve', app, '--convert-to-wal', '--listen', 'tcp://127.0.0.1:0', '--json')
    const { url } = await leader.event('listening')
    const follower = start('follow', String(url), copy, '--name', 'paris', '--json')
    await follower.event('caught-up')
    await sqlite3(
      app,
      "UPDATE Track SET UnitPrice = UnitPrice * 2; DELETE FROM PlaylistTrack; INSERT INTO Artist (Name) VALUES ('Stemma')",
    )
    await sqlite3(app, 'CREATE TABLE more AS SELECT * FROM Invoice; DROP TABLE InvoiceLine; VACUUM')
    await untilApplied(String(url))

    expect(await sqlite3(copy, 'PRAGMA integrity_check')).toBe('ok\n')
    expect(await sqlite3(copy, '.dump')).toBe(await sqlite3(app, '.dump'))
    expect(await Promise.all([follower.stop('SIGINT'), leader.stop('SIGINT')])).toEqual([0, 0])
  },
)

test('a leader beside the program sends rows under the name of statements when it may, and lint and status tell so', async () => {
  const folder = newFolder()
  const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
  const writer = newDatabase(app)
  const refused = await run('serve', app, '--format', 'statement')
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining('code: STATEMENTS_UNSEEN')])

  const options = ['--format', 'statement', '--statements-as-rows', '--listen', 'tcp://127.0.0.1:0', '--json']
  const leader = start('serve', app, ...options)
  expect(await leader.event('statements-as-rows')).toMatchObject({ formats: ['statement'] })
  const { url } = await leader.event('listening')
  const follower = start('follow', String(url), copy, '--format', 'statement', '--json')
  await follower.event('caught-up')
  writer.exec('BEGIN; INSERT INTO t (x) VALUES (random()), (datetime()); UPDATE t SET x = x || 1; COMMIT')
  writer.prepare('DELETE FROM t WHERE id = ?').run(1)
  await untilApplied(String(url))

  const status = JSON.parse((await run('status', app, '--json')).stdout) as { readonly work: readonly unknown[] }
  expect(status.work).toMatchObject([{ format: 'statement', entries: 2, asRows: 2, barriers: 0 }])
  const linted = await run('lint', '--database', app, '--log')
  expect(linted.exitCode).toBe(0)
  expect(linted.stdout).toContain('2 commits: 0 as text, 0 as rows because of a statement, 2 whose statements are not known')
  expect(await Promise.all([follower.stop('SIGINT'), leader.stop('SIGINT')])).toEqual([0, 0])
  const reader = new Database(copy, { readonly: true })
  expect(reader.prepare('SELECT * FROM t').all()).toEqual(writer.prepare('SELECT * FROM t').all())
  reader.close()
  writer.close()
})

test.each([
  ['serve a database that is not there', ['serve', 'none.db'], 1, 'NO_DATABASE'],
  ['follow where nobody listens for', ['status', 'tcp://127.0.0.1:1'], 1, 'CONNECT_FAILED'],
  ['look into a log that is not there', ['log', 'show', 'none.db'], 1, 'NO_LOG'],
  ['follow no address', ['follow', 'nowhere', 'copy.db'], 2, 'BAD_ARGUMENT'],
])('asked to %s, it says why, what to do, and ends with its code', async (_title, args, exitCode, code) => {
  const result = await run(...args)
  expect(result.exitCode).toBe(exitCode)
  expect(result.stderr).toMatch(new RegExp(`^stemma: .+\nwhat to do: .+\ncode: ${code}\n$`))
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function newDatabase(path: string): Database.Database {
  const database = new Database(path)
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)')
  return database
}

interface Command {
  /** The next record of an event. Those before it are passed over. */
  event(name: string): Promise<Record<string, unknown>>
  stop(signal: 'SIGINT' | 'SIGTERM'): Promise<number | null>
}

function start(...args: readonly string[]): Command {
  const child: ChildProcess = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  return {
    async event(name) {
      for (;;) {
        const { value, done } = await lines.next()
        if (done === true) throw new Error(`the command ended before it told of ${name}`)
        const record = JSON.parse(value) as Record<string, unknown>
        if (record['event'] === name) return record
      }
    },
    async stop(signal) {
      const exit = once(child, 'exit') as Promise<[number | null]>
      child.kill(signal)
      return (await exit)[0]
    },
  }
}

/** Asks the leader until its follower has applied all that there is; gives the position. */
async function untilApplied(url: string): Promise<string> {
  for (;;) {
    const { position, followers } = await askStatus({ url })
    const applied = followers?.[0]?.applied
    if (position === undefined || position.sequence === 0 || applied === undefined) continue
    if (comparePositions(position, applied) === 0) return showPosition(position)
  }
}

/** Runs the sqlite3 program, which waits for nobody: it must never find the database busy because of us. */
async function sqlite3(database: string, sql: string): Promise<string> {
  return (await promisify(execFile)('sqlite3', ['-bail', database, sql], { maxBuffer: 64 * 1024 * 1024 })).stdout
}

async function run(...args: readonly string[]): Promise<{ stdout: string; stderr: string; exitCode: number }> {
  try {
    return { ...(await promisify(execFile)(process.execPath, [MAIN, ...args], { cwd: tmpdir() })), exitCode: 0 }
  } catch (error) {
    const { stdout, stderr, code } = error as { stdout: string; stderr: string; code: number }
    return { stdout, stderr, exitCode: code }
  }
}
