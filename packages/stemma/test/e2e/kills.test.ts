import { existsSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { Child, pause, type Said } from './support/child.ts'
import { newDice, printSeed, times } from './support/dice.ts'
import { ACCOUNTS, ACCOUNTS_TOTAL, makeDatabase, newFolder } from './support/folder.ts'
import { hasProgram } from './support/programs.ts'
import { expectEqual } from './support/proof.ts'

// Real processes, killed by `kill -9` at random moments. Each process works on several databases at once, so that one kill is as many.

const SEED = printSeed('kills')
const DATABASES = 6
/** Programs that know nothing of Stemma. */
const WRITERS = ['./writer-process.ts', ...(hasProgram('python3') ? ['./writer-process.py'] : [])]
const ROUNDS = times(16, 300)

test(
  `${ROUNDS} times some or all are killed, and come back: nothing acknowledged is lost, and all copies are true`,
  { timeout: ROUNDS * 20_000 },
  async () => {
    const dice = newDice(SEED)
    const folder = newFolder()
    const scene = Array.from({ length: DATABASES }, (_, i) => ({
      app: join(folder, `app-${i}.db`),
      copy: join(folder, `copy-${i}.db`),
    }))
    scene.forEach(({ app }, i) => makeDatabase(app, ACCOUNTS, `PRAGMA page_size = ${[512, 4096, 1024, 16_384][i % 4]}`))
    const tally: Record<string, number> = { kills: 0 }
    const kill = async (child: Child): Promise<void> => {
      await child.kill()
      count(child, tally)
    }
    let leader = lead(
      scene,
      scene.map(() => 'tcp://127.0.0.1:0'),
    )
    const urls = (await leader.told('up'))['urls'] as string[]
    let follower = follow(scene, urls)

    for (let round = 0; round < ROUNDS; round++) {
      const writer = new Child(
        WRITERS[round % WRITERS.length]!,
        scene.map(({ app }) => app),
      )
      await Promise.all([writer.told('wrote'), follower.told(dice(3) === 0 ? 'connected' : 'up')])
      await pause(dice(100))
      // At least one, and the writer always in the end.
      const victims = shuffle([writer, leader, follower], dice).slice(0, 1 + dice(3))
      for (const victim of victims) {
        await kill(victim)
        await pause(dice(60))
      }
      if (victims.includes(follower) && dice(2) === 0) {
        // In the first round it may have been killed before it had a copy; one that was there once must stay.
        const copies = scene.filter(({ copy }) => round > 0 || existsSync(copy))
        copies.forEach(({ copy }) => expectWhole(copy, dice(2) === 0))
      }
      const leads = !victims.includes(leader)
      if (!leads) leader = lead(scene, urls)
      if (!leads && dice(2) === 0) {
        // In the middle of its start.
        await pause(100 + dice(400))
        await kill(leader)
        leader = lead(scene, urls)
      }
      if (victims.includes(follower)) follower = follow(scene, urls)
      if (!victims.includes(writer)) await kill(writer)
      expect(writer.errors).toBe('')

      await Promise.all([leader.told('up'), follower.told('up')])
      await leader.order('settle')
      const counts = (writer.said.findLast(({ kind }) => kind === 'wrote') as Said)['counts'] as number[]
      for (const [i, { app, copy }] of scene.entries()) {
        await expectEqual(app, copy)
        expectWritten(copy, counts[i]!)
      }
      tally['commits'] = counts.reduce((a, b) => a + b)
    }
    await Promise.all([leader, follower].map((node) => node.order('close')))
    await Promise.all([leader, follower].map((node) => node.kill()))
    process.stdout.write(`kills: ${JSON.stringify(tally)}\n`)
    expect(tally['kills']).toBeGreaterThan(ROUNDS * DATABASES)
  },
)

function lead(scene: readonly { app: string }[], urls: readonly string[]): Child {
  return new Child(
    './leader-process.ts',
    scene.map(({ app }, i) => `${app}=${urls[i]}`),
  )
}

function follow(scene: readonly { copy: string }[], urls: readonly string[]): Child {
  return new Child(
    './follower-process.ts',
    scene.map(({ copy }, i) => `${copy}=${urls[i]}`),
  )
}

function shuffle<T>(all: readonly T[], dice: (below: number) => number): T[] {
  return all
    .map((each) => ({ each, at: dice(1_000_000) }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ each }) => each)
}

/** What is left of a copy whose follower was killed opens in any SQLite program, between two transactions. */
function expectWhole(copy: string, readonly: boolean): void {
  const database = new Database(copy, { readonly })
  expect(database.pragma('integrity_check', { simple: true })).toBe('ok')
  expect(database.prepare('SELECT sum(balance) FROM account').pluck().get()).toBe(ACCOUNTS_TOTAL)
  database.close()
}

function expectWritten(copy: string, n: number): void {
  const database = new Database(copy, { readonly: true })
  expect(database.prepare('SELECT sum(balance) FROM account').pluck().get()).toBe(ACCOUNTS_TOTAL)
  expect(database.prepare('SELECT max(n) FROM entry').pluck().get()).toBeGreaterThanOrEqual(n)
  database.close()
}

/** A process that died took part in this many deaths, and had told of these things. */
function count(child: Child, tally: Record<string, number>): void {
  tally['kills']! += DATABASES
  expect(child.said.filter(({ kind }) => kind === 'failed' || kind === 'rewound' || kind === 'diverged')).toEqual([])
  for (const { kind } of child.said) {
    if (['gap-mended', 'snapshot-installed', 'resync', 'diverged', 'warning', 'verifying'].includes(kind))
      tally[kind] = (tally[kind] ?? 0) + 1
  }
}
