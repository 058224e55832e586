import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import { pageSum } from '@stemma/base'
import { walFormat } from '@stemma/format-wal'
import { encodeEntry, writeVarint, type PageChange } from '@stemma/log'
import type { LeaderMessage } from '@stemma/protocol'
import { readKeptPlaces, betterSqlite3, nodeDisk } from '@stemma/storage'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { openFollower, openLeader, type FollowerEvent } from '../../src/index.ts'
import { claimOf, openFakeLeader, type Claim, type FakeLeaderOptions } from './support/fake-leader.ts'
import { ACCOUNTS, makeDatabase, newFolder } from './support/folder.ts'
import { expectSound, pagesOf } from './support/proof.ts'

// A leader that means no good, or whose disk or memory is broken. The follower is the real one.

interface Scene {
  readonly url: string
  readonly copy: string
  readonly cluster: string
  /** The leader's database, as a file. */
  readonly bytes: Buffer
  /** Where the copy stands. */
  readonly place: { readonly position: { epoch: number; sequence: number }; readonly digest: bigint }
}

/** A true copy, whose leader has gone; somebody else may take its address. */
async function newScene(): Promise<Scene> {
  const folder = newFolder()
  const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
  makeDatabase(
    app,
    `${ACCOUNTS}; CREATE TABLE big (x); INSERT INTO big WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) SELECT randomblob(700) FROM n`,
  )
  const leader = await openLeader({ database: app, thread: 'same' })
  const follower = await openFollower({ url: leader.url, database: copy, thread: 'same' })
  const { cluster } = await leader.status()
  await follower.close()
  await leader.close()
  const [place] = readKeptPlaces({ database: copy, driver: betterSqlite3, disk: nodeDisk }).places
  return { url: leader.url, copy, cluster, bytes: readFileSync(app), place: place! }
}

const changed = (bytes: Buffer, change: (bytes: Buffer) => void): Buffer => {
  const copy = Buffer.from(bytes)
  change(copy)
  return copy
}

/** The root page of table `big`, from the schema. */
const rootOf = (bytes: Buffer, table: string): number => {
  const database = new Database(changed(bytes, (b) => b.fill(1, 18, 20)))
  const root = database.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').pluck().get(table) as number
  database.close()
  return root
}

const SNAPSHOT = { kind: 'snapshot', why: 'too-far-behind' } as const

const DAMAGES: Readonly<Record<string, (scene: Scene) => Claim>> = {
  'a tree that leads back to its root': ({ bytes, cluster }) =>
    claimOf(
      changed(bytes, (b) => {
        const root = rootOf(b, 'big')
        const at = (root - 1) * 4096
        expect(b[at]).toBe(5)
        b.writeUInt32BE(root, at + 8)
        b.writeUInt32BE(root, at + b.readUInt16BE(at + 12))
      }),
      { cluster },
    ),
  'cells that lie outside of their page': ({ bytes, cluster }) =>
    claimOf(
      changed(bytes, (b) => b.writeUInt16BE(4095, (rootOf(b, 'account') - 1) * 4096 + 8)),
      { cluster },
    ),
  'a first page that says another page count': ({ bytes, cluster }) =>
    claimOf(
      changed(bytes, (b) => b.writeUInt32BE(3, 28)),
      { cluster },
    ),
  'a first page that says another page size': ({ bytes, cluster }) =>
    claimOf(
      changed(bytes, (b) => b.writeUInt16BE(1024, 16)),
      { cluster, pageSize: 4096 },
    ),
  'a first page that is not in WAL mode': ({ bytes, cluster }) =>
    claimOf(
      changed(bytes, (b) => b.fill(1, 18, 20)),
      { cluster },
    ),
  'a freelist that never ends': ({ bytes, cluster }) =>
    claimOf(
      changed(bytes, (b) => {
        b.writeUInt32BE(rootOf(b, 'big'), 32)
        b.writeUInt32BE(1_000_000, 36)
      }),
      { cluster },
    ),
  'a schema that is no schema': ({ bytes, cluster }) =>
    claimOf(
      changed(bytes, (b) => b.write('CREATE TABLE account (((((', b.indexOf('CREATE TABLE account'))),
      { cluster },
    ),
  'a first page of zeros': ({ bytes, cluster }) =>
    claimOf(
      changed(bytes, (b) => b.fill(0, 0, 4096)),
      { cluster, pageSize: 4096 },
    ),
  'random bytes': ({ bytes, cluster }) =>
    claimOf(
      changed(bytes, (b) => {
        for (let i = 4096; i < b.length; i++) b[i] = (i * 2654435761) >>> 13
      }),
      { cluster },
    ),
  'pages that don’t make up the digest': ({ bytes, cluster }) => claimOf(bytes, { cluster, digest: 1n }),
  'fewer pages than it says': ({ bytes, cluster }) =>
    claimOf(bytes, {
      cluster,
      pageCount: bytes.length / 4096 + 50,
      page: (n) => (n * 4096 <= bytes.length ? bytes.subarray((n - 1) * 4096, n * 4096) : undefined),
    }),
  'four billion pages, all left out': ({ bytes, cluster }) =>
    claimOf(bytes, { cluster, pageCount: 0xfffffffe, page: () => undefined, digest: 5n }),
}

