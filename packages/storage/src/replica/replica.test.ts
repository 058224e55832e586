import { execFileSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { bytesOf, inFolder, open, takeSnapshot } from '../../test/replica/follow.ts'
import { TestLeader, anew, wholePages } from '../../test/replica/test-leader.ts'
import type { ReplicaEvent } from './replica.ts'

test('a copy begins with a snapshot, goes on by entries, and is the leader byte by byte', () =>
  inFolder(async (folder) => {
    const leader = newLeader(folder)
    const replica = await open(folder)
    expect(replica.state).toEqual({ kind: 'empty' })
    await takeSnapshot(leader, replica)
    expect(replica.state).toMatchObject({ kind: 'ready', position: leader.position, digest: leader.digest })

    const reader = new Database(replica.database, { readonly: true })
    const count = reader.prepare('SELECT count(*) FROM t').pluck()
    for (let i = 1; i <= 50; i++) {
      replica.apply(leader.run(`INSERT INTO t(name) VALUES (hex(randomblob(${i})))`))
      expect(count.get()).toBe(i)
    }
    expect(reader.pragma('integrity_check', { simple: true })).toBe('ok')
    expect(sqlite3(replica.database, 'SELECT count(*) FROM t; PRAGMA integrity_check')).toBe('50\nok\n')
    expect(await replica.sync()).toEqual(leader.position)
    reader.close()
    await replica.close()
    expect(Buffer.compare(bytesOf(replica), leader.bytes())).toBe(0)
    leader.close()
  }))

test('entries follow on by the digest: made anew they are the same, in another format too, and other content is not', () =>
  inFolder(async (folder) => {
    const leader = new TestLeader(join(folder, 'leader.db'))
    const [first] = leader.run('CREATE TABLE t(x)')
    const replica = await open(folder, { formats: [wholePages, { ...wholePages, name: 'other' }] })
    await takeSnapshot(leader, replica)
    const [second, third] = leader.run('INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)')
    replica.apply([second!])
    replica.apply([
      anew(first!, { committedAt: 1 }),
      anew(second!, { committedAt: 2 }),
      anew(third!, { committedAt: 3, format: 'other' }),
    ])
    expect(replica.state).toMatchObject({ position: leader.position, digest: leader.digest, format: 'other' })

    const refused = expect.objectContaining({ code: 'HISTORY_DIVERGED' })
    expect(() => replica.apply([anew(third!, { digest: 1n })])).toThrow(refused)
    const [fourth] = leader.run('INSERT INTO t VALUES (3)')
    expect(() => replica.apply([anew(fourth!, { digestBefore: second!.digest })])).toThrow(refused)
    expect(() => replica.apply([anew(fourth!, { format: 'unknown' })])).toThrow(
      expect.objectContaining({ code: 'NO_COMMON_FORMAT' }),
    )
    replica.apply([fourth!])
    expect(replica.state).toMatchObject({ position: leader.position, digest: leader.digest, format: 'whole' })
    await replica.close()
    const again = await open(folder)
    expect(again.state).toMatchObject({ kind: 'ready', position: leader.position, digest: leader.digest, format: 'whole' })
    await again.close()
    leader.close()
  }))

test('with its threads, too', () =>
  inFolder(async (folder) => {
    const leader = newLeader(folder)
    const rounds: ReplicaEvent[] = []
    const replica = await open(folder, { threads: true, softWalBytes: 100_000, onEvent: (event) => rounds.push(event) })
    await takeSnapshot(leader, replica)
    while (!rounds.some((event) => event.kind === 'checkpointed' && event.restarted)) {
      replica.apply(leader.run(`INSERT INTO t(name) VALUES (hex(randomblob(3000)))`))
      await new Promise(setImmediate)
    }
    await replica.close()
    expect(Buffer.compare(bytesOf(replica), leader.bytes())).toBe(0)
    leader.close()
  }))

test('entries that come faster than they are checkpointed wait, so that the WAL stays short', () =>
  inFolder(async (folder) => {
    const leader = newLeader(folder)
    const hardWalBytes = 400_000
    let restarts = 0
    const replica = await open(folder, {
      threads: true,
      merge: false,
      softWalBytes: 100_000,
      hardWalBytes,
      onEvent: (event) => {
        if (event.kind === 'checkpointed' && event.restarted) restarts++
      },
    })
    await takeSnapshot(leader, replica)
    let [longest, waits, ofOneCall] = [0, 0, 0]
    while (restarts < 3) {
      for (let room = replica.room(); room !== undefined; room = replica.room()) {
        waits++
        await room
      }
      const before = replica.walBytes
      replica.apply(leader.run(`INSERT INTO t(name) VALUES (hex(randomblob(3000)))`))
      ofOneCall = Math.max(ofOneCall, replica.walBytes - before)
      longest = Math.max(longest, replica.walBytes)
    }
    expect(waits).toBeGreaterThan(0)
    expect(longest).toBeLessThanOrEqual(hardWalBytes + ofOneCall)
    await replica.close()
    leader.close()
  }))

test('entries do not wait for a reader that holds the WAL', () =>
  inFolder(async (folder) => {
    const leader = newLeader(folder)
    const replica = await open(folder, { softWalBytes: 50_000, hardWalBytes: 100_000 })
    await takeSnapshot(leader, replica)
    const reader = new Database(replica.database, { readonly: true })
    reader.exec('BEGIN; SELECT count(*) FROM t')
    reader.prepare('SELECT count(*) FROM t').get()
    while (replica.walBytes < 500_000) {
      await replica.room()
      replica.apply(leader.run(`INSERT INTO t(name) VALUES (hex(randomblob(3000)))`))
    }
    reader.close()
    await replica.close()
    leader.close()
  }))

test('while a reader holds the WAL it grows over several blocks of the wal-index, and begins anew when the reader has gone', () =>
  inFolder(async (folder) => {
    const leader = new TestLeader(join(folder, 'leader.db'), { pageSize: 512 })
    leader.run('CREATE TABLE t(id INTEGER PRIMARY KEY, x)')
    const rounds: ReplicaEvent[] = []
    const replica = await open(folder, { softWalBytes: 512 * 1000, merge: false, onEvent: (event) => rounds.push(event) })
    await takeSnapshot(leader, replica)
    replica.apply(leader.run('INSERT INTO t(x) VALUES (0)'))
    const reader = new Database(replica.database, { readonly: true })
    reader.exec('BEGIN')
    expect(reader.prepare('SELECT count(*) FROM t').pluck().get()).toBe(1)
    for (let i = 0; i < 10; i++) {
      replica.apply(leader.run('INSERT INTO t(x) VALUES (randomblob(450000))'))
      await new Promise(setImmediate)
    }
    expect(replica.walBytes).toBeGreaterThan(8500 * 536)
    expect(reader.prepare('SELECT count(*) FROM t').pluck().get()).toBe(1)
    reader.exec('COMMIT')
    expect(reader.prepare('SELECT count(*) FROM t').pluck().get()).toBe(11)
    expect(sqlite3(replica.database, 'SELECT count(*) FROM t; PRAGMA integrity_check')).toBe('11\nok\n')
    expect(rounds.some((event) => event.kind === 'checkpointed' && event.restarted)).toBe(false)
    reader.close()
    while (!rounds.some((event) => event.kind === 'checkpointed' && event.restarted)) {
      replica.apply(leader.run('INSERT INTO t(x) VALUES (randomblob(200000))'))
      await new Promise(setImmediate)
    }
    expect(replica.walBytes).toBeLessThan(1000)
    await replica.close()
    expect(Buffer.compare(bytesOf(replica), leader.bytes())).toBe(0)
    leader.close()
  }))

test('nobody else can write the copy while it is open', () =>
  inFolder(async (folder) => {
    const leader = newLeader(folder)
    const replica = await open(folder)
    await takeSnapshot(leader, replica)
    expect(() => sqlite3(replica.database, 'INSERT INTO t(name) VALUES (1)')).toThrow(/locked/)
    replica.apply(leader.run('INSERT INTO t(name) VALUES (2)'))
    expect(sqlite3(replica.database, 'SELECT name FROM t')).toBe('2\n')
    await expect(open(folder)).rejects.toMatchObject({ code: 'ALREADY_OPEN' })
    await replica.close()
    leader.close()
  }))

test('what others wrote while it was closed is noticed and undone', () =>
  inFolder(async (folder) => {
    const leader = newLeader(folder)
    let replica = await open(folder)
    await takeSnapshot(leader, replica)
    await replica.close()
    sqlite3(replica.database, 'INSERT INTO t(name) VALUES (1)')
    const events: ReplicaEvent[] = []
    replica = await open(folder, { onEvent: (event) => events.push(event) })
    expect(replica.state).toMatchObject({ kind: 'unknown', cluster: leader.snapshot.cluster, epoch: 1 })
    expect(events).toContainEqual({ kind: 'not-as-left', pages: expect.arrayContaining([2]) })
    expect(() => replica.apply(leader.entries)).toThrow(/SNAPSHOT_NEEDED/)
    expect(await takeSnapshot(leader, replica)).toBeLessThan(3)
    await replica.close()
    expect(Buffer.compare(bytesOf(replica), leader.bytes())).toBe(0)
    leader.close()
  }))

test.each(['always', 'after-crash'] as const)(
  'a page that was damaged is noticed when it is opened, or at the next commit: verify %s',
  (verify) =>
    inFolder(async (folder) => {
      const leader = newLeader(folder)
      leader.run('INSERT INTO t(name) VALUES (hex(zeroblob(6000)))')
      let replica = await open(folder)
      await takeSnapshot(leader, replica)
      await replica.close()
      const bytes = readFileSync(replica.database)
      bytes[2 * 4096 + 3000]! ^= 1
      writeFileSync(replica.database, bytes)
      const damaged: number[] = []
      replica = await open(folder, { verify, onEvent: (event) => event.kind === 'not-as-left' && damaged.push(...event.pages) })
      if (verify === 'always') {
        expect(damaged).toEqual([3])
        expect(replica.state.kind).toBe('unknown')
      } else {
        expect(replica.state.kind).toBe('ready')
        // An entry that changes a part of the page only; the rest is as it is on the disk.
        const entry = leader.run("UPDATE t SET name = 'x'").at(-1)!
        const partial = {
          ...wholePages,
          apply: (_p: Uint8Array, _v: number, target: Parameters<typeof wholePages.apply>[2]) => target.expect(3, 1),
        }
        await replica.close()
        replica = await open(folder, { verify, formats: [partial] })
        expect(() => replica.apply([entry])).toThrow(/REPLICA_DIFFERS.*page 3/)
        expect(replica.state.kind).toBe('unknown')
      }
      expect(await takeSnapshot(leader, replica)).toBeGreaterThan(0)
      expect(replica.state).toMatchObject({ kind: 'ready', digest: leader.digest })
      await replica.close()
      expect(Buffer.compare(bytesOf(replica), leader.bytes())).toBe(0)
      leader.close()
    }),
)

test('entries that do not follow on are refused, those before them are applied, and what comes again is skipped', () =>
  inFolder(async (folder) => {
    const leader = newLeader(folder)
    const replica = await open(folder)
    await takeSnapshot(leader, replica)
    const [a, b, c, d] = [1, 2, 3, 4].map((i) => leader.run(`INSERT INTO t(name) VALUES (${i})`)[0]!) as [
      never,
      never,
      never,
      never,
    ]
    expect(() => replica.apply([b])).toThrow(/ENTRY_GAP/)
    expect(() => replica.apply([a, c])).toThrow(/ENTRY_GAP/)
    expect(positionOf(replica)).toBe(positionOfEntry(a))
    replica.apply([a, b, a, b])
    expect(positionOf(replica)).toBe(positionOfEntry(b))
    expect(() => replica.apply([{ ...(c as object), digestBefore: 1n } as never])).toThrow(/HISTORY_DIVERGED/)
    expect(() => replica.apply([{ ...(b as object), digest: 1n } as never])).toThrow(/HISTORY_DIVERGED/)
    expect(() => replica.apply([c, { ...(d as object), digest: 5n } as never])).toThrow(/REPLICA_DIFFERS/)
    expect(replica.state.kind).toBe('unknown')
    // It is read through, and turns out to be as it was at the entry before.
    await replica.stage(leader.snapshot)
    expect(positionOf(replica)).toBe(positionOfEntry(c))
    replica.apply([d])
    const barrier = leader.entry(new Uint8Array(0), { barrier: true })
    expect(() => replica.apply([barrier])).toThrow(/SNAPSHOT_NEEDED/)
    await takeSnapshot(leader, replica)
    expect(replica.state).toMatchObject({ kind: 'ready', position: leader.position })
    await replica.close()
    leader.close()
  }))

test('payloads that make no sense change nothing', () =>
  inFolder(async (folder) => {
    const leader = newLeader(folder)
    type Target = Parameters<typeof wholePages.apply>[2]
    let trick: (target: Target) => void = () => {}
    const replica = await open(folder, { formats: [{ ...wholePages, apply: (_payload, _version, target) => trick(target) }] })
    await takeSnapshot(leader, replica)
    const before = replica.state
    const entry = leader.entry(new Uint8Array(0))
    const tricks: readonly ((target: Target) => void)[] = [
      (target) => target.page(0),
      (target) => target.page(-1),
      (target) => target.page(1.5),
      (target) => target.page(0x1_0000_0000),
      (target) => target.page(0x40000000 / 4096 + 1),
      (target) => target.page(4_000_000_000),
      (target) => target.setPageCount(4_000_000_000),
      (target) => target.setPageCount(0),
      (target) => target.setPageCount(NaN),
      (target) => {
        target.setPageCount(2)
        target.page(3)
      },
    ]
    for (trick of tricks) expect(() => replica.apply([entry])).toThrow(/DAMAGED_ENTRY/)
    expect(replica.state).toEqual(before)
    await replica.close()
    leader.close()
  }))

test('its locks stay held while it is followed, checked and read', () =>
  inFolder(async (folder) => {
    const leader = newLeader(folder)
    const replica = await open(folder, { softWalBytes: 50_000 })
    await takeSnapshot(leader, replica)
    const reader = new Database(replica.database, { readonly: true })
    reader.exec('BEGIN')
    reader.prepare('SELECT count(*) FROM t').get()
    const held = locksOn(replica.database)
    expect(held.length).toBeGreaterThan(0)
    for (let i = 0; i < 40; i++) {
      replica.apply(leader.run('INSERT INTO t(name) VALUES (hex(randomblob(2000)))'))
      await new Promise(setImmediate)
      expect(locksOn(replica.database)).toEqual(held)
      expect(locksOn(`${replica.database}-shm`).some((lock) => lock.includes('WRITE'))).toBe(true)
    }
    await takeSnapshot(leader, replica)
    await replica.close()
    // Another connection of this process still reads: its locks must not have gone with ours.
    expect(locksOn(replica.database).length).toBeGreaterThan(0)
    expect(reader.prepare('SELECT count(*) FROM t').pluck().get()).toBe(0)
    reader.close()
    leader.close()
  }))

function newLeader(folder: string): TestLeader {
  const leader = new TestLeader(join(folder, 'leader.db'))
  leader.run('CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT); CREATE INDEX i ON t(name)')
  return leader
}

function sqlite3(database: string, sql: string): string {
  return execFileSync('sqlite3', [database, sql], { encoding: 'utf8', stdio: 'pipe' })
}

function positionOf({ state }: { readonly state: { readonly kind: string } }): number {
  return (state as { readonly position?: { readonly sequence: number } }).position?.sequence ?? -1
}

function positionOfEntry(entry: { readonly position: { readonly sequence: number } }): number {
  return entry.position.sequence
}

/** The locks that this process holds on a file, as the system lists them: kind and bytes. */
function locksOn(path: string): string[] {
  const { ino } = statSync(path)
  const lines = readFileSync('/proc/locks', 'utf8').split('\n')
  return lines
    .filter((line) => line.includes(`:${ino} `) && line.includes(` ${process.pid} `))
    .map((line) => line.replace(/^\d+: /, ''))
}
