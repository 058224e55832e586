import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StemmaError } from '@stemma/base'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { Faults, faultyDisk, faultyDriver } from '../../test/faults.ts'
import { contentOf, type Content } from '../../test/logical/content.ts'
import { jsonRows } from '../../test/logical/json-rows.ts'
import { openRows } from '../../test/logical/follow-rows.ts'
import { RowLeader } from '../../test/logical/row-leader.ts'
import { StatementLeader, plainStatements } from '../../test/logical/statement-leader.ts'
import { inFolder, takeSnapshot } from '../../test/replica/follow.ts'
import type { Still } from '../../test/replica/test-leader.ts'
import { VolatileDisk } from '../../test/replica/volatile-disk.ts'
import { newRandom } from '../../test/replica/workload.ts'
import { nodeDisk } from '../disk/disk.ts'
import type { Replica } from '../replica/replica.ts'
import { betterSqlite3 } from '../sqlite/better-sqlite3.ts'

// All of them, for a long run.
const EXHAUSTIVE = process.env['STEMMA_EXHAUSTIVE'] === '1'
const SEED = Number(process.env['STEMMA_SEED'] ?? Date.now() % 1_000_000)

const FORMATS = [jsonRows, plainStatements]

const COMMITS = [
  "INSERT INTO t VALUES (4, 'd'), (5, 'e')",
  "UPDATE t SET a = 'x' || a",
  'CREATE TABLE u (k PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO u VALUES (1, 2), (2, 3)',
  'ALTER TABLE t ADD COLUMN z; UPDATE t SET z = id; CREATE INDEX i ON t (z)',
  "UPDATE t SET a = '-' WHERE id = 1; UPDATE t SET a = 'xa' WHERE id = 2; UPDATE t SET a = 'xb' WHERE id = 1",
  'DROP TABLE u; DELETE FROM t WHERE id = 3',
]

/** How commits travel. */
type Log = 'rows' | 'statements'

interface Story {
  readonly leader: RowLeader | StatementLeader
  /** By position, from 1 on. */
  readonly contents: readonly Content[]
  readonly stills: readonly Still[]
}

interface Life {
  replica: Replica | undefined
  takesSnapshot: boolean
  failure: StemmaError | undefined
}

function newStory(folder: string, log: Log): Story {
  const path = join(folder, 'leader.db')
  const leader = log === 'rows' ? new RowLeader(path, { pageSize: 512 }) : new StatementLeader(path, { pageSize: 512 })
  leader.commit("CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')")
  const contents = [contentOf(path)]
  const stills = [leader.still()]
  for (const [i, sql] of COMMITS.entries()) {
    if (leader instanceof StatementLeader && i % 3 === 1) leader.runAsRows(`BEGIN; ${sql}; COMMIT`)
    else leader.commit(sql)
    contents.push(contentOf(path))
    stills.push(leader.still())
  }
  return { leader, contents, stills }
}

// Calls of disk and driver fail in turn, every so many one, beginning with one by chance; once, and from then on.
test.each([
  { forever: false, code: 'EIO', step: 7, log: 'rows' },
  { forever: true, code: 'EIO', step: 9, log: 'rows' },
  { forever: false, code: 'ENOSPC', step: 15, log: 'rows' },
  { forever: true, code: 'ENOSPC', step: 15, log: 'rows' },
  { forever: false, code: 'EIO', step: 11, log: 'statements' },
  { forever: true, code: 'ENOSPC', step: 17, log: 'statements' },
] as const)(
  'whichever call fails, the copy is whole and comes to be the leader: $code, forever $forever, by $log',
  ({ forever, code, step, log }) =>
    inFolder(async (folder) => {
      console.log(`seed ${SEED}`)
      const story = newStory(folder, log)
      for (let nth = 1 + (EXHAUSTIVE ? 0 : SEED % step); ; nth += EXHAUSTIVE ? 1 : step) {
        const own = join(folder, String(nth))
        mkdirSync(own)
        const faults = new Faults()
        const life: Life = { replica: undefined, takesSnapshot: false, failure: undefined }
        faults.arm(nth, { forever, code })
        await follow(own, faults, story, life, 3)
        const hit = faults.heal()
        look(own, story, `call ${nth}`)
        await follow(own, faults, story, life, 2)
        expect(life.replica?.state, `call ${nth}, ${life.failure?.stack}`).toMatchObject({
          kind: 'ready',
          position: story.leader.position,
        })
        await life.replica?.close()
        expect(contentOf(join(own, 'copy.db')), `call ${nth}`).toEqual(story.contents.at(-1))
        rmSync(own, { recursive: true })
        if (!hit) {
          expect(nth).toBeGreaterThan(100)
          break
        }
      }
      story.leader.close()
    }),
)

