import { join } from 'node:path'
import { betterSqlite3, digestDatabase, nodeDisk } from '@stemma/storage'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { digestOf, statusOf } from '../../src/database-facts.ts'
import { openFollower, openLeader } from '../../src/index.ts'
import { ACCOUNTS, ACCOUNTS_TOTAL, makeDatabase, moveMoney, newFolder } from './support/folder.ts'
import { TELLS_LOCKS, locksOn } from './support/locks.ts'
import { runElsewhere } from './support/programs.ts'
import { expectEqual } from './support/proof.ts'

// Closing any descriptor on a database drops all locks that the process has on it, with no error anywhere. These tests look at the locks themselves,
// and then at what they are for.

const THREADS = ['worker', 'same'] as const

interface Watched {
  readonly app: string
  readonly copy: string
  /** The connection's locks are those that it took, and they hold. */
  look(what: string): Promise<void>
}

/** A database with a connection of ours that is in the middle of a read transaction, and looks at its locks. */
function newWatched(): Watched {
  const folder = newFolder()
  const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
  makeDatabase(app, ACCOUNTS)
  const reader = new Database(app)
  reader.exec('BEGIN')
  const sum = reader.prepare('SELECT sum(balance), group_concat(note) FROM account')
  const seen = JSON.stringify(sum.get())
  const taken = [locksOn(app), locksOn(`${app}-shm`)]
  expect(taken.every((locks) => locks.length > 0)).toBe(true)
  onTestFinished(() => void reader.close())
  return {
    app,
    copy,
    async look(what) {
      const now = [locksOn(app), locksOn(`${app}-shm`)]
      taken.forEach((locks, i) =>
        expect(now[i], `locks after ${what}`).toEqual(expect.arrayContaining(locks.map(coveredBy(now[i]!)))),
      )
      // Another process can't take away what the transaction reads.
      await runElsewhere(app, 'PRAGMA wal_checkpoint(TRUNCATE)')
      expect(JSON.stringify(sum.get()), `what is read after ${what}`).toBe(seen)
    },
  }
}

/** A lock as it is told of: locks beside each other are told of as one. */
function coveredBy(locks: readonly string[]): (lock: string) => string {
  return (lock) => {
    const [kind, first, last] = lock.split(' ') as [string, string, string]
    return (
      locks.find((other) => {
        const [otherKind, from, to] = other.split(' ') as [string, string, string]
        return (
          (otherKind === kind || otherKind === 'WRITE') &&
          Number(from) <= Number(first) &&
          (to === 'EOF' || Number(to) >= Number(last))
        )
      }) ?? lock
    )
  }
}

test.skipIf(!TELLS_LOCKS).each(THREADS)(
  'thread %s: opening, leading, snapshots, digests and closing drop no lock of another connection',
  async (thread) => {
    const { app, copy, look } = newWatched()
    for (let round = 0; round < 2; round++) {
      const leader = await openLeader({ database: app, thread })
      await look('opening the leader')
      const follower = await openFollower({ url: leader.url, database: copy, thread })
      await look('a snapshot')
      for (let i = 0; i < 100; i++) moveMoney(leader.database)
      await leader.waitFor()
      await look('following')
      await digestDatabase(app, { driver: betterSqlite3, disk: nodeDisk })
      await digestOf(app)
      await statusOf(app)
      await look('the digest and the status')
      await expect(openLeader({ database: app, thread })).rejects.toMatchObject({ code: 'ALREADY_OPEN' })
      await expect(openFollower({ url: leader.url, database: app, thread })).rejects.toMatchObject({ code: 'ALREADY_OPEN' })
      await look('refusals')
      await expectEqual(app, copy)
      await follower.close()
      await leader.close()
      await look('closing')
    }
  },
)

test.skipIf(!TELLS_LOCKS).each(THREADS)(
  'thread %s: a write transaction that is open while the leader closes keeps its locks',
  async (thread) => {
    const folder = newFolder()
    const app = join(folder, 'app.db')
    makeDatabase(app, ACCOUNTS)
    const leader = await openLeader({ database: app, thread })
    const writer = new Database(app)
    onTestFinished(() => void writer.close())
    writer.exec('BEGIN IMMEDIATE; UPDATE account SET balance = balance + 1 WHERE id = 1')
    const before = [locksOn(app), locksOn(`${app}-shm`)]
    await leader.close()
    const after = [locksOn(app), locksOn(`${app}-shm`)]
    expect(after.every((locks) => locks.length > 0)).toBe(true)
    expect(before.flat().filter((lock) => lock.startsWith('WRITE'))).toEqual(
      after.flat().filter((lock) => lock.startsWith('WRITE')),
    )
    await expect(runElsewhere(app, 'UPDATE account SET balance = 0')).rejects.toThrow(/SQLITE_BUSY|locked/)
    writer.exec('UPDATE account SET balance = balance - 1 WHERE id = 1; COMMIT')
    expect(writer.prepare('SELECT sum(balance) FROM account').pluck().get()).toBe(ACCOUNTS_TOTAL)
  },
)

test.skipIf(!TELLS_LOCKS).each(THREADS)('thread %s: the copy keeps its write lock and its readers theirs', async (thread) => {
  const { app, copy } = newWatched()
  const leader = await openLeader({ database: app })
  onTestFinished(() => leader.close())
  const follower = await openFollower({ url: leader.url, database: copy, thread })
  onTestFinished(() => follower.close())
  const reader = new Database(copy, { readonly: true })
  onTestFinished(() => void reader.close())
  reader.exec('BEGIN')
  const seen = JSON.stringify(reader.prepare('SELECT * FROM account').all())
  const shared = locksOn(copy)
  expect(shared.length).toBeGreaterThan(0)
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 200; i++) moveMoney(leader.database)
    await leader.waitFor()
    await digestOf(copy)
    await statusOf(copy)
    expect(locksOn(copy)).toEqual(shared)
    await expect(runElsewhere(copy, 'DELETE FROM account')).rejects.toThrow(/SQLITE_BUSY|locked/)
    expect(JSON.stringify(reader.prepare('SELECT * FROM account').all())).toBe(seen)
  }
  reader.exec('COMMIT')
  await expectEqual(app, copy)
})
