import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { openFollower, openLeader, type Leader, type LeaderEvent } from '../../src/index.ts'
import { Child } from './support/child.ts'
import { ACCOUNTS, makeDatabase, moveMoney, newFolder } from './support/folder.ts'
import { expectEqual } from './support/proof.ts'
import { openProxy } from './support/proxy.ts'

// An end that is silent for 15 seconds counts as lost. The three stories are told at once, since each waits for that.

const TIMEOUT_MS = 60_000

interface Scene {
  readonly app: string
  readonly copy: string
  /** Resolves when an event of this kind comes after the call. */
  next(kind: LeaderEvent['kind']): Promise<LeaderEvent>
  lead(): Promise<Leader>
}

function newScene(name: string): Scene {
  const folder = newFolder()
  const [app, copy] = [join(folder, `${name}.db`), join(folder, 'copy.db')]
  makeDatabase(app, ACCOUNTS)
  const waiting = new Map<string, (event: LeaderEvent) => void>()
  return {
    app,
    copy,
    next: (kind) => new Promise((resolve) => waiting.set(kind, resolve)),
    async lead() {
      const onEvent = (event: LeaderEvent): void => waiting.get(event.kind)?.(event)
      const leader = await openLeader({ database: app, onEvent })
      onTestFinished(() => leader.close())
      return leader
    },
  }
}

/** A process that follows is stopped, as by a debugger or a machine that sleeps. */
async function stopFollower(): Promise<void> {
  const { app, copy, next, lead } = newScene('stopped-follower')
  const leader = await lead()
  const child = new Child('./follower-process.ts', [`${copy}=${leader.url}`])
  await child.told('caught-up')
  const left = next('follower-left')
  child.signal('SIGSTOP')
  for (let i = 0; i < 500; i++) moveMoney(leader.database)
  await left
  expect((await leader.status()).followers!.filter(({ state }) => state === 'following')).toEqual([])
  const again = child.next('connected')
  child.signal('SIGCONT')
  await again
  await leader.waitFor({ level: 'durable', timeoutMs: TIMEOUT_MS })
  await expectEqual(app, copy)
  expect(child.said.filter(({ kind }) => kind === 'snapshot-started')).toHaveLength(1)
}

/** The process that leads is stopped. Programs that write go on. */
async function stopLeader(): Promise<void> {
  const { app, copy } = newScene('stopped-leader')
  const child = new Child('./leader-process.ts', [`${app}=tcp://127.0.0.1:0`])
  const [url] = (await child.told('up'))['urls'] as [string]
  const lost = Promise.withResolvers<void>()
  const follower = await openFollower({
    url,
    database: copy,
    onEvent: ({ kind }) => kind === 'disconnected' && lost.resolve(),
  })
  onTestFinished(() => follower.close())
  child.signal('SIGSTOP')
  const writer = new Database(app)
  onTestFinished(() => void writer.close())
  for (let i = 0; i < 500; i++) moveMoney(writer)
  await lost.promise
  expect(follower.database.prepare('SELECT sum(balance) FROM account').pluck().get()).toBe(10_000)
  child.signal('SIGCONT')
  // A follower that was cut off does not know of what is new; the leader waits until it has it.
  await child.order('settle')
  await expectEqual(app, copy)
}

/** Packets come to nothing from one moment on, and neither end is told. */
async function loseLink(): Promise<void> {
  const { app, copy, lead } = newScene('lost-link')
  const leader = await lead()
  const proxy = await openProxy(leader.url)
  const child = new Child('./follower-process.ts', [`${copy}=${proxy.url}`])
  await child.told('caught-up')
  const [lost, again] = [child.next('disconnected'), child.next('connected')]
  proxy.vanish()
  for (let i = 0; i < 500; i++) moveMoney(leader.database)
  expect(String((await lost)['error'])).toContain('PEER_SILENT')
  await again
  await leader.waitFor({ level: 'durable', timeoutMs: TIMEOUT_MS })
  await expectEqual(app, copy)
  expect(proxy.count).toBe(2)
  expect((await leader.status()).followers!.filter(({ state }) => state === 'following')).toHaveLength(1)
}

test(
  'ends that are stopped or vanish without a word are noticed, hold nobody up, and go on when they are back',
  { timeout: 2 * TIMEOUT_MS },
  async () => {
    await Promise.all([stopFollower(), stopLeader(), loseLink()])
  },
)
