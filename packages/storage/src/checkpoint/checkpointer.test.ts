import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { betterSqlite3 } from '../sqlite/better-sqlite3.ts'
import { openCheckpointThread, openCheckpointer, type Checkpointer } from './checkpointer.ts'

let folder: string
let path: string
let database: Database.Database
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  path = join(folder, 'a.db')
  database = new Database(path)
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)')
})
afterEach(() => {
  database.close()
  rmSync(folder, { recursive: true })
})

const kinds: [string, () => Promise<Checkpointer>][] = [
  ['a thread', () => openCheckpointThread(betterSqlite3, path)],
  ['the same thread', () => Promise.resolve(openCheckpointer(betterSqlite3, path))],
]

test.each(kinds)('on %s, a passive checkpoint copies all frames', async (_, open) => {
  const checkpointer = await open()
  const result = await checkpointer.checkpoint('passive')
  expect(result.busy).toBe(false)
  expect(result.log).toBeGreaterThan(0)
  expect(result.checkpointed).toBe(result.log)
  await checkpointer.close()
})

test.each(kinds)('on %s, truncate is busy while somebody reads, and empties the WAL when nobody does', async (_, open) => {
  const checkpointer = await open()
  database.exec('BEGIN; SELECT * FROM t')
  database.prepare('SELECT a FROM t').get()
  expect((await checkpointer.checkpoint('truncate')).busy).toBe(true)
  database.exec('COMMIT')
  expect(await checkpointer.checkpoint('truncate')).toEqual({ busy: false, log: 0, checkpointed: 0 })
  await checkpointer.close()
})

test('a thread that can not open the database says so', async () => {
  await expect(openCheckpointThread(betterSqlite3, join(folder, 'none.db'))).rejects.toThrow(/unable to open/)
})

test('checkpoints that wait when the thread is closed are done first, later ones are refused', async () => {
  const checkpointer = await openCheckpointThread(betterSqlite3, path)
  const first = checkpointer.checkpoint('passive')
  const closed = checkpointer.close()
  expect((await first).busy).toBe(false)
  await closed
  await expect(checkpointer.checkpoint('passive')).rejects.toThrow(/ended/)
})
