import { copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { nodeDisk } from '../disk/disk.ts'
import { Backlog } from './backlog.ts'
import type { Source } from './source.ts'
import { ReplayedCopy, copyOf, follow, type Followed } from './testing/follow.ts'
import { MemoryLog } from './testing/memory-log.ts'
import { makeTables, runStep } from './testing/workload.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  path = join(folder, 'live.db')
})
afterEach(() => rmSync(folder, { recursive: true }))

const SALTS = { salt1: 1, salt2: 2, wordOrder: 'little' } as const

function newBacklog(bytesMax: number): Backlog {
  return new Backlog({ disk: nodeDisk, folder, pageSize: 512, bytesMax })
}

function frames(...fills: number[]): Uint8Array {
  return Buffer.concat(fills.map((fill) => new Uint8Array(536).fill(fill)))
}

test('a backlog gives frames of several generations, and pages as they were before all of them', () => {
  const backlog = newBacklog(1_000_000)
  backlog.begin({ ...SALTS, base: 100, frame: 7, checksum1: 0, checksum2: 0 })
  backlog.keepPage(5, new Uint8Array(512).fill(50))
  backlog.add(frames(1, 2), { checksum1: 3, checksum2: 4 })
  backlog.restart({ ...SALTS, salt1: 2 })
  backlog.add(frames(3), { checksum1: 5, checksum2: 6 })
  expect(backlog.first).toMatchObject({ base: 100, frame: 9, checksum1: 3, checksum2: 4 })
  expect(backlog.end).toMatchObject({ salt1: 2, base: 109, frame: 1, checksum1: 5, checksum2: 6 })
  const page = new Uint8Array(512)
  const read = (pageNumber: number, index: number): number | undefined =>
    backlog.readPage(pageNumber, index, page) ? page[511] : undefined
  expect([read(5, 108), read(5, 109), read(5, 110), read(5, 107), read(5, 0), read(6, 0)]).toEqual([1, 2, 3, 50, 50, undefined])
  expect(backlog.next()).toBe(backlog.end)
  expect(backlog.next()).toBeUndefined()
  expect(backlog.isEmpty).toBe(true)
  expect(read(5, 108)).toBeUndefined()
  expect(readdirSync(folder)).toEqual([])
})

test('a backlog that is full takes no more, and keeps what it has', () => {
  const backlog = newBacklog(3 * 536)
  backlog.begin({ ...SALTS, base: 0, frame: 0, checksum1: 0, checksum2: 0 })
  backlog.add(frames(1, 2), { checksum1: 0, checksum2: 0 })
  expect(() => backlog.add(frames(3, 4), { checksum1: 0, checksum2: 0 })).toThrow('DATABASE_BUSY')
  expect(backlog.end?.frame).toBe(2)
  backlog.add(frames(3), { checksum1: 0, checksum2: 0 })
  expect(backlog.end?.frame).toBe(3)
  backlog.clear()
})

function makeDatabase(): Database.Database {
  const database = new Database(path, { timeout: 0 })
  database.exec('PRAGMA page_size = 512; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF')
  makeTables(database)
  return database
}

/** Follows with a source that copies everything first, and reads little at a time. */
async function followSlowly(options: Parameters<typeof follow>[1] = {}): Promise<Followed> {
  return await follow(path, { readAtOnceFrames: 0, ringBytes: 1, softWalBytes: 20_000, ...options })
}

function expectEqual({ copy, source }: Followed): void {
  expect(copy.bytes().equals(copyOf(source).bytes())).toBe(true)
}

const settled = async (followed: Followed): Promise<void> =>
  await vi.waitFor(
    async () => {
      await followed.caughtUp()
      expect(followed.source.isUnsettled).toBe(false)
    },
    { interval: 1, timeout: 20_000 },
  )

/** Writes until the WAL has begun anew before all of it was read: so many generations before the one that it is in now. */
async function writeAhead(database: Database.Database, { source }: Followed, generations = 1): Promise<void> {
  for (let round = 0; generationsBehind(source) < generations; round++) {
    if (round > 5000) throw new Error('the WAL was never ahead')
    // Reads a little, copies much.
    runStep(database, { kind: 'insert', table: round % 3, size: 900 })
    if (round % 8 === 0) runStep(database, { kind: 'update', table: round % 3, share: round % 11 })
    if (round % 4 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
}

/** How often the WAL has begun anew since the commit that was read last. One connection adds 1 to the first salt each time. */
function generationsBehind(source: Source): number {
  const salt = readFileSync(`${path}-wal`).readUInt32BE(16)
  return source.place.wal === undefined ? 0 : (salt - source.place.wal.salt1) >>> 0
}

test('a WAL that begins anew again and again before it was read loses no commit, and no page as it was before', async () => {
  const database = makeDatabase()
  await using followed = await followSlowly()
  for (let i = 0; i < 3; i++) {
    await writeAhead(database, followed, 2)
    await settled(followed)
    expectEqual(followed)
  }
  const { mends, windows, pagesWithoutBefore, restarts } = followed.source.stats()
  expect(restarts).toBeGreaterThanOrEqual(6)
  // In a window this thread, which is the writer's, may be too fast.
  if (windows === 0) expect({ mends, pagesWithoutBefore }).toEqual({ mends: 0, pagesWithoutBefore: 0 })
  expect(readdirSync(folder).filter((name) => name.startsWith('.stemma'))).toEqual([])
  database.close()
})

test('a snapshot that is read with a backlog is at its position', async () => {
  const database = makeDatabase()
  await using followed = await followSlowly()
  for (let i = 0; i < 5; i++) {
    await writeAhead(database, followed)
    const { place } = followed.source
    expect(copyOf(followed.source).digest()).toBe(place.digest)
  }
  await settled(followed)
  database.close()
})

test('a source that dies with a backlog finds what it held by the sums, and says so', async () => {
  const database = makeDatabase()
  await using followed = await followSlowly()
  await writeAhead(database, followed, 2)
  // What kill -9 leaves.
  const left = join(folder, 'left.db')
  for (const suffix of ['', '-wal']) copyFileSync(path + suffix, left + suffix)
  const log = new MemoryLog()
  log.begin(followed.log.place!, followed.log.sums)
  const copy = new ReplayedCopy(followed.copy.bytes(), 512)
  const again = await follow(left, { log, copy })
  await settled(again)
  expect(again.events.map(({ kind }) => kind)).toEqual(['gap-mended'])
  expect(again.copy.commits.at(-1)?.recovered).toBe(true)
  expectEqual(again)
  await again.source.close()

  await settled(followed)
  expect(followed.copy.bytes().equals(again.copy.bytes())).toBe(true)
  database.close()
})

test('a source that is closed with a backlog has read all of it', async () => {
  const database = makeDatabase()
  const followed = await followSlowly()
  await writeAhead(database, followed)
  await followed.source.close()
  await using again = await follow(path, { log: followed.log, copy: followed.copy })
  expect(again.events).toEqual([])
  await again.caughtUp()
  expectEqual(again)
  database.close()
})
