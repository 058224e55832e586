import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import {
  openFollower,
  openLeader,
  type Follower,
  type FollowerEvent,
  type FollowerOptions,
  type Leader,
  type LeaderEvent,
  type LeaderOptions,
} from '../../src/index.ts'
import { ACCOUNTS, makeDatabase, newFolder } from './support/folder.ts'
import { expectEqual } from './support/proof.ts'

const TOKEN = 'a secret that nobody else knows'

interface Scene {
  readonly app: string
  readonly copy: string
  leader(options?: Partial<LeaderOptions>): Promise<Leader>
  follower(url: string, options?: Partial<FollowerOptions>): Promise<Follower>
}

/** A database with one table, and whoever leads and follows it; all are closed at the end. */
function newScene(sql = 'CREATE TABLE t (id INTEGER PRIMARY KEY, x)'): Scene {
  const folder = newFolder()
  const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
  makeDatabase(app, sql)
  const track = <T extends { close(): Promise<void> }>(node: T): T => {
    onTestFinished(() => node.close())
    return node
  }
  return {
    app,
    copy,
    leader: async (options = {}) => track(await openLeader({ database: app, thread: 'same', ...options })),
    follower: async (url, options = {}) => track(await openFollower({ url, database: copy, thread: 'same', ...options })),
  }
}

test.each([
  ['worker', 'worker'],
  ['same', 'same'],
  ['worker', 'same'],
  ['same', 'worker'],
] as const)('a leader on thread %s and a follower on thread %s: what is written is read', async (ours, theirs) => {
  const { app, copy, ...scene } = newScene()
  const leader = await scene.leader({ thread: ours })
  const insert = leader.database.prepare('INSERT INTO t (x) VALUES (?)')
  for (let i = 0; i < 10; i++) insert.run(`before ${i}`)
  const follower = await scene.follower(leader.url, { thread: theirs })
  expect(follower.database.prepare('SELECT count(*) FROM t').pluck().get()).toBe(10)

  for (let i = 0; i < 500; i++) insert.run(`after ${i}`)
  const position = await leader.waitFor({ level: 'applied' })
  expect(follower.database.prepare('SELECT count(*) FROM t').pluck().get()).toBe(510)
  expect(position).toEqual({ epoch: 1, sequence: 510 })
  await expectEqual(app, copy)

  const [mine, yours] = [await leader.status(), await follower.status()]
  expect(mine).toMatchObject({ role: 'leader', position, formats: ['wal/1'], cluster: yours.cluster })
  expect(mine.followers).toMatchObject([{ state: 'following', applied: position, lag: { commits: 0, seconds: 0 } }])
  expect(yours).toMatchObject({ role: 'follower', position, digest: mine.digest, leader: { connected: true, tip: position } })
})

test.each(['worker', 'same'] as const)(
  'thread %s: waitFor without a position covers every commit that returned before the call',
  async (thread) => {
    const scene = newScene()
    const leader = await scene.leader({ thread })
    const follower = await scene.follower(leader.url, { thread })
    const insert = leader.database.prepare('INSERT INTO t (x) VALUES (?)')
    const count = follower.database.prepare('SELECT count(*) FROM t').pluck()
    let written = 0
    for (const burst of [1, 20_000, 1, 1, 300]) {
      for (let i = 0; i < burst; i++) insert.run('x')
      written += burst
      const position = await leader.waitFor({ level: 'applied' })
      expect(position.sequence).toBe(written)
      expect(count.get()).toBe(written)
    }
  },
)

test('a follower opens, and catches up, also while its leader never rests', async () => {
  const scene = newScene()
  const leader = await scene.leader({ thread: 'worker' })
  const insert = leader.database.prepare('INSERT INTO t (x) VALUES (randomblob(1000))')
  const timer = setInterval(() => {
    for (let i = 0; i < 20; i++) insert.run()
  }, 1)
  onTestFinished(() => clearInterval(timer))
  const follower = await scene.follower(leader.url, { thread: 'worker' })
  for (let i = 0; i < 3; i++) {
    const { sequence } = (await follower.status()).leader!.tip!
    expect((await follower.caughtUp()).sequence).toBeGreaterThanOrEqual(sequence)
  }
  clearInterval(timer)
})

