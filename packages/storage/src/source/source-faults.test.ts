import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openCheckpointer } from '../checkpoint/checkpointer.ts'
import { nodeDisk } from '../disk/disk.ts'
import { betterSqlite3 } from '../sqlite/better-sqlite3.ts'
import { Faults, faultyDisk, faultyDriver } from './testing/faults.ts'
import type { SourceOptions } from './source.ts'
import { copyOf, follow, type Followed } from './testing/follow.ts'
import { MemoryLog } from './testing/memory-log.ts'
import { makeTables, runStep } from './testing/workload.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stemma-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Follows a small workload, small enough for every call of it to be failed in turn, with checkpoints and restarts in it. */
async function runWorkload(
  path: string,
  faults: Faults,
  options: Pick<SourceOptions, 'readAtOnceFrames' | 'ringBytes'>,
): Promise<Followed | undefined> {
  const database = new Database(path, { timeout: 0 })
  database.exec('PRAGMA page_size = 512; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF')
  makeTables(database)
  const log = new MemoryLog()
  const driver = faultyDriver(betterSqlite3, faults)
  faults.on = false
  const before = await follow(path, { log })
  await before.source.close()
  faults.on = true
  let followed: Followed | undefined
  try {
    const checkpointer = openCheckpointer(driver, path)
    try {
      followed = await follow(path, {
        log,
        copy: before.copy,
        disk: faultyDisk(nodeDisk, faults),
        driver,
        softWalBytes: 20_000,
        checkpointer,
        ...options,
      })
    } catch (error) {
      await checkpointer.close()
      throw error
    }
  } catch {
    // It said why.
  }
  for (let i = 0; i < 24; i++) {
    runStep(database, { kind: 'insert', table: 0, size: 200 })
    if (i % 4 === 0) await followed?.caughtUp()
  }
  await followed?.caughtUp()
  const calls = faults.calls
  faults.on = false
  if (followed !== undefined) {
    const failed = followed.events.some(({ kind }) => kind === 'failed')
    if (!failed) {
      await vi.waitFor(
        async () => {
          await followed.caughtUp()
          expect(followed.source.isUnsettled).toBe(false)
          expect(followed.source.place.digest).toBe(copyOf(followed.source).digest())
        },
        { interval: 5, timeout: 5000 },
      )
      expect(followed.copy.bytes().equals(copyOf(followed.source).bytes())).toBe(true)
    }
    await followed.source.close()
  }
  // Whatever happened: whoever opens it anew finds the way.
  const after = await follow(path, { log, copy: before.copy })
  await after.caughtUp()
  expect(after.copy.bytes().equals(copyOf(after.source).bytes())).toBe(true)
  expect(database.pragma('integrity_check', { simple: true })).toBe('ok')
  await after.source.close()
  database.close()
  faults.calls = calls
  return followed
}

/** Everything is copied from the WAL first, and read from there a few frames at a time. */
const COPIED = { readAtOnceFrames: 0, ringBytes: 1 }

test.each<[string, string, boolean, Pick<SourceOptions, 'readAtOnceFrames' | 'ringBytes'>]>([
  ['once', '', false, {}],
  ['from then on', '', true, {}],
  ['once', ' in spite of a backlog', false, COPIED],
  ['from then on', ' in spite of a backlog', true, COPIED],
])(
  'each call that fails %s leaves a source that goes on or says why, and one that is right when opened anew%s',
  { timeout: 60_000 },
  async (_, __, forever, options) => {
    let ran = 0
    for (let at = 1; at < 400; at += at < 30 ? 1 : 13) {
      const faults = new Faults(at, forever)
      await runWorkload(join(folder, `${at}.db`), faults, options)
      ran++
      if (!faults.happened) break
    }
    expect(ran).toBeGreaterThan(30)
  },
)
