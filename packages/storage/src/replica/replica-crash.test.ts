import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { Faults, faultyDisk, faultyDriver } from '../../test/faults.ts'
import { bytesOf, inFolder, open, takeSnapshot } from '../../test/replica/follow.ts'
import { TestLeader, type Still } from '../../test/replica/test-leader.ts'
import { VolatileDisk } from '../../test/replica/volatile-disk.ts'
import { newRandom } from '../../test/replica/workload.ts'
import { betterSqlite3 } from '../sqlite/better-sqlite3.ts'
import type { Replica } from './replica.ts'

// All of them, for a long run.
const EXHAUSTIVE = process.env['STEMMA_EXHAUSTIVE'] === '1'
const SEED = Number(process.env['STEMMA_SEED'] ?? Date.now() % 1_000_000)

// Before calls of disk and driver the folder is copied as a crash would leave it there: before one of so many, by chance.
test.each([
  { how: 'killed', merge: true, oneOf: 2 },
  { how: 'killed', merge: false, oneOf: 4 },
  { how: 'cut off', merge: true, oneOf: 2 },
  { how: 'cut off', merge: false, oneOf: 4 },
] as const)('$how before any call, it is found at the end of a commit, and goes on: merge $merge', ({ how, merge, oneOf }) =>
  inFolder(async (folder) => {
    console.log(`seed ${SEED}`)
    const random = newRandom(SEED)
    const leader = new TestLeader(join(folder, 'leader.db'), { pageSize: 512 })
    leader.run('CREATE TABLE t(id INTEGER PRIMARY KEY, x)')
    leader.run('INSERT INTO t(x) VALUES (1), (2), (3)')
    const stills = [leader.still()]
    for (let i = 0; i < 8; i++) {
      leader.run(i === 5 ? 'DELETE FROM t WHERE id > 12' : `INSERT INTO t(x) SELECT randomblob(300) FROM t LIMIT 5`)
      stills.push(leader.still())
    }
    const life = join(folder, 'life')
    mkdirSync(life)
    const volatile = new VolatileDisk()
    const faults = new Faults()
    const crashes: string[] = []
    let synced = 0
    const syncedAt: number[] = []
    faults.watch((call) => {
      if (/checkpoint/.test(call)) volatile.walSynced()
      if (random(EXHAUSTIVE ? 1 : oneOf) !== 0) return
      const to = join(folder, `crash-${crashes.length}`)
      mkdirSync(to)
      if (how === 'killed') volatile.copyAsKilled(life, to)
      else volatile.copyAsCutOff(life, to, random)
      crashes.push(call)
      syncedAt.push(synced)
    })
    const driver = faultyDriver(betterSqlite3, faults)
    const replica = await open(life, { disk: faultyDisk(volatile.disk, faults), driver, softWalBytes: 30 * 512, merge })
    await takeSnapshot(stills[0]!, replica)
    synced = stills[0]!.snapshot.position.sequence
    for (const upTo of [4, 5, 8]) {
      apply(leader, replica, upTo)
      await new Promise(setImmediate)
      if (upTo === 5) synced = (await replica.sync()).sequence
    }
    await takeSnapshot(stills.at(-2)!, replica)
    synced = stills.at(-2)!.snapshot.position.sequence
    apply(leader, replica, Infinity)
    faults.watch(undefined)
    await replica.close()
    expect(crashes.length).toBeGreaterThan(20)

    let unknown = 0
    for (const [i, call] of crashes.entries()) {
      const place = `crash ${i}, before ${call}`
      const crash = join(folder, `crash-${i}`)
      const found = lookAt(crash, stills, { place, keepsWal: i % 2 === 0 })
      const again = await open(crash, { merge })
      if (again.state.kind === 'unknown') unknown++
      if (again.state.kind === 'ready') {
        expect(again.state.digest, place).toBe(found?.sums.digest)
        expect(again.state.position.sequence, place).toBeGreaterThanOrEqual(syncedAt[i]!)
      } else {
        expect(syncedAt[i] === 0 || again.state.kind === 'unknown', place).toBe(true)
        await takeSnapshot(stills[3]!, again)
      }
      apply(leader, again, Infinity)
      expect(again.state, place).toMatchObject({ kind: 'ready', position: leader.position, digest: leader.digest })
      await again.close()
      expect(Buffer.compare(bytesOf(again), leader.bytes()), place).toBe(0)
      rmSync(crash, { recursive: true })
    }
    // A killed process always finds its place again.
    expect(unknown, `${unknown} of ${crashes.length} not known`).toBeLessThanOrEqual(how === 'killed' ? 0 : crashes.length / 4)
    leader.close()
  }),
)

test('what was synced is known after a power cut that takes all the rest', () =>
  inFolder(async (folder) => {
    const leader = new TestLeader(join(folder, 'leader.db'))
    leader.run('CREATE TABLE t(x)')
    const [life, crash] = [join(folder, 'life'), join(folder, 'crash')]
    mkdirSync(life)
    mkdirSync(crash)
    const volatile = new VolatileDisk()
    const replica = await open(life, { disk: volatile.disk })
    await takeSnapshot(leader, replica)
    replica.apply(leader.run('INSERT INTO t VALUES (1)'))
    replica.apply(leader.run('INSERT INTO t VALUES (2)'))
    expect(await replica.sync()).toEqual(leader.position)
    volatile.copyAsCutOff(life, crash, () => 0)
    const again = await open(crash)
    expect(again.state).toMatchObject({ kind: 'ready', position: leader.position, digest: leader.digest })
    await again.close()
    await replica.close()
    leader.close()
  }))

/** What an ordinary program sees: one of the leader's commits, whole. */
function lookAt(
  folder: string,
  stills: readonly Still[],
  options: { readonly place: string; readonly keepsWal: boolean },
): Still | undefined {
  const { place, keepsWal } = options
  const path = join(folder, 'copy.db')
  if (!existsSync(path)) return undefined
  // Who may write checkpoints the WAL at the end, and removes it.
  const reader = new Database(path, { readonly: keepsWal })
  try {
    expect(reader.pragma('integrity_check', { simple: true }), place).toBe('ok')
    const bytes = reader.serialize()
    const still = stills.find(({ pages, pageCount, snapshot: { pageSize } }) => {
      if (pageCount * pageSize !== bytes.byteLength) return false
      return [...pages].every(
        ([page, content]) => Buffer.compare(content, bytes.subarray((page - 1) * pageSize, page * pageSize)) === 0,
      )
    })
    expect(still, place).toBeDefined()
    return still
  } finally {
    reader.close()
  }
}

function apply(leader: TestLeader, replica: Replica, upTo: number): void {
  const from = replica.state.kind === 'ready' ? replica.state.position.sequence : 0
  replica.apply(leader.entries.filter(({ position: { sequence } }) => sequence > from && sequence <= upTo))
}