test('waitFor gives up after its time, and says how many followers have it', async () => {
  const leader = await newScene().leader()
  leader.database.exec('INSERT INTO t (x) VALUES (1)')
  await expect(leader.waitFor({ timeoutMs: 20 })).rejects.toMatchObject({ code: 'WAIT_TIMEOUT', details: { at: 0 } })
  await expect(leader.waitFor({ timeoutMs: 20, followers: 0 })).resolves.toMatchObject({ epoch: 1 })
})

/** Longer than anything takes that comes at all, however busy the machine. */
const PATIENCE_MS = 20_000

test.each(['received', 'durable', 'applied'] as const)('waitFor two followers at level %s', async (level) => {
  const { copy, ...scene } = newScene()
  const leader = await scene.leader({ ship: 'immediate' })
  await scene.follower(leader.url)
  leader.database.exec('INSERT INTO t (x) VALUES (1)')
  const position = await leader.waitFor({ level, timeoutMs: PATIENCE_MS })
  await expect(leader.waitFor({ position, followers: 2, level, timeoutMs: 50 })).rejects.toMatchObject({
    code: 'WAIT_TIMEOUT',
    details: { at: 1 },
  })
  await scene.follower(leader.url, { database: `${copy}2` })
  leader.database.exec('INSERT INTO t (x) VALUES (2)')
  expect(await leader.waitFor({ followers: 2, level, timeoutMs: PATIENCE_MS })).toEqual({ epoch: 1, sequence: 2 })
})

test('a database in rollback mode is refused, or switched when that is allowed', async () => {
  const { app, copy, ...scene } = newScene()
  const database = new Database(app)
  database.pragma('journal_mode = DELETE')
  database.close()
  await expect(openLeader({ database: app })).rejects.toMatchObject({ code: 'NOT_WAL' })
  expect(readFileSync(app).subarray(18, 20)).toEqual(Buffer.from([1, 1]))
  const leader = await scene.leader({ convertToWal: true })
  leader.database.exec('INSERT INTO t (x) VALUES (1)')
  await scene.follower(leader.url)
  await expectEqual(app, copy)
})

test.each<[string, (folder: string) => Partial<LeaderOptions>, string]>([
  ['a path where nothing is', (folder) => ({ database: join(folder, 'none.db') }), 'NO_DATABASE'],
  ['a folder', (folder) => ({ database: folder }), 'CANNOT_OPEN'],
  ['memory', () => ({ database: ':memory:' }), 'NOT_ON_DISK'],
  ['a file that is no database', (folder) => ({ database: textFile(folder) }), 'NOT_A_DATABASE'],
  ['a format that does not exist', () => ({ formats: ['morse'] }), 'UNKNOWN_FORMAT'],
  ['no address', () => ({ listen: 'somewhere' }), 'BAD_ARGUMENT'],
  ['an address of another machine', () => ({ listen: 'tcp://192.0.2.1:0', token: TOKEN, insecure: true }), 'LISTEN_FAILED'],
  ['everybody without a token', () => ({ listen: 'tcp://0.0.0.0:0' }), 'LISTEN_WITHOUT_TOKEN'],
  ['everybody without TLS', () => ({ listen: 'tcp://0.0.0.0:0', token: TOKEN }), 'LISTEN_WITHOUT_TLS'],
])('to lead %s is refused, and leaves nothing open', async (_title, options, code) => {
  const { app, ...scene } = newScene()
  const folder = join(app, '..')
  for (const thread of ['worker', 'same'] as const) {
    await expect(openLeader({ database: app, thread, ...options(folder) })).rejects.toMatchObject({ code })
  }
  // Had anything stayed open, this would be refused.
  const leader = await scene.leader()
  leader.database.exec('INSERT INTO t (x) VALUES (1)')
})

function textFile(folder: string): string {
  writeFileSync(join(folder, 'text.db'), 'Dear diary, '.repeat(100))
  return join(folder, 'text.db')
}

test('a follower with a wrong token, or none, is told so and makes no files but its own', async () => {
  const { copy, ...scene } = newScene()
  const leader = await scene.leader({ token: TOKEN })
  for (const token of ['another secret of enough bytes', undefined]) {
    for (const thread of ['worker', 'same'] as const) {
      const opening = openFollower({ url: leader.url, database: copy, thread, ...(token === undefined ? {} : { token }) })
      await expect(opening).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
    }
  }
  expect(existsSync(copy)).toBe(false)
  const follower = await scene.follower(leader.url, { token: TOKEN })
  expect(follower.database.prepare('SELECT count(*) FROM t').pluck().get()).toBe(0)
})

