import { join } from 'node:path'
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test, vi } from 'vitest'
import {
  comparePositions,
  openChanges,
  openLeader,
  type ChangeCommit,
  type Changes,
  type Leader,
  type Position,
  type StemmaError,
} from '../../src/index.ts'
import { newDice } from './support/dice.ts'
import { ACCOUNTS, makeDatabase, newFolder } from './support/folder.ts'
import { Mirror, rowsOf, tablesOf } from './support/mirror.ts'
import { SCHEMA, nextSql } from './support/workload.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const ORIGIN: Position = { epoch: 1, sequence: 0 }

/** A database that is empty but for its format, and its leader. */
async function lead(folder: string, options: { readonly listen?: string; readonly sql?: string } = {}): Promise<Leader> {
  const database = join(folder, 'app.db')
  makeDatabase(database, options.sql ?? '')
  const { listen } = options
  const leader = await openLeader({ database, formats: ['wal', 'row'], ...(listen === undefined ? {} : { listen }) })
  onTestFinished(() => leader.close())
  return leader
}

async function readFrom(url: string, from?: Position, tables?: readonly string[]): Promise<Changes> {
  const changes = await openChanges({ url, from, tables })
  onTestFinished(() => changes.close())
  return changes
}

/** Walks until a position, and gives each commit on the way. */
async function walkTo(changes: Changes, position: Position, take: (commit: ChangeCommit) => void): Promise<void> {
  for await (const commit of changes) {
    take(commit)
    if (comparePositions(commit.position, position) >= 0) return
  }
}

async function tipOf(leader: Leader): Promise<Position> {
  return await leader.waitFor({ followers: 0 })
}

const seed = Number(process.env['SEED'] ?? 7)

test(`a reader that knows nothing but the changes has every row, through migrations and all (seed ${seed})`, async () => {
  const folder = newFolder()
  const leader = await lead(folder)
  const changes = await readFrom(leader.url, ORIGIN)
  const dice = newDice(seed)
  leader.database.exec(SCHEMA)
  for (let step = 0; step < 80; step++) {
    const sql = nextSql(dice, step)
    // What rewrites every row without a key of its own is not for this reader, which knows rows by their rowids.
    if (!sql.includes('VACUUM')) leader.database.exec(sql)
  }
  const mirror = new Mirror()
  await walkTo(changes, await tipOf(leader), (commit) => mirror.take(commit))
  const path = join(folder, 'app.db')
  let rows = 0
  for (const table of tablesOf(path)) {
    const truth = rowsOf(path, table)
    rows += truth.length
    expect(mirror.rowsOf(table), table).toEqual(truth)
  }
  expect(rows).toBeGreaterThan(100)
})

test('columns are named as they were at each commit, also for a reader that begins in the middle', async () => {
  const folder = newFolder()
  const leader = await lead(folder, { sql: 'CREATE TABLE t (id INTEGER PRIMARY KEY, a, b); CREATE TABLE u (x)' })
  const { database } = leader
  database.exec("INSERT INTO t VALUES (1, 'a1', 'b1')")
  database.exec('INSERT INTO u VALUES (1)')
  const middle = await tipOf(leader)
  database.exec("UPDATE t SET a = 'a2'")
  database.exec('INSERT INTO u VALUES (2)')
  database.exec('ALTER TABLE t RENAME COLUMN a TO b2')
  database.exec("UPDATE t SET b2 = 'a3'")
  database.exec('BEGIN; ALTER TABLE t RENAME COLUMN b TO a; ALTER TABLE t RENAME COLUMN b2 TO b; UPDATE t SET a = a || b; COMMIT')
  database.exec('DROP TABLE u')
  const rows: unknown[] = []
  await walkTo(await readFrom(leader.url, middle), await tipOf(leader), (commit) => {
    for (const { table, old, new: row } of commit.rows) rows.push([table, { ...old }, { ...row }])
  })
  expect(rows).toEqual([
    ['t', { id: 1n, a: 'a1', b: 'b1' }, { id: 1n, a: 'a2', b: 'b1' }],
    ['u', {}, { x: 2n }],
    ['t', { id: 1n, b2: 'a2', b: 'b1' }, { id: 1n, b2: 'a3', b: 'b1' }],
    ['t', { id: 1n, b2: 'a3', b: 'b1' }, { id: 1n, b: 'a3', a: 'b1a3' }],
  ])
})

