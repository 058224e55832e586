import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { betterSqlite3, nodeDisk, openLogStore } from '@stemma/storage'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { askStatus } from '../../src/ask-status.ts'
import { openFollower, type Follower } from '../../src/index.ts'
import { Child } from './support/child.ts'
import { makeDatabase, newFolder } from './support/folder.ts'
import { expectEqual } from './support/proof.ts'

test.each(['stays', 'comes back later'] as const)(
  'entries 6 to 10 are lost with the leader, and made anew: a follower that has them and %s goes on',
  async (follows) => {
    const folder = newFolder()
    const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
    makeDatabase(app, 'CREATE TABLE t (id INTEGER PRIMARY KEY, x)')
    const write = openWriter(app)
    const events: string[] = []
    const follow = async (url: string): Promise<Follower> => {
      const follower = await openFollower({ url, database: copy, thread: 'same', onEvent: ({ kind }) => events.push(kind) })
      onTestFinished(() => follower.close())
      return follower
    }

    let leader = new Child('./leader-process.ts', [`${app}=tcp://127.0.0.1:0`])
    const [url] = (await leader.told('up'))['urls'] as [string]
    let follower = await follow(url)
    write(5)
    await settle(leader, url)
    const sidecar = contentOf(`${app}-stemma`)
    write(5)
    await settle(leader, url)
    const lost = timesOf(app)
    expect(lost).toHaveLength(10)
    if (follows === 'comes back later') await follower.close()
    await leader.kill()
    putBack(`${app}-stemma`, sidecar)
    expect(timesOf(app)).toHaveLength(5)
    events.length = 0

    leader = new Child('./leader-process.ts', [`${app}=${url}`])
    await leader.told('up')
    write(5)
    if (follows === 'comes back later') follower = await follow(url)
    await settle(leader, url)
    expect((await follower.status()).position).toEqual({ epoch: 1, sequence: 15 })
    expect(events).toContain('connected')
    for (const kind of ['diverged', 'snapshot-started', 'resync', 'failed']) expect(events).not.toContain(kind)
    expect(leader.said.map(({ kind }) => kind)).not.toContain('gap-mended')
    const anew = timesOf(app)
    expect(anew.slice(0, 5)).toEqual(lost.slice(0, 5))
    expect(anew.slice(5, 10)).not.toEqual(lost.slice(5))
    await expectEqual(app, copy)
  },
)

/** A program that writes rows, each in a transaction, and leaves the WAL alone. */
function openWriter(path: string): (rows: number) => void {
  const database = new Database(path)
  onTestFinished(() => void database.close())
  database.pragma('wal_autocheckpoint = 0')
  const insert = database.prepare('INSERT INTO t (x) VALUES (hex(randomblob(100)))')
  return (rows) => {
    for (let i = 0; i < rows; i++) insert.run()
  }
}

/** Waits until a follower has everything, and the log has it too: a leader that is asked how it is writes what waits. */
async function settle(leader: Child, url: string): Promise<void> {
  await leader.order('settle')
  await askStatus({ url })
}

/** When the entries of a log were made. */
function timesOf(database: string): number[] {
  const log = openLogStore({ database, driver: betterSqlite3, disk: nodeDisk, readOnly: true })
  try {
    const newest = log.size().formats[0]?.newest ?? 0
    return Array.from({ length: newest }, (_, i) => log.entryAt('wal', i + 1)!.committedAt)
  } finally {
    log.close()
  }
}

/** A database as it stands, whoever has it open. */
function contentOf(path: string): Buffer {
  const database = new Database(path, { readonly: true })
  try {
    return database.serialize()
  } finally {
    database.close()
  }
}

/** Puts a database back to what it was; nobody has it open. */
function putBack(path: string, content: Buffer): void {
  for (const suffix of ['-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true })
  writeFileSync(path, content)
}
