import { existsSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import {
  openFollower,
  openLeader,
  verifyCopy,
  type Follower,
  type FollowerEvent,
  type FollowerOptions,
  type Leader,
  type VerifyResult,
} from '../../src/index.ts'
import { Child, pause } from './support/child.ts'
import { newDice, printSeed, times } from './support/dice.ts'
import { ACCOUNTS, makeDatabase, newFolder } from './support/folder.ts'
import { expectSameRows } from './support/mirror.ts'
import { expectEqual } from './support/proof.ts'
import { SCHEMA, layoutOf, nextSql, pragmasOf } from './support/workload.ts'

const SEED = printSeed('rows')
const CASES = times(6, 100)

async function lead(database: string): Promise<Leader> {
  const leader = await openLeader({ database, formats: ['wal', 'row'], thread: 'same' })
  onTestFinished(() => leader.close())
  return leader
}

async function follow(url: string, database: string, options: Partial<FollowerOptions> = {}): Promise<Follower> {
  const follower = await openFollower({ url, database, format: 'row', thread: 'same', ...options })
  onTestFinished(() => follower.close())
  return follower
}

async function settle(leader: Leader, followers: number): Promise<void> {
  await leader.waitFor({ followers, level: 'applied', timeoutMs: 60_000 })
}

/** Copies that are made otherwise than the leader's database. */
const OTHERWISE: readonly Partial<FollowerOptions>[] = [
  {},
  { pageSize: 1024 },
  { encoding: 'utf-16le' },
  { pageSize: 8192, encoding: 'utf-8' },
]

test.each(Array.from({ length: CASES }, (_, n) => n))(
  'workload %i: from one tail, a copy by pages is the same byte for byte, and one by rows row for row',
  { timeout: 240_000 },
  async (n) => {
    const dice = newDice(SEED + n)
    const folder = newFolder()
    const [app, pages, rows] = ['app.db', 'pages.db', 'rows.db'].map((name) => join(folder, name)) as [string, string, string]
    makeDatabase(app, SCHEMA, pragmasOf(layoutOf(n + (SEED % 24))))
    const leader = await lead(app)
    let step = 0
    const run = (steps: number): void => {
      for (let i = 0; i < steps; i++) leader.database.exec(nextSql(dice, step++))
    }
    run(5)
    const trouble: FollowerEvent[] = []
    const onEvent = (event: FollowerEvent): void => {
      if (['warning', 'failed', 'diverged'].includes(event.kind)) trouble.push(event)
    }
    await follow(leader.url, pages, { format: 'wal' })
    await follow(leader.url, rows, { ...OTHERWISE[n % OTHERWISE.length], onEvent })
    for (let round = 0; round < 5; round++) {
      run(10)
      await settle(leader, 2)
      await expectEqual(app, pages)
      expectSameRows(app, rows)
    }
    expect(trouble).toEqual([])
    expect(await verifyCopy({ leader: leader.url, database: rows })).toMatchObject({ kind: 'same' })
    expect(await verifyCopy({ leader: leader.url, database: pages })).toMatchObject({ kind: 'same' })
  },
)

test(
  'a copy is verified while it is written; what somebody changed in it is found, told, and mended by a resync',
  { timeout: 60_000 },
  async () => {
    const folder = newFolder()
    const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
    makeDatabase(app, ACCOUNTS)
    const leader = await lead(app)
    const results: VerifyResult[] = []
    const follower = await follow(leader.url, copy, {
      verifyEvery: 50,
      onEvent: (event) => void (event.kind === 'verified' && results.push(event.result)),
    })
    const writes = setInterval(
      () =>
        leader.database.exec(
          'UPDATE account SET balance = balance + 1 WHERE id > 50; UPDATE account SET note = hex(randomblob(9)) WHERE id % 9 = 1',
        ),
      5,
    )
    onTestFinished(() => clearInterval(writes))
    const until = async (isThere: () => boolean): Promise<void> => {
      while (!isThere()) await pause(20)
    }
    await until(() => results.length >= 3)
    expect(results.every(({ kind }) => kind === 'same')).toBe(true)
    const behind = new Database(copy)
    behind.exec("UPDATE account SET balance = 7, note = 'mine' WHERE id = 3")
    behind.close()
    await until(() => results.some(({ kind }) => kind === 'differs'))
    const found = results.find(({ kind }) => kind === 'differs')
    expect(found).toMatchObject({ name: 'account', what: 'a row of the copy is another' })
    expect(found).toMatchObject({ copy: expect.stringContaining('"balance":7') as string })
    clearInterval(writes)
    await follower.close()
    await follow(leader.url, copy, { resync: true })
    await settle(leader, 1)
    expectSameRows(app, copy)
    expect(await verifyCopy({ leader: leader.url, database: copy })).toMatchObject({ kind: 'same' })
  },
)

test(
  'a row that is not what the leader has stops the copy, with both rows shown, or is forced',
  { timeout: 60_000 },
  async () => {
    const folder = newFolder()
    const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
    makeDatabase(app, ACCOUNTS)
    const leader = await lead(app)
    const events: FollowerEvent[] = []
    const follower = await follow(leader.url, copy, { onEvent: (event) => events.push(event) })
    const behind = new Database(copy)
    behind.exec('UPDATE account SET balance = 7 WHERE id = 3')
    behind.close()
    leader.database.exec('UPDATE account SET balance = 101 WHERE id = 3')
    while (!events.some(({ kind }) => kind === 'failed')) await pause(10)
    const failed = events.find((event) => event.kind === 'failed')
    expect(failed).toMatchObject({ error: { code: 'ROW_DIFFERS' } })
    await follower.close()
    const forced = await follow(leader.url, copy, { onDifference: 'force', onEvent: (event) => events.push(event) })
    await settle(leader, 1)
    expectSameRows(app, copy)
    expect(events.at(-1)?.kind).not.toBe('failed')
    expect(events.filter((event) => event.kind === 'warning').map(({ error }) => error.code)).toContain('ROW_DIFFERS')
    await forced.close()
  },
)

test('a copy by pages is not followed by rows, nor the other way round, and what only one can have is refused of the other', async () => {
  const folder = newFolder()
  const [app, rows, pages] = [join(folder, 'app.db'), join(folder, 'rows.db'), join(folder, 'pages.db')]
  makeDatabase(app, ACCOUNTS)
  const leader = await lead(app)
  await (await follow(leader.url, rows)).close()
  await (await follow(leader.url, pages, { format: 'wal' })).close()
  await expect(follow(leader.url, rows, { format: 'wal' })).rejects.toMatchObject({ code: 'WRONG_COPY_KIND' })
  await expect(follow(leader.url, pages)).rejects.toMatchObject({ code: 'WRONG_COPY_KIND' })
  await expect(follow(leader.url, pages, { format: 'wal', pageSize: 512 })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' })
  await expect(follow(leader.url, rows, { pageSize: 512 })).rejects.toMatchObject({ code: 'PAGE_SIZE_MISMATCH' })
})

const ROUNDS = times(8, 200)

test(
  `a follower by rows is killed ${ROUNDS} times under load, and comes back: nothing is lost, nothing is there twice`,
  { timeout: ROUNDS * 20_000 },
  async () => {
    const dice = newDice(SEED)
    const folder = newFolder()
    const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
    makeDatabase(app, ACCOUNTS)
    const leader = new Child('./leader-process.ts', [`${app}=tcp://127.0.0.1:0=wal,row`])
    const [url] = (await leader.told('up'))['urls'] as [string]
    const writer = new Child('./writer-process.ts', [app])
    await writer.told('wrote')
    for (let round = 0; round < ROUNDS; round++) {
      const follower = new Child('./follower-process.ts', [`${copy}=${url}=row`])
      await follower.told(dice(2) === 0 ? 'connected' : 'up')
      await pause(dice(400))
      await follower.kill()
      const trouble = follower.said.filter(({ kind }) => ['failed', 'diverged', 'resync', 'warning'].includes(kind))
      expect(trouble).toEqual([])
      // What is left opens in any program, between two transactions.
      if (existsSync(copy) && dice(2) === 0) {
        const left = new Database(copy, { readonly: dice(2) === 0 })
        expect(left.pragma('integrity_check', { simple: true })).toBe('ok')
        expect(left.prepare('SELECT sum(balance) FROM account').pluck().get()).toBe(10_000)
        left.close()
      }
    }
    await writer.kill()
    const follower = new Child('./follower-process.ts', [`${copy}=${url}=row`])
    await follower.told('up')
    await leader.order('settle')
    expectSameRows(app, copy)
    expect(await verifyCopy({ leader: url, database: copy })).toMatchObject({ kind: 'same' })
  },
)
