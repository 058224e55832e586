import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { openFollower, openLeader, type Leader } from '../../src/index.ts'
import { makeDatabase, newFolder } from './support/folder.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

const SCHEMA = `CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL);
  CREATE TABLE tag (item INTEGER, tag TEXT, PRIMARY KEY (tag, item)) WITHOUT ROWID`

interface Event {
  readonly topic: string
  readonly key: unknown
  readonly value: Readonly<Record<string, unknown>>
}

async function lead(folder: string): Promise<Leader> {
  const database = join(folder, 'shop.db')
  makeDatabase(database, SCHEMA)
  const leader = await openLeader({ database, formats: ['wal', 'debezium'], thread: 'same' })
  onTestFinished(() => leader.close())
  return leader
}

/** Runs `stemma changes --format debezium`, until it has told the end of a commit or ends itself. */
async function readEvents(target: string, from: string, until?: string): Promise<{ events: Event[]; exitCode: number | null }> {
  const child = spawn(process.execPath, [MAIN, 'changes', target, '--from', from, '--format', 'debezium'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const events: Event[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as Event
    events.push(event)
    if (event.value['status'] === 'END' && event.value['id'] === until) child.kill('SIGTERM')
  }
  const [exitCode] = (await ended) as [number | null]
  return { events, exitCode }
}

/** What a consumer has that keeps the last value of each key. */
function tablesOf(events: readonly Event[]): Record<string, unknown[]> {
  const topics: Record<string, Map<string, unknown>> = {}
  for (const { topic, key, value } of events) {
    if (!('op' in value)) continue
    const rows = (topics[topic] ??= new Map<string, unknown>())
    if (value['op'] === 'd') rows.delete(JSON.stringify(key))
    else rows.set(JSON.stringify(key), value['after'])
  }
  return Object.fromEntries(Object.entries(topics).map(([topic, rows]) => [topic, [...rows.values()]]))
}

test('a consumer of Debezium events has every row, live and from a log that nobody serves', { timeout: 60_000 }, async () => {
  const folder = newFolder()
  const leader = await lead(folder)
  const { database } = leader
  database.exec(
    "BEGIN; INSERT INTO item (name, price) VALUES ('a', 1), ('b', 2.5), ('c', NULL); INSERT INTO tag VALUES (1, 'x'), (2, 'y'); COMMIT",
  )
  database.exec(
    "UPDATE item SET price = 3 WHERE name = 'c'; DELETE FROM item WHERE name = 'b'; UPDATE tag SET tag = 'z' WHERE item = 2",
  )
  database.exec('ALTER TABLE item ADD COLUMN note DEFAULT 5')
  database.exec('UPDATE item SET id = 10 WHERE id = 1')
  const { sequence } = await leader.waitFor({ followers: 0 })
  const live = await readEvents(leader.url, '1:0', `1:${sequence}`)
  expect(live.exitCode).toBe(0)
  const wanted = {
    'shop.item': [
      { id: 3, name: 'c', price: 3 },
      { id: 10, name: 'a', price: 1, note: 5 },
    ],
    'shop.tag': [
      { item: 1, tag: 'x' },
      { item: 2, tag: 'z' },
    ],
  }
  expect(tablesOf(live.events)).toEqual(wanted)
  const ddl = live.events.filter(({ topic }) => topic === 'shop').map(({ value }) => value['ddl'])
  expect(ddl).toEqual(['CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL, note DEFAULT 5)'])
  const ends = live.events.flatMap(({ value }) => (value['status'] === 'END' ? [value['id']] : []))
  expect(ends).toEqual(Array.from({ length: sequence }, (_, i) => `1:${i + 1}`))

  const rest = await readEvents(leader.url, '1:3', `1:${sequence}`)
  expect(rest.events).toEqual(live.events.slice(live.events.findIndex(({ value }) => value['id'] === '1:4')))
  await leader.close()
  const fromLog = await readEvents(join(folder, 'shop.db'), '1:0')
  expect(fromLog).toEqual({ events: live.events, exitCode: 4 })
})

test('no copy follows by Debezium events', async () => {
  const folder = newFolder()
  const leader = await lead(folder)
  await expect(
    openFollower({ url: leader.url, database: join(folder, 'copy.db'), format: 'debezium', thread: 'same' }),
  ).rejects.toMatchObject({ code: 'FORMAT_FEED_ONLY' })
})
