import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openCheckpointThread } from '../checkpoint/checkpointer.ts'
import { nodeDisk } from '../disk/disk.ts'
import { openSnapshot } from '../snapshot/snapshot.ts'
import { betterSqlite3 } from '../sqlite/better-sqlite3.ts'
import { copyOf, follow, type Followed } from './testing/follow.ts'
import { MemoryLog } from './testing/memory-log.ts'
import { makeTables, runStep, stepArbitrary, type Step } from './testing/workload.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  path = join(folder, 'live.db')
})
afterEach(() => rmSync(folder, { recursive: true }))

function makeDatabase(pragmas = ''): Database.Database {
  const database = new Database(path, { timeout: 0 })
  database.exec(`${pragmas}; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF`)
  makeTables(database)
  return database
}

/** The copy made by replaying is the database, byte by byte, and its digest is that of a full scan. */
function expectEqual(followed: Followed): void {
  const live = copyOf(followed.source)
  expect(followed.copy.bytes().equals(live.bytes())).toBe(true)
  expect(followed.source.place.digest).toBe(live.digest())
  expect(followed.log.sums.digest).toBe(live.digest())
}

test('each commit is given once, with its pages before and after', async () => {
  const database = makeDatabase()
  await using followed = await follow(path)
  for (let i = 0; i < 200; i++) runStep(database, { kind: 'insert', table: i % 3, size: i * 10 })
  await followed.caughtUp()
  expect(followed.copy.commits.length).toBe(200)
  expectEqual(followed)
  expect(followed.source.stats().pagesWithoutBefore).toBe(0)
  database.close()
})

test('replaying the commits of any workload gives the same bytes at each of them', { timeout: 30_000 }, async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
  console.info(`seed ${seed}`)
  let runs = 0
  const options = fc.record({
    pageSize: fc.constantFrom(512, 1024, 4096, 65_536),
    autoVacuum: fc.nat(2),
    cacheSize: fc.constantFrom(5, 2000),
    ringBytes: fc.constantFrom(1, 8 * 1024 * 1024),
    softWalBytes: fc.constantFrom(60_000, 16 * 1024 * 1024),
    readAtOnceFrames: fc.constantFrom(0, 256),
    lookEvery: fc.constantFrom(1, 3, 10),
    steps: fc.array(stepArbitrary, { minLength: 5, maxLength: 40 }),
  })
  await fc.assert(
    fc.asyncProperty(options, async ({ steps, lookEvery, ...rest }) => {
      path = join(folder, `live-${++runs}.db`)
      const { pageSize, autoVacuum, cacheSize, ringBytes, softWalBytes, readAtOnceFrames } = rest
      const database = makeDatabase(
        `PRAGMA page_size = ${pageSize}; PRAGMA auto_vacuum = ${autoVacuum}; PRAGMA cache_size = ${cacheSize}`,
      )
      try {
        await using followed = await follow(path, { ringBytes, softWalBytes, readAtOnceFrames })
        for (const [i, step] of steps.entries()) {
          runStep(database, step as Step)
          if (i % lookEvery === 0) {
            await followed.caughtUp()
            expectEqual(followed)
          }
        }
        await followed.caughtUp()
        expectEqual(followed)
        // In a window, which is there when the WAL is to be this small, a WAL that begins anew may overtake us: this thread is the writer's.
        const mayMiss = followed.source.stats().windows > 0
        const others = followed.events.filter(({ kind }) => kind !== 'restarted' && !(mayMiss && kind === 'gap-mended'))
        expect(others).toEqual([])
        expect(database.pragma('integrity_check', { simple: true })).toBe('ok')
      } finally {
        database.close()
      }
    }),
    { seed, numRuns: 40 },
  )
})

test('a source goes on where it stopped', async () => {
  const database = makeDatabase()
  const log = new MemoryLog()
  const first = await follow(path, { log })
  runStep(database, { kind: 'insert', table: 0, size: 10 })
  await first.caughtUp()
  await first.source.close()
  for (let i = 0; i < 30; i++) runStep(database, { kind: 'insert', table: 0, size: 10 })
  await using second = await follow(path, { log, copy: first.copy })
  await second.caughtUp()
  expect(second.copy.commits.length).toBe(31)
  expect(second.copy.commits.some(({ recovered }) => recovered)).toBe(false)
  expectEqual(second)
  database.close()
})