test('a follower never overwrites a database that Stemma did not make', async () => {
  const { copy, ...scene } = newScene()
  makeDatabase(copy, 'CREATE TABLE precious (x); INSERT INTO precious VALUES (1)')
  const before = readFileSync(copy)
  const leader = await scene.leader()
  await expect(openFollower({ url: leader.url, database: copy })).rejects.toMatchObject({ code: 'NOT_A_REPLICA' })
  expect(readFileSync(copy).equals(before)).toBe(true)
})

test('a copy of one database does not follow another', async () => {
  const { copy, ...scene } = newScene()
  const leader = await scene.leader()
  await (await scene.follower(leader.url)).close()
  const before = readFileSync(copy)
  const other = await newScene().leader()
  await expect(openFollower({ url: other.url, database: copy })).rejects.toMatchObject({ code: 'CLUSTER_MISMATCH' })
  expect(readFileSync(copy).equals(before)).toBe(true)
})

test('two that want to lead or follow the same file: the second is refused, also from another thread', async () => {
  const { app, copy, ...scene } = newScene()
  const leader = await scene.leader()
  for (const thread of ['worker', 'same'] as const) {
    await expect(openLeader({ database: app, thread })).rejects.toMatchObject({ code: 'ALREADY_OPEN' })
    await expect(openFollower({ url: leader.url, database: app, thread })).rejects.toMatchObject({ code: 'ALREADY_OPEN' })
  }
  const follower = await scene.follower(leader.url)
  for (const thread of ['worker', 'same'] as const) {
    await expect(openFollower({ url: leader.url, database: copy, thread })).rejects.toMatchObject({ code: 'ALREADY_OPEN' })
  }
  leader.database.exec('INSERT INTO t (x) VALUES (1)')
  await leader.waitFor({ level: 'applied' })
  expect(follower.database.prepare('SELECT count(*) FROM t').pluck().get()).toBe(1)
})

test('a leader does not become a copy, nor a copy a leader', async () => {
  const { app, copy, ...scene } = newScene()
  const leader = await scene.leader()
  await (await scene.follower(leader.url)).close()
  await expect(openLeader({ database: copy })).rejects.toMatchObject({ code: 'WRONG_ROLE' })
  await leader.close()
  const other = await newScene().leader()
  await expect(openFollower({ url: other.url, database: app })).rejects.toMatchObject({ code: 'WRONG_ROLE' })
})

test('the copy refuses writes and names the leader', async () => {
  const scene = newScene()
  const leader = await scene.leader()
  const { database } = await scene.follower(leader.url)
  const refusal = expect.objectContaining({ code: 'REPLICA_READ_ONLY', message: expect.stringContaining(leader.url) })
  const writes = [
    () => database.exec('DELETE FROM t'),
    () => database.prepare('INSERT INTO t (x) VALUES (1)').run(),
    () => database.prepare('INSERT INTO t (x) VALUES (1) RETURNING id').get(),
    () => database.prepare('INSERT INTO t (x) VALUES (1) RETURNING id').all(),
    () => [...database.prepare('UPDATE t SET x = 1 RETURNING id').iterate()],
    () => database.transaction(() => database.prepare('DELETE FROM t').run())(),
    () => database.exec('CREATE TABLE u (x)'),
    () => database.exec('VACUUM'),
  ]
  for (const write of writes) expect(write).toThrow(refusal)
  expect(database.prepare('SELECT count(*) FROM t').pluck().get()).toBe(0)
  expect(database.inTransaction).toBe(false)
})

test('readable: a copy opens without its leader, old as it is, and catches up when the leader comes', async () => {
  const { app, copy, ...scene } = newScene()
  const leader = await scene.leader()
  leader.database.exec('INSERT INTO t (x) VALUES (1)')
  await (await scene.follower(leader.url)).close()
  await leader.close()

  const events: FollowerEvent[] = []
  const follower = await scene.follower(leader.url, { ready: 'readable', onEvent: (event) => events.push(event) })
  expect(follower.database.prepare('SELECT count(*) FROM t').pluck().get()).toBe(1)
  expect((await follower.status()).leader).toMatchObject({ connected: false })

  const again = await scene.leader({ listen: leader.url })
  again.database.exec('INSERT INTO t (x) VALUES (2)')
  await again.waitFor({ level: 'applied' })
  expect(follower.database.prepare('SELECT count(*) FROM t').pluck().get()).toBe(2)
  expect(events.map(({ kind }) => kind)).not.toContain('snapshot-started')
  await expectEqual(app, copy)
})