// Before calls of disk and driver the folder is copied as a crash would leave it there.
test.each([
  ['killed', 'rows'],
  ['cut off', 'rows'],
  ['killed', 'statements'],
  ['cut off', 'statements'],
] as const)('%s before any call, it is found at the end of a commit, and goes on: by %s', (how, log) =>
  inFolder(async (folder) => {
    console.log(`seed ${SEED}`)
    const random = newRandom(SEED)
    const story = newStory(folder, log)
    const { leader, stills } = story
    const life = join(folder, 'life')
    mkdirSync(life)
    const volatile = new VolatileDisk()
    const faults = new Faults()
    const crashes: { readonly call: string; readonly synced: number }[] = []
    let synced = 0
    let wal = Buffer.alloc(0)
    faults.watch((call) => {
      if (random(EXHAUSTIVE ? 1 : 5) !== 0) return
      const to = join(folder, `crash-${crashes.length}`)
      mkdirSync(to)
      if (how === 'killed') volatile.copyAsKilled(life, to)
      else {
        volatile.copyAsCutOff(life, to, random)
        cutWal(join(life, 'copy.db-wal'), join(to, 'copy.db-wal'), { synced: wal, random })
      }
      crashes.push({ call, synced })
    })
    const replica = await openRows(life, {
      disk: faultyDisk(volatile.disk, faults),
      driver: faultyDriver(betterSqlite3, faults),
      softWalBytes: 20_000,
      formats: FORMATS,
    })
    await takeSnapshot(stills[0]!, replica)
    synced = 1
    for (const upTo of [2, 3, 5, 6]) {
      apply(leader, replica, upTo)
      await new Promise(setImmediate)
      if (upTo !== 5) continue
      synced = (await replica.sync()).sequence
      wal = readFileSync(join(life, 'copy.db-wal'))
    }
    await takeSnapshot(stills[5]!, replica)
    synced = 6
    wal = readFileSync(join(life, 'copy.db-wal'))
    apply(leader, replica, Infinity)
    faults.watch(undefined)
    await replica.close()

    expect(crashes.length).toBeGreaterThan(20)
    for (const [i, { call, synced: least }] of crashes.entries()) {
      const place = `crash ${i}, before ${call}`
      const crash = join(folder, `crash-${i}`)
      const sequence = look(crash, story, place)
      expect(sequence, place).toBeGreaterThanOrEqual(least)
      const again = await openRows(crash, { formats: FORMATS })
      if (again.state.kind !== 'ready') await takeSnapshot(stills[2]!, again)
      else expect(again.state.position.sequence, place).toBe(sequence)
      apply(leader, again, Infinity)
      await again.close()
      expect(contentOf(join(crash, 'copy.db')), place).toEqual(story.contents.at(-1))
      rmSync(crash, { recursive: true })
    }
    leader.close()
  }),
)

/** Copies a WAL without its end, as far as nobody synced it. SQLite writes it by itself, so the volatile disk knows nothing of it. */
function cutWal(from: string, to: string, { synced, random }: { synced: Uint8Array; random: (below: number) => number }): void {
  if (!existsSync(from)) return
  const bytes = readFileSync(from)
  const least = Buffer.compare(bytes.subarray(0, synced.byteLength), synced) === 0 ? synced.byteLength : 0
  writeFileSync(to, bytes.subarray(0, least + random(bytes.byteLength - least + 1)))
}

/** Does what a follower's host does: it tries again, and takes a snapshot when it must. */
async function follow(folder: string, faults: Faults, { leader, stills }: Story, life: Life, attempts: number): Promise<void> {
  for (let i = 0; i < attempts; i++) {
    try {
      const [disk, driver] = [faultyDisk(nodeDisk, faults), faultyDriver(betterSqlite3, faults)]
      const replica = (life.replica ??= await openRows(folder, { disk, driver, softWalBytes: 20_000, formats: FORMATS }))
      if (replica.state.kind !== 'ready' || life.takesSnapshot) {
        await takeSnapshot(stills.at(replica.state.kind === 'empty' ? 0 : -1)!, replica)
        life.takesSnapshot = false
      }
      apply(leader, replica, 3)
      await new Promise(setImmediate)
      apply(leader, replica, 4)
      await replica.sync()
      if (positionOf(replica) === 4) await takeSnapshot(stills[4]!, replica)
      apply(leader, replica, Infinity)
      await replica.sync()
      return
    } catch (error) {
      if (!StemmaError.is(error)) throw error
      life.takesSnapshot = error.recovery === 'resync'
      life.failure = error
    }
  }
}

/** The copy, if there is one, is what the leader was at the position that it names: 0 when there is none. */
function look(folder: string, { contents }: Story, place: string): number {
  const path = join(folder, 'copy.db')
  if (!existsSync(path)) return 0
  const reader = new Database(path)
  const sequence = reader.prepare('SELECT sequence FROM _stemma_copy').pluck().get() as number
  reader.close()
  expect(contentOf(path), place).toEqual(contents[sequence - 1])
  return sequence
}

function apply(leader: Story['leader'], replica: Replica, upTo: number): void {
  const from = positionOf(replica)
  replica.apply(leader.entries.filter(({ position: { sequence } }) => sequence > from && sequence <= upTo))
}

function positionOf(replica: Replica): number {
  return replica.state.kind === 'ready' ? replica.state.position.sequence : 0
}