test.each(['TRUNCATE', 'RESTART'])(
  'changes that a %s checkpoint hid while we were away become one recovered commit',
  async (mode) => {
    const database = makeDatabase()
    const log = new MemoryLog()
    const first = await follow(path, { log })
    for (let i = 0; i < 20; i++) runStep(database, { kind: 'insert', table: 0, size: 10 })
    await first.caughtUp()
    await first.source.close()
    for (let i = 0; i < 20; i++) runStep(database, { kind: 'insert', table: 0, size: 1000 })
    for (let i = 0; i < 2; i++) {
      database.pragma(`wal_checkpoint(${mode})`)
      runStep(database, { kind: 'update', table: 0, share: 1 })
    }
    await using second = await follow(path, { log, copy: first.copy })
    await second.caughtUp()
    expect(second.copy.commits.filter(({ recovered }) => recovered).length).toBe(1)
    expect(second.events.map(({ kind }) => kind)).toEqual(['gap-mended'])
    expectEqual(second)
    database.close()
  },
)

test('what a restarted WAL left behind is still read after one restart', async () => {
  const database = makeDatabase()
  const log = new MemoryLog()
  const first = await follow(path, { log })
  for (let i = 0; i < 40; i++) runStep(database, { kind: 'insert', table: 0, size: 10 })
  await first.caughtUp()
  await first.source.close()
  for (let i = 0; i < 20; i++) runStep(database, { kind: 'insert', table: 0, size: 1000 })
  database.pragma('wal_checkpoint(RESTART)')
  runStep(database, { kind: 'insert', table: 1, size: 1 })
  await using second = await follow(path, { log, copy: first.copy })
  await second.caughtUp()
  expect(second.copy.commits.length).toBe(61)
  expect(second.events).toEqual([])
  expectEqual(second)
  database.close()
})

test('a database that nobody has open any more is followed on when it has not changed', async () => {
  makeDatabase().close()
  const log = new MemoryLog()
  const first = await follow(path, { log })
  await first.source.close()
  await using second = await follow(path, { log, copy: first.copy })
  expect(second.events).toEqual([])
  expect(second.source.place.position.sequence).toBe(0)
  expectEqual(second)
})

test('a log that is ahead of its database is taken back to where the database is', async () => {
  const database = makeDatabase()
  const log = new MemoryLog()
  const first = await follow(path, { log })
  for (let i = 0; i < 5; i++) runStep(database, { kind: 'insert', table: 0, size: 10 })
  await first.caughtUp()
  database.pragma('wal_checkpoint(TRUNCATE)')
  const kept = copyOf(first.source).bytes()
  for (let i = 0; i < 5; i++) runStep(database, { kind: 'insert', table: 0, size: 10 })
  await first.caughtUp()
  await first.source.close()
  database.close()
  expect(log.place!.position.sequence).toBe(10)
  rmSync(path)
  writeFileSync(path, kept)
  await using second = await follow(path, { log })
  expect(second.events).toEqual([{ kind: 'rewound', from: { epoch: 1, sequence: 10 }, to: { epoch: 1, sequence: 5 } }])
  expect(second.source.place.position.sequence).toBe(5)
  const again = new Database(path)
  runStep(again, { kind: 'insert', table: 0, size: 10 })
  await second.caughtUp()
  expect(second.source.place.position.sequence).toBe(6)
  expectEqual(second)
  again.close()
})

test('a commit with more pages than a log takes is given without them', async () => {
  const database = makeDatabase()
  await using followed = await follow(path, {
    startLater: true,
    commitBytesMax: 100_000,
    ringBytes: 1,
    onCommit: (commit) => seen.push(commit.oversized),
  })
  const seen: boolean[] = []
  runStep(database, { kind: 'big', table: 0, size: 400_000 })
  runStep(database, { kind: 'insert', table: 0, size: 10 })
  followed.source.start()
  await followed.caughtUp()
  await followed.caughtUp()
  expect(seen).toEqual([true, false])
  expect(followed.source.place.digest).toBe(copyOf(followed.source).digest())
  database.close()
})