test.each(Object.entries(DAMAGES))('a snapshot with %s is refused, and the old copy stays as it was', async (_name, damage) => {
  const scene = await newScene()
  const before = await pagesOf(scene.copy)
  const codes = await attack(scene, { claim: damage(scene), verdict: SNAPSHOT })
  expect(codes[0]).toMatch(/^SNAPSHOT_(UNSOUND|DAMAGED)$/)
  expect((await pagesOf(scene.copy)).digest).toBe(before.digest)
  expectSound(scene.copy)
})

test.each(Object.entries(DAMAGES))('a first snapshot with %s makes no copy', async (_name, damage) => {
  const scene = await newScene()
  const fresh = { ...scene, copy: `${scene.copy}-fresh` }
  const codes = await attack(fresh, { claim: damage(scene), verdict: { kind: 'snapshot', why: 'empty' } })
  expect(codes[0]).toMatch(/^SNAPSHOT_(UNSOUND|DAMAGED)$/)
  expect(existsSync(fresh.copy)).toBe(false)
})

/** Entries that follow on from where the copy stands. */
const ENTRIES: Readonly<Record<string, (scene: Scene) => readonly LeaderMessage[]>> = {
  'ten gigabytes of zeros, compressed': (scene) => [entryOf(scene, { payload: bomb(0x7fffffff * 4) })],
  'zeros that come out as more than they say': (scene) => [entryOf(scene, { payload: bomb(1000) })],
  'pages beyond the end': (scene) => [entryOf(scene, { payload: pagesPayload(2, [[500, scene.bytes.subarray(0, 4096)]]) })],
  'four billion pages': (scene) => [entryOf(scene, { payload: pagesPayload(0xfffffffe, []) })],
  'four billion pages, of which the last is there': (scene) => {
    const last = Buffer.alloc(4096, 1)
    const digest = scene.place.digest ^ pageSum(0xfffffffe, last)
    return [entryOf(scene, { payload: pagesPayload(0xfffffffe, [[0xfffffffe, last]]), digest })]
  },
  'no pages': (scene) => [entryOf(scene, { payload: pagesPayload(0, []) })],
  'a digest that is wrong': (scene) => [
    entryOf(scene, { payload: pagesPayload(scene.bytes.length / 4096, [[2, Buffer.alloc(4096, 1)]]), digest: 1n }),
  ],
  'random bytes': (scene) => [
    entryOf(scene, { payload: Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) & 0xff)) }),
  ],
  'an entry that never ends': () =>
    Array.from({ length: 20 }, (_, i) => ({
      kind: 'entry-part',
      sequence: 1,
      offset: i * 1000,
      total: 200_000_000,
      bytes: Buffer.alloc(1000),
    })),
  'a part of an entry': (scene) => {
    const { bytes } = entryOf(scene, { payload: Buffer.alloc(100) })
    return [
      {
        kind: 'entries',
        first: scene.place.position.sequence + 1,
        last: scene.place.position.sequence + 1,
        bytes: bytes.subarray(0, 60),
      },
    ]
  },
  'barriers without end': (scene) => [entryOf(scene, { payload: Buffer.alloc(0), barrier: true })],
}

