import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { openFollower, openLeader, type FollowerEvent, type LeaderEvent } from '../../src/index.ts'
import { newDice, printSeed, times, type Dice } from './support/dice.ts'
import { makeDatabase, newFolder } from './support/folder.ts'
import { expectEqual } from './support/proof.ts'
import { INVARIANT, SCHEMA, layoutOf, nextSql, pragmasOf } from './support/workload.ts'

// Random schemas and workloads through the whole of Stemma; SQLite is the judge.

const SEED = printSeed('pipeline')
const CASES = times(16, 400)
const STEPS = times(60, 200)

test.each(Array.from({ length: CASES }, (_, n) => n))(
  'workload %i: the copy is the same, byte for byte, and readers never see half a transaction',
  async (n) => {
    const dice = newDice(SEED + n)
    const folder = newFolder()
    const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
    makeDatabase(app, SCHEMA, pragmasOf(layoutOf(n + (SEED % 24))))
    const trouble: (LeaderEvent | FollowerEvent)[] = []
    const onEvent = (event: LeaderEvent | FollowerEvent): void => {
      if (TROUBLE.has(event.kind)) trouble.push(event)
    }

    const leader = await openLeader({
      database: app,
      thread: n % 4 === 3 ? 'same' : 'worker',
      ship: n % 2 === 0 ? 'synced' : 'immediate',
      onEvent,
    })
    const other = new Database(app)
    // Nobody but us could be in the way of these writers: they take turns, and wait for no lock.
    for (const writer of [leader.database, other]) writer.pragma('busy_timeout = 0')
    let step = 0
    const run = (steps: number): void => {
      for (let i = 0; i < steps; i++) attempt(dice(3) === 0 ? other : leader.database, nextSql(dice, step++))
    }
    run(5)
    const follower = await openFollower({
      url: leader.url,
      database: copy,
      thread: n % 4 === 2 ? 'same' : 'worker',
      merge: n % 3 !== 0,
      onEvent,
    })
    const readers = new Readers(copy, dice)
    onTestFinished(async () => {
      readers.close()
      other.close()
      await Promise.all([leader.close(), follower.close()])
    })
    while (step < STEPS) {
      run(1 + dice(8))
      readers.look()
      // Gives threads of ours a turn.
      await new Promise((resolve) => setImmediate(resolve))
      if (dice(4) > 0) continue
      await leader.waitFor({ level: 'applied', timeoutMs: 20_000 })
      readers.look()
      await expectEqual(app, copy)
    }
    await leader.waitFor({ level: 'applied', timeoutMs: 20_000 })
    await expectEqual(app, copy)
    expect(await leader.status()).toMatchObject({ digest: (await follower.status()).digest })
    expect(trouble).toEqual([])

    readers.close()
    other.close()
    await Promise.all([leader.close(), follower.close()])
    expect([existsSync(`${app}-wal`), existsSync(`${copy}-wal`)]).toEqual([false, false])
    expect(readFileSync(copy).equals(readFileSync(app)), 'the closed files').toBe(true)
  },
)

/**
 * What must not happen. A gap that was mended is not among it: the workload truncates the WAL by itself, and when that falls into the moment in
 * which the source lets go of a large WAL so that it can begin anew, the source can't know what it missed, and compares.
 */
const TROUBLE = new Set<string>(['rewound', 'warning', 'failed', 'resync', 'diverged', 'follower-diverged', 'disconnected'])

/** Runs SQL; what it throws says what was run. */
function attempt(database: Database.Database, sql: string): void {
  try {
    database.exec(sql)
  } catch (error) {
    throw new Error(`${sql}: ${(error as Error).message}`, { cause: error })
  }
}

/** Programs that read the copy, some of them for long. */
class Readers {
  readonly #dice: Dice
  readonly #readers: { readonly database: Database.Database; seen: string | undefined }[]

  constructor(copy: string, dice: Dice) {
    this.#dice = dice
    this.#readers = [1, 2, 3].map(() => ({ database: new Database(copy, { readonly: true }), seen: undefined }))
  }

  /** Each begins a read transaction, reads on in the one it has, or ends it. */
  look(): void {
    for (const reader of this.#readers) {
      const { database, seen } = reader
      if (seen === undefined) database.exec('BEGIN')
      const sees = JSON.stringify([
        database.prepare(INVARIANT).get(),
        database.prepare('SELECT count(*), sum(length(b)), max(id) FROM item').get(),
        database.prepare("SELECT count(*) FROM page WHERE page MATCH 'fox'").get(),
        database.prepare('SELECT count(*), sum(length(v)) FROM word').get(),
      ])
      expect(sees).toContain('"holds":1')
      if (seen !== undefined) expect(sees).toBe(seen)
      reader.seen = sees
      if (this.#dice(3) > 0) continue
      database.exec('COMMIT')
      reader.seen = undefined
    }
  }

  close(): void {
    for (const { database } of this.#readers) database.close()
  }
}

test('a WAL that others begin anew, with salts made by chance, is no gap', async () => {
  const folder = newFolder()
  const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
  makeDatabase(app, SCHEMA)
  const gaps: LeaderEvent[] = []
  const onEvent = (event: LeaderEvent): void => void (event.kind === 'gap-mended' && gaps.push(event))
  const leader = await openLeader({ database: app, thread: 'same', onEvent })
  onTestFinished(() => leader.close())
  const follower = await openFollower({ url: leader.url, database: copy, thread: 'same' })
  onTestFinished(() => follower.close())
  // Nothing is in the WAL yet, so that another program may begin it anew under our pin.
  const truncating = new Database(app, { timeout: 0 })
  expect(truncating.pragma('wal_checkpoint(TRUNCATE)')).toMatchObject([{ busy: 0 }])
  truncating.close()
  await leader.waitFor({ followers: 0 })
  // A connection that has restarted no WAL yet does not count on from the salts that it finds.
  const writer = new Database(app, { timeout: 0 })
  writer.exec("INSERT INTO item (a) VALUES ('x')")
  writer.close()
  await leader.waitFor({ level: 'applied' })
  await expectEqual(app, copy)
  expect(gaps).toEqual([])
})