test('a snapshot stays at its position while commits change everything', async () => {
  const database = makeDatabase('PRAGMA auto_vacuum = 1')
  for (let i = 0; i < 100; i++) runStep(database, { kind: 'insert', table: i % 3, size: 2000 })
  await using followed = await follow(path, { softWalBytes: 200_000 })
  await followed.caughtUp()
  const { source } = followed
  const expected = copyOf(source).bytes()
  const snapshot = openSnapshot({
    place: source.place,
    sums: source.sums,
    readPages: (first, count, into) => source.readPages(first, count, into),
    spillFolder: folder,
    disk: nodeDisk,
  })
  const stop = source.beforeChange(snapshot.beforeChange)
  const pieces: Uint8Array[] = []
  for (let first = 1; first <= snapshot.place.pageCount; first += 20) {
    pieces.push(snapshot.read({ first, count: Math.min(20, snapshot.place.pageCount - first + 1) }).bytes.slice())
    runStep(database, { kind: 'delete', table: first % 3, share: first % 11 })
    runStep(database, { kind: 'update', table: first % 3, share: (first + 1) % 11 })
    runStep(database, { kind: 'big', table: 0, size: 20_000 })
    if (first === 41) runStep(database, { kind: 'vacuum' })
    await followed.caughtUp()
  }
  stop()
  snapshot.close()
  expect(Buffer.concat(pieces).equals(expected)).toBe(true)
  database.close()
})

const hasPython = spawnSync('python3', ['-c', 'import sqlite3']).status === 0

const WRITER = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
for i in range(int(sys.argv[2])):
    db.execute("INSERT INTO t0 (a, b) VALUES (hex(randomblob(8)), randomblob(200))")
`

test.runIf(hasPython)(
  'a writer in another process that never waits sees no lock, and its WAL begins anew',
  { timeout: 90_000 },
  async () => {
    const database = makeDatabase()
    await using followed = await follow(path, {
      softWalBytes: 1_000_000,
      onCommit: () => {},
      checkpointer: await openCheckpointThread(betterSqlite3, path),
    })
    const child = spawn('python3', ['-c', WRITER, path, '3000'], { stdio: ['ignore', 'ignore', 'pipe'] })
    let complaints = ''
    child.stderr.on('data', (data: Buffer) => (complaints += data.toString()))
    const [code] = (await once(child, 'exit')) as [number]
    expect(complaints).toBe('')
    expect(code).toBe(0)
    await followed.caughtUp()
    const { restarts } = followed.source.stats()
    expect(restarts).toBeGreaterThan(0)
    expect(followed.source.place.digest).toBe(copyOf(followed.source).digest())
    database.close()
  },
)

test.runIf(hasPython)(
  'a source that is slower than a writer in another process loses nothing, though the WAL begins anew before it was read',
  { timeout: 90_000 },
  async () => {
    const database = makeDatabase()
    // Replaying each commit and checking all of the copy is what makes it slow.
    await using followed = await follow(path, {
      softWalBytes: 200_000,
      readAtOnceFrames: 0,
      checkpointer: await openCheckpointThread(betterSqlite3, path),
    })
    const child = spawn('python3', ['-c', WRITER, path, '800'], { stdio: ['ignore', 'ignore', 'inherit'] })
    expect(await once(child, 'exit')).toEqual([0, null])
    while (followed.source.isUnsettled) await followed.caughtUp()
    await followed.caughtUp()
    expectEqual(followed)
    expect(followed.source.stats().restarts).toBeGreaterThan(0)
    if (followed.source.stats().mends === 0) expect(followed.copy.commits.length).toBe(800)
    database.close()
  },
)

/** The locks that this process holds on the database and its -shm, as the system sees them. */
function locks(): string[] {
  const inodes = [path, `${path}-shm`].map((file) => spawnSync('stat', ['-c', '%i', file]).stdout.toString().trim())
  const lines = readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .filter((line) => inodes.some((inode) => line.includes(`:${inode} `)))
    .map((line) => line.replace(/^\d+: /, ''))
  // The list may tell a line twice when other processes lock and unlock while it is read.
  return [...new Set(lines)].sort()
}

test.runIf(process.platform === 'linux')('locks of other connections of the process outlive the source', async () => {
  const database = makeDatabase()
  database.exec('BEGIN; SELECT * FROM t0')
  database.prepare('SELECT count(*) FROM t0').get()
  const before = locks()
  expect(before.length).toBeGreaterThan(0)
  const followed = await follow(path)
  const writer = new Database(path)
  for (let i = 0; i < 10; i++) runStep(writer, { kind: 'insert', table: 0, size: 10 })
  await followed.caughtUp()
  for (const lock of before) expect(locks()).toContain(lock)
  await followed.source.close()
  writer.close()
  expect(locks()).toEqual(before)
  database.exec('COMMIT')
  database.close()
})
