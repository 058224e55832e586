import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { join } from 'node:path'
import { encodeMessage } from '@stemma/protocol'
import { connectTcp } from '@stemma/transport'
import { expect, onTestFinished, test } from 'vitest'
import { openFollower, openLeader, type Follower, type FollowerEvent, type Leader } from '../../src/index.ts'
import { newDice, printSeed } from './support/dice.ts'
import { ACCOUNTS, makeDatabase, moveMoney, newFolder } from './support/folder.ts'
import { expectEqual } from './support/proof.ts'
import { openProxy, type Proxy } from './support/proxy.ts'

const SEED = printSeed('network')

interface Scene {
  readonly app: string
  readonly copy: string
  readonly leader: Leader
  readonly proxy: Proxy
  readonly events: FollowerEvent[]
  follow(): Promise<Follower>
}

async function newScene(rows = ''): Promise<Scene> {
  const folder = newFolder()
  const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
  makeDatabase(app, `${ACCOUNTS}; CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB); ${rows}`)
  const leader = await openLeader({ database: app, thread: 'same' })
  onTestFinished(() => leader.close())
  const proxy = await openProxy(leader.url)
  const events: FollowerEvent[] = []
  const follow = async (): Promise<Follower> => {
    const follower = await openFollower({ url: proxy.url, database: copy, onEvent: (event) => events.push(event) })
    onTestFinished(() => follower.close())
    return follower
  }
  return { app, copy, leader, proxy, events, follow }
}

test('a follower that is cut off for a while goes on where it was', async () => {
  const { app, copy, leader, proxy, events, follow } = await newScene()
  const follower = await follow()
  for (let round = 0; round < 3; round++) {
    proxy.cut('down')
    for (let i = 0; i < 200; i++) moveMoney(leader.database)
    expect(follower.database.prepare('SELECT sum(balance) FROM account').pluck().get()).toBe(10_000)
    proxy.up()
    await leader.waitFor({ level: 'durable', timeoutMs: 20_000 })
    await expectEqual(app, copy)
  }
  const kinds = events.map(({ kind }) => kind)
  expect(kinds.filter((kind) => kind === 'snapshot-started')).toHaveLength(1)
  expect(kinds.filter((kind) => kind === 'diverged' || kind === 'resync' || kind === 'failed')).toEqual([])
})

test('a link that breaks every few kilobytes, in the middle of anything, delays a follower and does no more', async () => {
  const dice = newDice(SEED)
  const { app, copy, leader, proxy, follow } = await newScene()
  proxy.breakAfter(() => 15_000 + dice(15_000))
  await follow()
  for (let i = 0; i < 8; i++) {
    for (let j = 0; j < 100; j++) moveMoney(leader.database)
    await leader.waitFor({ level: 'applied', timeoutMs: 25_000 })
    await expectEqual(app, copy)
  }
  expect(proxy.count).toBeGreaterThanOrEqual(2)
})

test('a snapshot goes on after each break of the link, while writers go on, and no page is fetched for nothing', async () => {
  const rows =
    'INSERT INTO t (x) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT randomblob(4000) FROM n'
  const { app, copy, leader, proxy, events, follow } = await newScene(rows)
  proxy.breakAfter(() => 5_000_000)
  const timer = setInterval(() => moveMoney(leader.database), 1)
  onTestFinished(() => clearInterval(timer))
  await follow()
  clearInterval(timer)
  await leader.waitFor({ level: 'applied', timeoutMs: 25_000 })
  await expectEqual(app, copy)
  // 12 MB by pieces of less than 5 MB, if what came is kept.
  expect(proxy.count).toBeGreaterThanOrEqual(3)
  expect(proxy.count).toBeLessThan(8)
  expect(events.filter(({ kind }) => kind === 'snapshot-installed')).toHaveLength(1)
})

/** What strangers send. Each leaves its connection open. */
const STRANGERS: Readonly<Record<string, (port: number, url: string) => Promise<unknown>>> = {
  'random bytes': (port) => raw(port, randomBytes(20_000)),
  'another protocol': (port) => raw(port, Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  'nothing at all': (port) => raw(port, Buffer.alloc(0)),
  'one byte': (port) => raw(port, Buffer.from([0x53])),
  'zeros without end': (port) => raw(port, Buffer.alloc(4_000_000)),
  'ones without end': (port) => raw(port, Buffer.alloc(4_000_000, 0xff)),
  'messages of random bytes': (_port, url) => message(url, () => randomBytes(1 + Math.floor(Math.random() * 2000))),
  'the largest messages': (_port, url) => message(url, (_i, largest) => Buffer.alloc(largest, 1)),
  'a message of every kind, with nothing in it': (_port, url) => message(url, (i) => Buffer.from([1, i % 50, 0, 0])),
  'messages out of turn': (_port, url) =>
    message(url, () => Buffer.concat(encodeMessage({ kind: 'open-snapshot', resume: 'none' }))),
  'a fetch of all pages at once': (_port, url) =>
    message(url, () =>
      Buffer.concat(encodeMessage({ kind: 'fetch-pages', snapshot: 'x', first: 1, count: 65_536, have: new Uint8Array(0) })),
    ),
}

test.each(Object.keys(STRANGERS))('strangers who send %s don’t disturb a follower', async (name) => {
  const { app, copy, leader, follow } = await newScene()
  await follow()
  const before = process.memoryUsage().rss
  const port = Number(new URL(leader.url).port)
  await Promise.all(Array.from({ length: 10 }, () => STRANGERS[name]!(port, leader.url)))
  for (let i = 0; i < 20; i++) moveMoney(leader.database)
  await leader.waitFor({ level: 'durable', timeoutMs: 10_000 })
  await expectEqual(app, copy)
  const { followers } = await leader.status()
  expect(followers!.filter(({ state }) => state === 'following')).toHaveLength(1)
  expect((process.memoryUsage().rss - before) / 1e6).toBeLessThan(250)
})

/** Connects and sends bytes; whatever becomes of the connection is fine. */
function raw(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes, () => resolve()))
    socket.on('error', () => resolve())
    socket.on('close', () => resolve())
    onTestFinished(() => void socket.destroy())
  })
}

/** Greets as one of us would, then sends messages. */
async function message(url: string, make: (i: number, largest: number) => Uint8Array): Promise<void> {
  const link = await connectTcp({ url, onLink: () => ({ message() {}, drain() {}, closed() {} }) })
  onTestFinished(() => link.close())
  for (let i = 0; i < 60 && link.bytesWaiting < 1_000_000; i++) link.send([make(i, link.messageBytesMax)])
  link.flush()
}
