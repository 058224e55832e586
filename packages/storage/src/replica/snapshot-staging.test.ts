import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StemmaError, pageSum } from '@stemma/base'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { bytesOf, inFolder, open, send, sendRange, takeSnapshot } from '../../test/replica/follow.ts'
import { TestLeader, type Still } from '../../test/replica/test-leader.ts'
import type { Replica } from './replica.ts'

test('a snapshot by difference sends what differs, and readers keep reading what they read', () =>
  inFolder(async (folder) => {
    const leader = bigLeader(folder)
    const replica = await open(folder)
    await takeSnapshot(leader, replica)
    const reader = new Database(replica.database, { readonly: true })
    reader.exec('BEGIN')
    const count = reader.prepare('SELECT count(*) FROM t').pluck()
    expect(count.get()).toBe(500)
    leader.run('DELETE FROM t WHERE id > 490; INSERT INTO t(x) VALUES (1); DROP TABLE u')
    leader.run('UPDATE t SET x = 2 WHERE id = 3')
    const sent = await takeSnapshot(leader, replica)
    expect(sent).toBeLessThan(leader.pageCount / 2)
    expect(count.get()).toBe(500)
    reader.exec('COMMIT')
    expect(count.get()).toBe(491)
    expect(reader.pragma('integrity_check', { simple: true })).toBe('ok')
    expect(existsSync(`${replica.database}-stemma-staging`)).toBe(false)
    reader.close()
    replica.apply(leader.run('INSERT INTO t(x) VALUES (5)'))
    await replica.close()
    expect(Buffer.compare(bytesOf(replica), leader.bytes())).toBe(0)
    leader.close()
  }))

test('a snapshot that only cuts pages off needs none', () =>
  inFolder(async (folder) => {
    const leader = bigLeader(folder)
    const replica = await open(folder, { check: 'digest' })
    await takeSnapshot(leader, replica)
    const cut = leader.commit(new Map(), leader.pageCount - 3)
    expect(cut.position).toEqual(leader.position)
    expect(await takeSnapshot(leader, replica)).toBe(0)
    expect(replica.state).toMatchObject({ kind: 'ready', digest: leader.digest, pageCount: leader.pageCount })
    await replica.close()
    leader.close()
  }))

test('a broken-off snapshot is gone on with, after a restart and at a later position too', () =>
  inFolder(async (folder) => {
    const leader = bigLeader(folder)
    let replica = await open(folder)
    let staging = await replica.stage(leader.snapshot)
    expect(staging.compare).toBe(false)
    sendRange(leader, staging, 1, 20)
    expect(await replica.stage(leader.snapshot)).toBe(staging)
    expect(staging.next).toBe(21)
    await replica.close()

    leader.run('UPDATE t SET x = 9 WHERE id = 1')
    replica = await open(folder)
    expect(replica.state).toEqual({ kind: 'empty' })
    staging = await replica.stage(leader.snapshot)
    expect([staging.next, staging.compare]).toEqual([1, true])
    expect(send(leader, staging)).toBeLessThanOrEqual(leader.pageCount - 20 + 2)
    await staging.finish()
    expect(replica.state).toMatchObject({ kind: 'ready', digest: leader.digest })
    await replica.close()
    expect(Buffer.compare(bytesOf(replica), leader.bytes())).toBe(0)
    leader.close()
  }))

// What a hostile or damaged leader may send. `send` gives pages and says what they come to; the digest is always right.
test.each<[string, (still: Still) => Partial<Record<number, (page: Uint8Array) => void>>]>([
  ['a first page that is none', () => ({ 1: (page) => page.fill(7, 0, 16) })],
  ['a database that is not in WAL mode', () => ({ 1: (page) => page.fill(1, 18, 20) })],
  ['another page size', () => ({ 1: (page) => page.set([4, 0], 16) })],
  ['a wrong number of pages', () => ({ 1: (page) => page.set([0, 0, 255, 255], 28) })],
  ['a tree that bites its tail', ({ pages }) => ({ [interiorPage(pages)]: (page) => setChild(page, interiorPage(pages)) })],
  ['a child far outside', ({ pages }) => ({ [interiorPage(pages)]: (page) => setChild(page, 0x7fffffff) })],
  ['a page of noise', () => ({ 2: (page) => page.forEach((_, i) => (page[i] = (i * 7919) & 255)) })],
  ['a freelist that goes round', () => ({ 1: (page) => page.set([0, 0, 0, 1, 0, 0, 0, 9], 32) })],
])('%s never reaches the path of the copy', (_name, spoil) =>
  inFolder(async (folder) => {
    const leader = bigLeader(folder)
    const bad = spoiled(leader.still(), spoil)
    const replica = await open(folder)
    const error = await takeSnapshot(bad, replica).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(StemmaError.is(error, 'SNAPSHOT_UNSOUND')).toBe(true)
    expect(existsSync(replica.database)).toBe(false)

    await takeSnapshot(leader, replica)
    const before = readFileSync(replica.database)
    await expect(takeSnapshot(bad, replica)).rejects.toMatchObject({ code: 'SNAPSHOT_UNSOUND' })
    expect(replica.state).toMatchObject({ kind: 'ready', digest: leader.digest })
    expect(Buffer.compare(readFileSync(replica.database), before)).toBe(0)
    replica.apply(leader.run('INSERT INTO t(x) VALUES (1)'))
    await replica.close()
    expect(Buffer.compare(bytesOf(replica), leader.bytes())).toBe(0)
    leader.close()
  }),
)