test('only the tables that are asked for are told, and every commit is', async () => {
  const leader = await lead(newFolder(), { sql: 'CREATE TABLE t (a); CREATE TABLE u (a)' })
  const changes = await readFrom(leader.url, undefined, ['u'])
  leader.database.exec('INSERT INTO t VALUES (1)')
  leader.database.exec('INSERT INTO u VALUES (2)')
  const told: unknown[] = []
  await walkTo(changes, await tipOf(leader), ({ rows }) => told.push([...rows].map(({ table }) => table)))
  expect(told).toEqual([[], ['u']])
})

test('it goes on behind the last commit that was dealt with, after its own end and after the end of the leader', async () => {
  const folder = newFolder()
  const first = await lead(folder, { sql: 'CREATE TABLE t (id INTEGER PRIMARY KEY, n)' })
  const listen = first.url
  const seen: bigint[] = []
  const take = (commit: ChangeCommit): void => {
    for (const { new: row } of commit.rows) seen.push(row!['n'] as bigint)
  }
  const changes = await readFrom(first.url)
  for (let n = 1; n <= 3; n++) first.database.exec(`INSERT INTO t (n) VALUES (${n})`)
  await walkTo(changes, await tipOf(first), take)
  // Leaving the walk says nothing of the commit that it was left at.
  const { position } = changes
  expect(position.sequence).toBe((await tipOf(first)).sequence - 1)
  seen.pop()

  const again = await readFrom(first.url, position)
  const walk = again[Symbol.asyncIterator]()
  take(((await walk.next()) as IteratorYieldResult<ChangeCommit>).value)
  await first.close()
  const second = await openLeader({ database: join(folder, 'app.db'), formats: ['wal', 'row'], listen })
  onTestFinished(() => second.close())
  for (let n = 4; n <= 6; n++) second.database.exec(`INSERT INTO t (n) VALUES (${n})`)
  while (seen.length < 6) take(((await walk.next()) as IteratorYieldResult<ChangeCommit>).value)
  expect(seen).toEqual([1n, 2n, 3n, 4n, 5n, 6n])
})

test('a position that is not in the history, or not kept, is an error that says so', async () => {
  const leader = await lead(newFolder(), { sql: ACCOUNTS })
  const { sequence } = await tipOf(leader)
  const reads = (from: Position): Promise<Changes> => openChanges({ url: leader.url, from })
  await expect(reads({ epoch: 1, sequence: sequence + 1 })).rejects.toMatchObject({ code: 'POSITION_UNKNOWN' })
  await expect(reads({ epoch: 2, sequence })).rejects.toMatchObject({ code: 'STALE_LEADER' })
})

test('a reader that was away for longer than the log is kept is told from where it can go on', { timeout: 60_000 }, async () => {
  const database = join(newFolder(), 'app.db')
  makeDatabase(database, ACCOUNTS)
  const retention = { maxBytes: 100_000, unneededBytes: 0 }
  const leader = await openLeader({ database, formats: ['row'], retention, thread: 'same' })
  onTestFinished(() => leader.close())
  const from = await tipOf(leader)
  for (let i = 0; i < 40; i++) leader.database.exec('UPDATE account SET note = hex(randomblob(100))')
  await tipOf(leader)
  await vi.waitUntil(async () => (await leader.status()).logBytes <= 100_000, { timeout: 30_000, interval: 100 })
  let oldest: Position | undefined
  await openChanges({ url: leader.url, from }).catch((error: StemmaError) => {
    expect(error.code).toBe('POSITION_NOT_KEPT')
    oldest = error.details['oldest'] as Position
  })
  expect(oldest!.sequence).toBeGreaterThan(from.sequence)
  expect((await readFrom(leader.url, oldest)).position).toEqual(oldest)
})

test('a leader that serves no rows is told apart', async () => {
  const database = join(newFolder(), 'app.db')
  makeDatabase(database, ACCOUNTS)
  const leader = await openLeader({ database })
  onTestFinished(() => leader.close())
  await expect(openChanges({ url: leader.url })).rejects.toMatchObject({ code: 'NO_COMMON_FORMAT' })
})