test.each(Object.entries(ENTRIES))('entries with %s leave the copy as it was', async (name, make) => {
  const scene = await newScene()
  const before = await pagesOf(scene.copy)
  // Asked for a snapshot, it sends one that is damaged too.
  const claim = {
    ...claimOf(scene.bytes, { cluster: scene.cluster, digest: 1n }),
    position: { epoch: 1, sequence: scene.place.position.sequence + 1 },
  }
  const codes = await attack(scene, {
    claim,
    verdict: { kind: 'go-on' },
    entries: make(scene),
    isSilent: name === 'an entry that never ends',
  })
  expect(codes[0] ?? 'none').toMatch(
    name === 'an entry that never ends' ? /^none$/ : /^(DAMAGED_ENTRY|REPLICA_DIFFERS|SNAPSHOT_NEEDED)$/,
  )
  expect((await pagesOf(scene.copy)).digest).toBe(before.digest)
  expectSound(scene.copy)
})

/** What every leader says; the cluster is filled in. */
const WELCOME: Extract<LeaderMessage, { kind: 'welcome' }> = {
  kind: 'welcome',
  version: 1,
  cluster: '',
  node: 'f'.repeat(32),
  epoch: 1,
  format: 'wal',
  formatVersion: 1,
  pageSize: 4096,
  tip: { epoch: 1, sequence: 1000 },
  time: 0,
}

/** Answers that make no sense, or none. */
const ANSWERS: Readonly<Record<string, NonNullable<FakeLeaderOptions['answer']>>> = {
  'says nothing after the greeting': (message) => (message.kind === 'hello' ? undefined : []),
  'never sends the pages': (message) => (message.kind === 'fetch-pages' ? [] : undefined),
  'sends pages that nobody asked for': (message) =>
    message.kind === 'fetch-pages'
      ? [{ ...message, kind: 'pages', first: 4_000_000, leftOut: new Uint8Array(0), bytes: Buffer.alloc(message.count * 4096) }]
      : undefined,
  'sends too few bytes': (message) =>
    message.kind === 'fetch-pages'
      ? [{ ...message, kind: 'pages', leftOut: new Uint8Array(0), bytes: Buffer.alloc(100) }]
      : undefined,
  'sends bytes that are no message': (message, link) => {
    if (message.kind !== 'follow') return undefined
    link.send([Buffer.alloc(3000, 0xab)])
    return []
  },
  'is of another cluster': (message) => (message.kind === 'hello' ? [{ ...WELCOME, cluster: 'e'.repeat(32) }] : undefined),
  'has pages of another size': (message) => (message.kind === 'hello' ? [{ ...WELCOME, pageSize: 512 }] : undefined),
  'speaks a version that nobody asked for': (message) => (message.kind === 'hello' ? [{ ...WELCOME, version: 99 }] : undefined),
  'speaks a format that nobody asked for': (message) =>
    message.kind === 'hello' ? [{ ...WELCOME, format: 'morse' }] : undefined,
}