test.each<[string, (leader: TestLeader, replica: Replica) => Promise<unknown>, string]>([
  [
    'a digest that is not kept',
    async (leader, replica) => takeSnapshot({ ...leader.still(), snapshot: { ...leader.snapshot, digest: 1n } }, replica),
    'SNAPSHOT_DAMAGED',
  ],
  ['pages that never come', async (leader, replica) => (await replica.stage(leader.snapshot)).finish(), 'SNAPSHOT_DAMAGED'],
  [
    'a page left out that we never had',
    async (leader, replica) =>
      (await replica.stage(leader.snapshot)).write({
        first: 1,
        count: 1,
        leftOut: new Uint8Array([1]),
        bytes: new Uint8Array(0),
      }),
    'SNAPSHOT_DAMAGED',
  ],
  [
    'bytes too many',
    async (leader, replica) =>
      (await replica.stage(leader.snapshot)).write({
        first: 1,
        count: 1,
        leftOut: new Uint8Array(0),
        bytes: new Uint8Array(600),
      }),
    'SNAPSHOT_DAMAGED',
  ],
  [
    'a range behind the end',
    async (leader, replica) =>
      (await replica.stage(leader.snapshot)).write({
        first: 1 << 30,
        count: 1,
        leftOut: new Uint8Array(0),
        bytes: new Uint8Array(512),
      }),
    'SNAPSHOT_DAMAGED',
  ],
  [
    'four thousand million pages',
    async (leader, replica) => (await replica.stage({ ...leader.snapshot, pageCount: 0xfffffffe })).finish(),
    'SNAPSHOT_DAMAGED',
  ],
  ['pages of 3 bytes', async (leader, replica) => replica.stage({ ...leader.snapshot, pageSize: 3 }), 'SNAPSHOT_DAMAGED'],
])('%s is refused', (_name, attempt, code) =>
  inFolder(async (folder) => {
    const leader = bigLeader(folder)
    const replica = await open(folder)
    await expect(attempt(leader, replica)).rejects.toMatchObject({ code })
    expect(replica.state).toEqual({ kind: 'empty' })
    await takeSnapshot(leader, replica)
    expect(replica.state).toMatchObject({ kind: 'ready', digest: leader.digest })
    await replica.close()
    leader.close()
  }),
)

test('a snapshot of another database, or with other pages, is refused and changes nothing', () =>
  inFolder(async (folder) => {
    const leader = bigLeader(folder)
    const replica = await open(folder)
    await takeSnapshot(leader, replica)
    await expect(replica.stage({ ...leader.snapshot, cluster: 'f'.repeat(32) })).rejects.toMatchObject({
      code: 'CLUSTER_MISMATCH',
    })
    await expect(replica.stage({ ...leader.snapshot, pageSize: 1024 })).rejects.toMatchObject({ code: 'PAGE_SIZE_MISMATCH' })
    replica.apply(leader.run('INSERT INTO t(x) VALUES (1)'))
    await replica.close()
    leader.close()
  }))

test('a database that Stemma did not make is left alone, unless it is to be adopted', () =>
  inFolder(async (folder) => {
    const leader = bigLeader(folder)
    leader.database.pragma('wal_checkpoint(TRUNCATE)')
    const path = join(folder, 'copy.db')
    writeFileSync(path, leader.bytes())
    await expect(open(folder)).rejects.toMatchObject({ code: 'NOT_A_REPLICA' })
    expect(Buffer.compare(readFileSync(path), leader.bytes())).toBe(0)
    const replica = await open(folder, { adopt: true })
    expect(replica.state).toMatchObject({ kind: 'unknown', cluster: undefined, epoch: 0 })
    expect(await takeSnapshot(leader, replica)).toBe(0)
    expect(replica.state).toMatchObject({ kind: 'ready', position: leader.position })
    await replica.close()
    leader.close()
  }))

function bigLeader(folder: string): TestLeader {
  const leader = new TestLeader(join(folder, 'leader.db'), { pageSize: 512 })
  leader.run(`CREATE TABLE u(y); INSERT INTO u VALUES (randomblob(9000)); CREATE TABLE t(id INTEGER PRIMARY KEY, x);
    INSERT INTO t(x) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT hex(randomblob(20)) FROM n`)
  return leader
}

function spoiled(still: Still, spoil: (still: Still) => Partial<Record<number, (page: Uint8Array) => void>>): Still {
  const pages = new Map(still.pages)
  const sums = still.sums.copy()
  for (const [number, change] of Object.entries(spoil(still))) {
    const page = new Uint8Array(pages.get(Number(number))!)
    change!(page)
    pages.set(Number(number), page)
    sums.set(Number(number), pageSum(Number(number), page))
  }
  return { pageCount: still.pageCount, pages, sums, snapshot: { ...still.snapshot, digest: sums.digest } }
}

/** An interior page of a table's tree. */
function interiorPage(pages: ReadonlyMap<number, Uint8Array>): number {
  for (const [number, page] of pages) if (number > 1 && page[0] === 5) return number
  throw new Error('there is no interior page')
}

/** Sets the rightmost child. */
function setChild(page: Uint8Array, child: number): void {
  new DataView(page.buffer, page.byteOffset).setUint32(8, child)
}