test('a leader that closes and comes back finds its followers again; none needs a snapshot', async () => {
  const { app, copy, ...scene } = newScene()
  const first = await scene.leader()
  const kinds: string[] = []
  const follower = await scene.follower(first.url, { onEvent: ({ kind }) => kinds.push(kind) })
  let [leader, written] = [first, 0]
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 50; i++) leader.database.prepare('INSERT INTO t (x) VALUES (?)').run(i)
    written += 50
    await leader.close()
    const database = new Database(app)
    for (let i = 0; i < 20; i++) database.prepare('INSERT INTO t (x) VALUES (?)').run('while nobody leads')
    written += 20
    database.close()
    leader = await scene.leader({ listen: first.url })
    leader.database.exec("INSERT INTO t (x) VALUES ('back')")
    written++
    await leader.waitFor({ level: 'durable', timeoutMs: 10_000 })
    expect(follower.database.prepare('SELECT count(*) FROM t').pluck().get()).toBe(written)
  }
  await expectEqual(app, copy)
  expect(kinds.filter((kind) => kind === 'snapshot-started')).toHaveLength(1)
})

test.each(['worker', 'same'] as const)('thread %s: closing twice is closing once; calls after it say so', async (thread) => {
  const scene = newScene()
  const leader = await scene.leader({ thread })
  const follower = await scene.follower(leader.url, { thread })
  await Promise.all([follower.close(), follower.close(), leader.close(), leader.close()])
  await Promise.all([follower.close(), leader.close()])
  expect(leader.database.open || follower.database.open).toBe(false)
  for (const call of [() => leader.status(), () => leader.waitFor(), () => follower.status(), () => follower.caughtUp()]) {
    await expect(call()).rejects.toMatchObject({ code: 'CLOSED' })
  }
})

test('opening a follower is called off by its signal, and leaves the path free', async () => {
  const { copy, ...scene } = newScene()
  for (const thread of ['worker', 'same'] as const) {
    const call = new AbortController()
    const opening = openFollower({
      url: 'tcp://127.0.0.1:1',
      database: copy,
      signal: call.signal,
      thread,
      onEvent: () => call.abort(),
    })
    await expect(opening).rejects.toBeInstanceOf(Error)
  }
  const leader = await scene.leader()
  await scene.follower(leader.url)
})

test('after all are closed, only the databases and their sidecars are left', async () => {
  const { app, ...scene } = newScene(ACCOUNTS)
  const leader = await scene.leader()
  const follower = await scene.follower(leader.url)
  leader.database.exec('UPDATE account SET balance = balance')
  await leader.waitFor()
  await follower.close()
  await leader.close()
  const left = [
    'app.db',
    'app.db-stemma',
    'app.db-stemma-lock',
    'copy.db',
    'copy.db-stemma',
    'copy.db-stemma-lock',
    'copy.db-stemma-places',
  ]
  expect(readdirSync(join(app, '..')).toSorted()).toEqual(left)
})

test('events tell the story of a follower that comes and goes', async () => {
  const scene = newScene()
  const told: LeaderEvent[] = []
  const leader = await scene.leader({ onEvent: (event) => told.push(event) })
  const heard: FollowerEvent[] = []
  const follower = await scene.follower(leader.url, { onEvent: (event) => heard.push(event) })
  await follower.close()
  await expect.poll(() => told.map(({ kind }) => kind)).toContain('follower-left')
  const story = told.map(({ kind }) => kind).filter((kind) => kind !== 'scanning')
  expect(story).toEqual(['listening', 'follower-joined', 'follower-needs-snapshot', 'follower-left'])
  const path = heard.map(({ kind }) => kind).filter((kind) => !kind.endsWith('progress'))
  expect(path.slice(0, 4)).toEqual(['connected', 'snapshot-started', 'snapshot-installed', 'caught-up'])
})

test.each(['same', 'worker'] as const)(
  'whoever waits for followers is told when the leader is closed: thread %s',
  async (thread) => {
    const app = join(newFolder(), 'app.db')
    makeDatabase(app, ACCOUNTS)
    const leader = await openLeader({ database: app, thread })
    const waiting = leader.waitFor({ timeoutMs: 3_600_000 }).catch((error: unknown) => error)
    await leader.status()
    await leader.close()
    expect(await waiting).toMatchObject({ code: 'CLOSED' })
  },
)