test('a reader that stops reading fills no memory, and misses nothing', async () => {
  const leader = await lead(newFolder(), { sql: 'CREATE TABLE t (id INTEGER PRIMARY KEY, b)' })
  const changes = await readFrom(leader.url)
  const insert = leader.database.prepare('INSERT INTO t (b) VALUES (randomblob(300_000))')
  for (let n = 0; n < 60; n++) insert.run()
  const tip = await tipOf(leader)
  const walk = changes[Symbol.asyncIterator]()
  await walk.next()
  const [feed] = (await leader.status()).followers!
  expect(feed).toMatchObject({ state: 'feed', format: 'row' })
  // A window of 8 MiB, and one entry.
  const received = feed!.received!.sequence - (tip.sequence - 60)
  expect(received).toBeLessThanOrEqual(31)
  let count = 1
  for (let next = await walk.next(); next.done !== true; next = await walk.next()) {
    count++
    if (comparePositions(next.value.position, tip) >= 0) break
  }
  expect(count).toBe(60)
})

/** The command as a process, and its lines. */
function command(args: readonly string[]): {
  readonly lines: Record<string, unknown>[]
  readonly child: ReturnType<typeof spawn>
  readonly exited: Promise<number | null>
  line(kind: string, position: string): Promise<void>
  errors(): string
} {
  const child = spawn(process.execPath, [MAIN, 'changes', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const lines: Record<string, unknown>[] = []
  let errors = ''
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()))
  const waiting = new Set<() => void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(JSON.parse(line) as Record<string, unknown>)
    for (const wake of waiting) wake()
  })
  const exited = once(child, 'close').then(([code]) => code as number | null)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  return {
    lines,
    child,
    exited,
    errors: () => errors,
    async line(kind, position) {
      while (!lines.some((line) => line['kind'] === kind && line['position'] === position))
        await new Promise<void>((resolve, reject) => {
          waiting.add(resolve)
          void exited.then(() => reject(new Error(`it ended: ${errors}`)))
        })
    },
  }
}

test('the command prints from a database that is served, ends when told to, and from one that is not served, at the end of its log', async () => {
  const folder = newFolder()
  const leader = await lead(folder, { sql: 'CREATE TABLE t (id INTEGER PRIMARY KEY, a)' })
  const path = join(folder, 'app.db')
  const { epoch, sequence } = await tipOf(leader)
  const from = `${epoch}:${sequence}`
  const live = command([path, '--from', from])
  leader.database.exec("INSERT INTO t VALUES (1, 'x')")
  await live.line('commit', `${epoch}:${sequence + 1}`)
  live.child.kill('SIGINT')
  expect(await live.exited).toBe(0)
  expect(live.lines).toMatchObject([
    { kind: 'row', operation: 'insert', table: 't', key: { id: 1 }, new: { id: 1, a: 'x' } },
    { kind: 'commit', rows: 1 },
  ])
  await leader.close()

  const after = command([path, '--from', from])
  expect(await after.exited).toBe(4)
  expect(after.lines).toEqual(live.lines)
  expect(after.errors()).toContain('nobody serves')
  const wrong = command([path, '--from', `${epoch}:${sequence + 9}`])
  expect(await wrong.exited).toBe(1)
  expect(wrong.errors()).toContain('POSITION_UNKNOWN')
})

test('the command ends well when its reader goes away, and when told to while its reader takes nothing', async () => {
  const leader = await lead(newFolder(), { sql: 'CREATE TABLE t (id INTEGER PRIMARY KEY, a)' })
  const { epoch, sequence } = await tipOf(leader)
  const from = `${epoch}:${sequence}`
  const insert = leader.database.prepare('INSERT INTO t (a) VALUES (hex(randomblob(100000)))')
  for (let n = 0; n < 10; n++) insert.run()

  const gone = command([leader.url, '--from', from])
  await gone.line('commit', `${epoch}:${sequence + 1}`)
  gone.child.stdout!.destroy()
  expect(await gone.exited).toBe(0)

  const stuck = spawn(process.execPath, [MAIN, 'changes', leader.url, '--from', from], { stdio: ['ignore', 'pipe', 'pipe'] })
  stuck.stdout.pause()
  onTestFinished(() => void stuck.kill('SIGKILL'))
  await new Promise<void>((resolve) => stuck.stderr.on('data', (text: Buffer) => text.includes('changes from') && resolve()))
  const exited = once(stuck, 'exit')
  stuck.kill('SIGINT')
  expect((await exited)[0]).toBe(0)
})

test('a database that never had a leader has no changes', async () => {
  const path = join(newFolder(), 'app.db')
  new Database(path).close()
  const run = command([path])
  expect(await run.exited).toBe(1)
  expect(run.errors()).toMatch(/NO_LOG|NO_DATABASE/)
})
