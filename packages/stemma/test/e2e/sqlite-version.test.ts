import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { openFollower, openLeader, type Follower, type Leader, type LeaderEvent } from '../../src/index.ts'
import { newFolder } from './support/folder.ts'
import { openOtherSqlite } from './support/other-sqlite.ts'

const OTHER = '3.44.6'

interface World {
  readonly leader: Leader
  /** Follows over a way on which the follower seems to run this SQLite; by default its own. */
  follow(format: string, sqlite?: string): Promise<Follower>
}

async function lead(path: string, onEvent: (event: LeaderEvent) => void = () => {}): Promise<Leader> {
  const leader = await openLeader({ database: path, formats: ['statement', 'row', 'wal'], thread: 'same', onEvent })
  onTestFinished(() => leader.close())
  return leader
}

async function openWorld(): Promise<World> {
  const folder = newFolder()
  const path = join(folder, 'app.db')
  new Database(path).exec('PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT)').close()
  const leader = await lead(path)
  let copies = 0
  return {
    leader,
    async follow(format, sqlite) {
      const url = sqlite === undefined ? leader.url : await openOtherSqlite(leader.url, sqlite)
      const follower = await openFollower({ url, database: join(folder, `${++copies}.db`), format, thread: 'same' })
      onTestFinished(() => follower.close())
      return follower
    },
  }
}

test('statements are not sent to a follower of another SQLite, which is told of the formats that it could have', async () => {
  const { follow } = await openWorld()
  const refused = follow('statement', OTHER)
  await expect(refused).rejects.toMatchObject({ name: 'StemmaError', code: 'SQLITE_VERSION_DIFFERS' })
  await expect(refused).rejects.toThrow(/3\.44\.6.*row, wal/)
})

test.each([
  ['row', OTHER],
  ['wal', OTHER],
  ['statement', undefined],
])('a follower by %s that runs SQLite %s is welcome', async (format, sqlite) => {
  const { leader, follow } = await openWorld()
  const follower = await follow(format, sqlite)
  leader.database.prepare('INSERT INTO t (word) VALUES (?)').run('tea')
  await leader.waitFor({ level: 'applied' })
  expect(follower.database.prepare('SELECT word FROM t').pluck().all()).toEqual(['tea'])
})

test('what a leader kept as statements under another SQLite is not run again by followers under this one', async () => {
  const folder = newFolder()
  const path = join(folder, 'app.db')
  new Database(path).exec('PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT)').close()
  const copies = ['statement', 'row'].map((format) => ({ format, database: join(folder, `${format}.db`) }))
  const first = await lead(path)
  for (const copy of copies) await (await openFollower({ url: first.url, ...copy, thread: 'same' })).close()
  first.database.prepare('INSERT INTO t (word) VALUES (?)').run('tea')
  await first.close()
  new Database(`${path}-stemma`).exec(`UPDATE maker SET sqlite = '${OTHER}'`).close()

  const events: LeaderEvent[] = []
  const second = await lead(path, (event) => events.push(event))
  for (const copy of copies) {
    const follower = await openFollower({ url: second.url, ...copy, thread: 'same' })
    expect(follower.database.prepare('SELECT word FROM t').pluck().all()).toEqual(['tea'])
    await follower.close()
  }
  const snapshots = events.filter(({ kind }) => kind === 'follower-needs-snapshot')
  expect(snapshots).toHaveLength(1)
})
