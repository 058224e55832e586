import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { type FollowerEvent, type NodeStatus, openFollower, openLeader, readLog } from '../../src/index.ts'
import { newFolder } from './support/folder.ts'

/** A leader and a follower by rows on this thread, with some commits between them. */
async function follow(): Promise<{ path: string; leading: NodeStatus; following: NodeStatus; events: readonly FollowerEvent[] }> {
  const folder = newFolder()
  const path = join(folder, 'app.db')
  const database = new Database(path)
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT)')
  database.close()
  const leader = await openLeader({ database: path, formats: ['wal', 'row'], thread: 'same' })
  onTestFinished(() => leader.close())
  const events: FollowerEvent[] = []
  const copy = join(folder, 'copy.db')
  const onEvent = (event: FollowerEvent): void => void events.push(event)
  const follower = await openFollower({ url: leader.url, database: copy, format: 'row', thread: 'same', trace: true, onEvent })
  onTestFinished(() => follower.close())
  for (const word of ['one', 'two', 'three']) leader.database.prepare('INSERT INTO t (word) VALUES (?)').run(word)
  await leader.waitFor({ level: 'applied' })
  return { path, leading: await leader.status(), following: await follower.status(), events }
}

test('a status says what was done for each format: how many entries and bytes, and how long it took', async () => {
  const { leading, following } = await follow()
  const [wal, row] = leading.work ?? []
  expect([wal, row]).toMatchObject([
    { format: 'wal', entries: 3, barriers: 0 },
    { format: 'row', entries: 3, barriers: 0 },
  ])
  expect(following.work).toMatchObject([{ format: 'row', entries: 3, bytes: row?.bytes, barriers: 0 }])
  expect(wal?.bytes).not.toBe(row?.bytes)
  for (const work of [...(leading.work ?? []), ...(following.work ?? [])]) expect(work.tookMs).toBeGreaterThan(0)
  expect(following.work?.[0]?.delayMs).toBeGreaterThanOrEqual(0)
})

test('the log of a leader at work is read with what each entry says, and with its bytes', async () => {
  const { path, leading } = await follow()
  const all = await readLog({ database: path, format: 'row' })
  expect(all.map(({ position }) => position.sequence)).toEqual([1, 2, 3])
  expect(all.reduce((sum, { bytes }) => sum + bytes.byteLength, 0)).toBe(leading.work?.[1]?.bytes)
  expect(all[1]?.details.join('\n')).toContain('two')
  expect(await readLog({ database: path, format: 'row', limit: 2 })).toEqual(all.slice(1))
  expect(await readLog({ database: path, format: 'row', after: 1, limit: 1 })).toEqual(all.slice(1, 2))
  for (const { bytes, payload } of all) expect(Buffer.from(bytes).includes(Buffer.from(payload))).toBe(true)
})

test('a follower that is to be traced tells of each message that it sends and gets', async () => {
  const { events } = await follow()
  const messages = events.flatMap((event) => (event.kind === 'message' ? [event] : []))
  const kinds = messages.map(({ direction, text }) => `${direction} ${text.split(' ')[0]}`)
  expect(kinds.slice(0, 4)).toEqual(['sent hello', 'received welcome', 'sent follow', 'received verdict'])
  expect(kinds).toContain('received entries')
  expect(kinds.at(-1)).toBe('sent ack')
  for (const { bytes } of messages) expect(bytes).toBeGreaterThan(0)
})
