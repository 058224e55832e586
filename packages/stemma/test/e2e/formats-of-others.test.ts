import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { RETENTION } from '@stemma/storage'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { openFollower, readLog, type FollowerEvent, type LeaderEvent } from '../../src/index.ts'
import { FORMAT_LIMITS } from '../../src/leader/format-guard.ts'
import { openLeaderEngine } from '../../src/leader/leader-engine.ts'
import { newFolder } from './support/folder.ts'

/** Rows by the format `row`, but a commit that writes the table `bad` is too much for it. */
const MODULE = (rowFormat: string, encode: string): string => `
  import { rowFormat } from ${JSON.stringify(rowFormat)}
  export const format = { ...rowFormat, name: 'own', encode(commit) {
    if (commit.rows().tables.some(({ name }) => name === 'bad')) { ${encode} }
    return rowFormat.encode(commit)
  } }`

test.each<[title: string, encode: string, limits: Partial<typeof FORMAT_LIMITS>]>([
  ['never comes back', 'for (;;);', { encodeMs: 200 }],
  ['takes too long', 'const end = performance.now() + 30; while (performance.now() < end);', { commitMs: 0, overdraftMs: 20 }],
])('a format that %s is suspended: its followers stop, and all others go on', async (_, encode, limits) => {
  const folder = newFolder()
  const [database, module] = [join(folder, 'app.db'), join(folder, 'own.mjs')]
  writeFileSync(module, MODULE(import.meta.resolve('@stemma/format-row'), encode))
  const writer = new Database(database)
  onTestFinished(() => void writer.close())
  writer.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (a); CREATE TABLE bad (a)')
  const events: LeaderEvent[] = []
  const leader = await openLeaderEngine(
    {
      database,
      listen: 'tcp://127.0.0.1:0',
      formats: [module, 'wal'],
      rowImage: 'full',
      policy: 'mixed',
      ship: 'synced',
      retention: RETENTION,
      convertToWal: false,
      // What a machine that is busy does to small commits is not what is tried here.
      formatLimits: { ...FORMAT_LIMITS, ...limits },
    },
    (event) => events.push(event),
  )
  onTestFinished(() => leader.close())
  const follow = async (format: string): Promise<FollowerEvent[]> => {
    const seen: FollowerEvent[] = []
    const copy = join(folder, `${format === 'wal' ? 'wal' : 'own'}.db`)
    const options = { url: leader.url, database: copy, format, thread: 'same' } as const
    const follower = await openFollower({ ...options, onEvent: (event) => void seen.push(event) })
    onTestFinished(() => follower.close())
    await follower.caughtUp()
    return seen
  }
  const [own, wal] = [await follow(module), await follow('wal')]
  writer.exec('INSERT INTO bad VALUES (1)')
  writer.exec('INSERT INTO t VALUES (1)')
  await leader.waitFor({ followers: 1, level: 'applied', timeoutMs: 20_000 })
  await expect.poll(() => own.at(-1), { timeout: 20_000 }).toMatchObject({ kind: 'failed', error: { code: 'NO_COMMON_FORMAT' } })
  expect(events.filter(({ kind }) => kind === 'warning' || kind === 'failed')).toMatchObject([
    { kind: 'warning', error: { code: 'FORMAT_SUSPENDED' } },
    // Its follower comes again, and is refused.
    { kind: 'warning', error: { code: 'NO_COMMON_FORMAT' } },
  ])
  const left = own.find(({ kind }) => kind === 'disconnected')
  expect(left).toMatchObject({ error: { message: expect.stringContaining('FORMAT_SUSPENDED') } })
  expect(wal.filter(({ kind }) => kind === 'disconnected' || kind === 'warning')).toEqual([])
  expect(leader.status().work).toMatchObject([
    { format: 'own', suspended: expect.stringContaining('the format own') },
    { format: 'wal', barriers: 0 },
  ])
  await leader.close()
  const entries = await readLog({ database, format: module, after: 0 })
  expect(entries.at(-1)).toMatchObject({ barrier: true })
})
