import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { openLeader } from '../../src/index.ts'
import { Child, pause } from './support/child.ts'
import { ACCOUNTS, ACCOUNTS_TOTAL, makeDatabase, moveMoney, newFolder } from './support/folder.ts'
import { expectSameRows } from './support/mirror.ts'
import { expectEqual, expectSound } from './support/proof.ts'

/** A disk of so many megabytes; undefined when this machine does not let us make one. */
function newDisk(folder: string, megabytes: number): string | undefined {
  const disk = join(folder, 'disk')
  mkdirSync(disk)
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', disk]).status !== 0) return undefined
  onTestFinished(() => void spawnSync('umount', ['-l', disk]))
  return disk
}

const BLOB = 'INSERT INTO t (x) VALUES (randomblob(60000))'

test.for([
  ['wal', expectEqual],
  ['row', expectSameRows],
] as const)(
  'a follower by %s whose disk is full says so, keeps a whole copy, and goes on when there is room',
  async ([format, prove], context) => {
    const folder = newFolder()
    const disk = newDisk(folder, 12)
    if (disk === undefined) return context.skip('no right to mount a tmpfs')
    const [app, copy, filler] = [join(folder, 'app.db'), join(disk, 'copy.db'), join(disk, 'filler')]
    makeDatabase(app, `${ACCOUNTS}; CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB)`)
    const leader = await openLeader({ database: app, formats: [format] })
    onTestFinished(() => leader.close())
    const follower = new Child('./follower-process.ts', [`${copy}=${leader.url}=${format}`])
    await follower.told('caught-up')
    writeFileSync(filler, Buffer.alloc(9 * 1024 * 1024))

    for (let i = 0; i < 60; i++) leader.database.exec(`BEGIN; ${BLOB}; COMMIT`)
    for (let i = 0; i < 20; i++) moveMoney(leader.database)
    const said = await sayingFull(follower)
    expect(said).toMatch(/REPLICA_FULL|SQLITE_FULL|LOG_FULL/)
    expectWhole(copy)
    expect(follower.said.filter(({ kind }) => kind === 'failed')).toEqual([])

    rmSync(filler)
    await leader.waitFor({ level: 'durable', timeoutMs: 25_000 })
    await prove(app, copy)
    expectSound(copy)
  },
)

test('a disk that is full during the first snapshot leaves no copy that is half', async ({ skip }) => {
  const folder = newFolder()
  const disk = newDisk(folder, 3)
  if (disk === undefined) return skip('no right to mount a tmpfs')
  const [app, copy] = [join(folder, 'app.db'), join(disk, 'copy.db')]
  makeDatabase(app, `${ACCOUNTS}; CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB);${`${BLOB};`.repeat(100)}`)
  const leader = await openLeader({ database: app })
  onTestFinished(() => leader.close())
  const follower = new Child('./follower-process.ts', [`${copy}=${leader.url}`])
  expect(await sayingFull(follower)).toMatch(/REPLICA_FULL|SQLITE_FULL/)
  expect(() => new Database(copy, { fileMustExist: true })).toThrow()
  expect(spawnSync('mount', ['-o', 'remount,size=30m', disk]).status).toBe(0)
  await leader.waitFor({ level: 'durable', timeoutMs: 25_000 })
  await expectEqual(app, copy)
})

test('a leader whose disk is too full for its log goes on serving', async ({ skip }) => {
  const folder = newFolder()
  const disk = newDisk(folder, 24)
  if (disk === undefined) return skip('no right to mount a tmpfs')
  const [app, copy, filler] = [join(disk, 'app.db'), join(folder, 'copy.db'), join(disk, 'filler')]
  makeDatabase(app, `${ACCOUNTS}; CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB)`)
  const leading = new Child('./leader-process.ts', [`${app}=tcp://127.0.0.1:0`])
  const [url] = (await leading.told('up'))['urls'] as [string]
  const follower = new Child('./follower-process.ts', [`${copy}=${url}`])
  await follower.told('caught-up')
  const writer = new Database(app)
  onTestFinished(() => void writer.close())
  // Six megabytes of entries, which a log of six megabytes and a WAL have no room for beside each other.
  for (let i = 0; i < 30; i++) writer.exec(`BEGIN; ${BLOB}; COMMIT`)
  await leading.order('settle')
  writeFileSync(filler, Buffer.alloc(12 * 1024 * 1024))
  for (let i = 0; i < 200; i++) {
    try {
      moveMoney(writer)
      writer.exec(`UPDATE t SET x = randomblob(60000) WHERE id = ${1 + (i % 30)}`)
    } catch (error) {
      // The disk is full for the writer as well, which it would be without us: it waits until there is room.
      expect((error as { code: string }).code).toMatch(/SQLITE_FULL|SQLITE_IOERR/)
      if (writer.inTransaction) writer.exec('ROLLBACK')
      await pause(20)
    }
  }
  rmSync(filler)
  moveMoney(writer)
  await leading.order('settle')
  await expectEqual(app, copy)
  expect(leading.said.filter(({ kind }) => kind === 'failed')).toEqual([])
})

/** What a follower says when it first tells of a full disk. */
async function sayingFull(follower: Child): Promise<string> {
  for (;;) {
    const found = follower.said.map((said) => JSON.stringify(said)).find((said) => said.includes('FULL'))
    if (found !== undefined) return found
    await pause(10)
  }
}

function expectWhole(copy: string): void {
  const database = new Database(copy, { readonly: true })
  expect(database.pragma('integrity_check', { simple: true })).toBe('ok')
  expect(database.prepare('SELECT sum(balance) FROM account').pluck().get()).toBe(ACCOUNTS_TOTAL)
  database.close()
}
