import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test, vi } from 'vitest'
import { openCheckpointer } from '../../src/checkpoint/checkpointer.ts'
import { nodeDisk } from '../../src/disk/disk.ts'
import { Faults, faultyDisk, faultyDriver } from '../../src/source/testing/faults.ts'
import { MemoryLog } from '../../src/source/testing/memory-log.ts'
import { betterSqlite3 } from '../../src/sqlite/better-sqlite3.ts'
import { inFolder } from '../replica/follow.ts'
import { followRows, type FollowedRows } from './follow-rows.ts'

/** A small workload with splits, overflow chains that change in place, cut-off pages, a migration and restarts of the WAL in it. */
const STATEMENTS = [
  'CREATE TABLE u (k TEXT PRIMARY KEY, v) WITHOUT ROWID',
  ...Array.from({ length: 6 }, (_, i) => [
    'INSERT INTO t (a) VALUES (hex(randomblob(60)))',
    'INSERT INTO t (a) VALUES (zeroblob(1500))',
    `INSERT INTO u VALUES (hex(randomblob(80)), ${i})`,
    'UPDATE t SET a = randomblob(1500) WHERE length(a) = 1500',
  ]).flat(),
  'ALTER TABLE t ADD COLUMN b DEFAULT 5',
  'DELETE FROM t WHERE id % 2',
  'UPDATE t SET b = 1',
]

async function runWorkload(path: string, faults: Faults): Promise<void> {
  const database = new Database(path, { timeout: 0 })
  try {
    database.exec('PRAGMA page_size = 512; PRAGMA auto_vacuum = 1; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF')
    database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, a)')
    const log = new MemoryLog()
    faults.on = false
    await (await followRows(path, database, { log })).source.close()
    faults.on = true
    const followed = await open(path, database, { log, faults })
    for (const [i, statement] of STATEMENTS.entries()) {
      database.exec(statement)
      followed?.committed()
      if (i % 3 === 0) followed?.source.wake()
    }
    followed?.source.wake()
    const calls = faults.calls
    faults.on = false
    if (followed !== undefined) await endWell(followed)
    // Whatever happened: who opens it anew tells rows again.
    await using after = await followRows(path, database, { log })
    await after.caughtUp()
    database.exec('UPDATE t SET a = 1')
    after.committed()
    await after.caughtUp()
    expect(after.unknown.filter((why) => !why.includes('nobody saw'))).toEqual([])
    faults.calls = calls
  } finally {
    database.close()
  }
}

/** Undefined when it could not be opened, and said so. */
async function open(
  path: string,
  database: Database.Database,
  { log, faults }: { log: MemoryLog; faults: Faults },
): Promise<FollowedRows | undefined> {
  const driver = faultyDriver(betterSqlite3, faults)
  const checkpointer = openCheckpointer(betterSqlite3, path)
  try {
    const disk = faultyDisk(nodeDisk, faults)
    return await followRows(path, database, { log, disk, driver, checkpointer, faults, softWalBytes: 20_000 })
  } catch (error) {
    await checkpointer.close()
    if (!String(error).includes('injected')) throw error
    return undefined
  }
}

async function endWell(followed: FollowedRows): Promise<void> {
  await vi.waitFor(() => followed.caughtUp(), { interval: 5, timeout: 5000 })
  expect(followed.events.filter(({ kind }) => kind === 'failed')).toEqual([])
  await followed[Symbol.asyncDispose]()
}

test.each([
  ['once', false],
  ['from then on', true],
])('whichever call fails %s, commits go on, and rows that are told are right', { timeout: 60_000 }, async (_, forever) => {
  let isPastTheLast = false
  for (let at = 1; at < 600; at += at < 12 ? 1 : 7) {
    const faults = new Faults(at, forever)
    await inFolder((folder) => runWorkload(join(folder, 'live.db'), faults))
    isPastTheLast = !faults.happened
    if (isPastTheLast) break
  }
  expect(isPastTheLast).toBe(true)
})
