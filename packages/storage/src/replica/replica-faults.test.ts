import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { StemmaError } from '@stemma/base'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { Faults, faultyDisk, faultyDriver } from '../../test/faults.ts'
import { bytesOf, inFolder, open, takeSnapshot } from '../../test/replica/follow.ts'
import { TestLeader, type Still } from '../../test/replica/test-leader.ts'
import { nodeDisk } from '../disk/disk.ts'
import { betterSqlite3 } from '../sqlite/better-sqlite3.ts'
import type { Replica } from './replica.ts'

// Every call of disk and driver fails in turn: the first, the second, and so on; once, and from then on.
test.each([
  { forever: false, code: 'EIO', step: 1 },
  { forever: true, code: 'EIO', step: 1 },
  { forever: false, code: 'ENOSPC', step: 3 },
  { forever: true, code: 'ENOSPC', step: 3 },
] as const)(
  'whichever call fails, the copy stays whole and comes to be the leader: $code, forever $forever',
  ({ forever, code, step }) =>
    inFolder(async (folder) => {
      const leader = new TestLeader(join(folder, 'leader.db'), { pageSize: 512 })
      leader.run('CREATE TABLE t(id INTEGER PRIMARY KEY, x)')
      leader.run('INSERT INTO t(x) VALUES (1), (2), (3)')
      const stills = [leader.still()]
      for (let i = 0; i < 8; i++) {
        leader.run(`INSERT INTO t(x) SELECT randomblob(300) FROM t LIMIT 5`)
        stills.push(leader.still())
      }
      let nth = 1
      for (; ; nth += step) {
        const own = join(folder, String(nth))
        mkdirSync(own)
        const faults = new Faults()
        const follower = new Follower(own, faults, leader, stills)
        faults.arm(nth, { forever, code })
        await follower.follow(3)
        const hit = faults.heal()
        follower.look()
        await follower.follow(2)
        expect(follower.replica?.state, `call ${nth}`).toMatchObject({
          kind: 'ready',
          position: leader.position,
          digest: leader.digest,
        })
        await follower.close()
        expect(Buffer.compare(bytesOf(follower.replica!), leader.bytes()), `call ${nth}`).toBe(0)
        rmSync(own, { recursive: true })
        if (!hit) break
      }
      expect(nth).toBeGreaterThan(100)
      leader.close()
    }),
)

/** Does what a follower's host does: it tries again, and takes a snapshot when it must. */
class Follower {
  replica: Replica | undefined
  #takesSnapshot = false
  readonly #folder: string
  readonly #faults: Faults
  readonly #leader: TestLeader
  readonly #stills: readonly Still[]

  constructor(folder: string, faults: Faults, leader: TestLeader, stills: readonly Still[]) {
    this.#folder = folder
    this.#faults = faults
    this.#leader = leader
    this.#stills = stills
  }

  async follow(attempts: number): Promise<void> {
    for (let i = 0; i < attempts; i++) {
      try {
        await this.#tryOnce()
        return
      } catch (error) {
        if (!StemmaError.is(error)) throw error
        this.#takesSnapshot = error.recovery === 'resync'
      }
    }
  }

  /** The copy, if there is one, is at the end of one of the leader's commits. */
  look(): void {
    const path = join(this.#folder, 'copy.db')
    if (!existsSync(path)) return
    const reader = new Database(path, { readonly: true, timeout: 0 })
    try {
      expect(reader.pragma('integrity_check', { simple: true })).toBe('ok')
      const pages = reader.pragma('page_count', { simple: true })
      expect(this.#stills.map(({ pageCount }) => pageCount)).toContain(pages)
    } catch (error) {
      // The wal-index is half written, and its writer, who can't go on, still holds the lock: readers wait.
      if (!['SQLITE_BUSY', 'SQLITE_PROTOCOL'].includes((error as { code: string }).code)) throw error
    } finally {
      reader.close()
    }
  }

  async close(): Promise<void> {
    await this.replica?.close()
  }

  async #tryOnce(): Promise<void> {
    const [disk, driver] = [faultyDisk(nodeDisk, this.#faults), faultyDriver(betterSqlite3, this.#faults)]
    this.replica ??= await open(this.#folder, { disk, driver, softWalBytes: 30 * 512, cacheBytes: 8 * 512 })
    const { replica } = this
    if (replica.state.kind !== 'ready' || this.#takesSnapshot) {
      const isFirst = replica.state.kind === 'empty'
      await takeSnapshot(this.#stills.at(isFirst ? 0 : -1)!, replica)
      this.#takesSnapshot = false
    }
    await this.#apply(3)
    await new Promise(setImmediate)
    await this.#apply(5)
    await replica.sync()
    if (positionOf(replica) === 5) await takeSnapshot(this.#stills.at(7)!, replica)
    await this.#apply(Infinity)
    await replica.sync()
  }

  async #apply(upTo: number): Promise<void> {
    const { replica } = this
    const from = positionOf(replica!)
    const entries = this.#leader.entries.filter(({ position: { sequence } }) => sequence > from && sequence <= upTo)
    replica!.apply(entries)
  }
}

function positionOf(replica: Replica): number {
  return replica.state.kind === 'ready' ? replica.state.position.sequence : 0
}