test.each(Object.entries(ANSWERS))('a leader that %s does no harm', async (name, answer) => {
  const scene = await newScene()
  const before = await pagesOf(scene.copy)
  const claim = claimOf(scene.bytes, { cluster: scene.cluster })
  const answerAs: FakeLeaderOptions['answer'] = (message, link) =>
    answer(message, link)?.map((each) =>
      each.kind === 'welcome' && each.cluster === '' ? { ...each, cluster: scene.cluster } : each,
    )
  await attack(scene, {
    claim,
    verdict: SNAPSHOT,
    answer: answerAs,
    isSilent: name.endsWith('nothing after the greeting') || name.startsWith('never'),
  })
  expect((await pagesOf(scene.copy)).digest).toBe(before.digest)
  expectSound(scene.copy)
})

/** Lets a follower meet a leader until the leader has had its chance; gives the codes of what the follower then told of. */
async function attack(
  scene: Scene,
  { isSilent = false, ...options }: Omit<FakeLeaderOptions, 'listen'> & { readonly isSilent?: boolean },
): Promise<readonly string[]> {
  const fake = await openFakeLeader({ listen: scene.url, ...options })
  const events: FollowerEvent[] = []
  const enough = Promise.withResolvers<void>()
  const call = new AbortController()
  const onEvent = (event: FollowerEvent): void => {
    events.push(event)
    // Some say nothing on purpose: a follower waits long for an answer, and we only see that it can be closed meanwhile.
    if (event.kind === 'connected' && isSilent) silence = setTimeout(() => enough.resolve(), 300)
    if (event.kind === 'failed' || event.kind === 'disconnected' || event.kind === 'resync') enough.resolve()
  }
  let silence: NodeJS.Timeout | undefined
  const memory = process.memoryUsage().rss
  const opening = openFollower({
    url: fake.url,
    database: scene.copy,
    ready: 'readable',
    thread: 'same',
    signal: call.signal,
    onEvent,
  })
  opening.catch(() => enough.resolve())
  await enough.promise
  clearTimeout(silence)
  call.abort()
  await opening.then((follower) => follower.close()).catch(() => {})
  expect((process.memoryUsage().rss - memory) / 1e6).toBeLessThan(300)
  expect(fake.heard.length).toBeGreaterThan(0)
  expect(events.map(({ kind }) => kind)).not.toContain('snapshot-installed')
  expect(events.filter((event) => event.kind === 'failed' && event.error.code === 'UNEXPECTED')).toEqual([])
  return events.flatMap((event) => ('error' in event && event.error !== undefined ? [event.error.code] : []))
}

function entryOf(
  { place }: Scene,
  parts: { payload: Uint8Array; digest?: bigint; barrier?: boolean },
): Extract<LeaderMessage, { kind: 'entries' }> {
  const sequence = place.position.sequence + 1
  const bytes = encodeEntry({
    format: 'wal',
    formatVersion: 1,
    position: { epoch: place.position.epoch, sequence },
    committedAt: 1,
    recovered: false,
    barrier: parts.barrier ?? false,
    digest: parts.digest ?? place.digest,
    digestBefore: place.digest,
    payload: parts.payload,
  })
  return { kind: 'entries', first: sequence, last: sequence, bytes }
}

/** A payload that writes pages, as the format has it. */
function pagesPayload(pageCount: number, pages: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const changes = pages.map(([pageNumber, after]): PageChange => ({
    pageNumber,
    before: undefined,
    after,
    sum: pageSum(pageNumber, after),
  }))
  const nowhere = {
    position: { epoch: 1, sequence: 1 },
    committedAt: 1,
    recovered: false,
    oversized: false,
    digest: 0n,
    digestBefore: 0n,
  }
  return walFormat.encode({
    ...nowhere,
    pageSize: 4096,
    pageCount,
    pageCountBefore: 1,
    pages: () => changes,
    rows: () => assert.fail(),
    statements: () => assert.fail(),
  })
}

/** A compressed payload that says how long it is. */
function bomb(says: number): Uint8Array {
  const packed = zstdCompressSync(Buffer.alloc(64 * 1024 * 1024))
  const head = Buffer.alloc(16)
  head[0] = 3 | 0x10
  const end = writeVarint(head, 1, says)
  return Buffer.concat([head.subarray(0, end), packed])
}
