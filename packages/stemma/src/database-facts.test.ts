import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PageSums, betterSqlite3, makeCopyTable, nodeDisk, openLogStore } from '@stemma/storage'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { digestOf, statusOf } from './database-facts.ts'

test('a database that Stemma never saw has a digest and no position', async () => {
  const path = newDatabase()
  expect(await digestOf(path)).toMatchObject({ pageSize: 4096, pageCount: 2, position: undefined })
})

test('the digest changes with one byte, and is the same for the same bytes', async () => {
  const path = newDatabase()
  const first = await digestOf(path)
  expect((await digestOf(path)).digest).toBe(first.digest)
  write(path, "UPDATE t SET x = 'b'")
  expect((await digestOf(path)).digest).not.toBe(first.digest)
})

test("a leader's database has the position that its log remembers, until it moves on", async () => {
  const path = newDatabase()
  const { digest, pageSize, pageCount } = await digestOf(path)
  const position = { epoch: 1, sequence: 7 }
  const log = openLogStore({ database: path, driver: betterSqlite3, disk: nodeDisk })
  log.begin({ position, digest, pageSize, pageCount, wal: undefined }, sumsOf(pageCount))
  log.close()
  expect((await digestOf(path)).position).toEqual(position)
  expect(await statusOf(path)).toMatchObject({ role: 'leader', position, database: path, logBytes: 0 })

  write(path, "UPDATE t SET x = 'b'")
  expect((await digestOf(path)).position).toBeUndefined()
})

test.each([
  ['a database that Stemma does not know', (path: string) => path, 'NO_LOG'],
  ['a database that is not there', (path: string) => `${path}.none`, 'NO_LOG'],
])('the status of %s is an error', async (_title, pathOf, code) => {
  await expect(statusOf(pathOf(newDatabase()))).rejects.toMatchObject({ code })
})

test('the digest of a file that is not there is an error', async () => {
  await expect(digestOf(`${newDatabase()}.none`)).rejects.toMatchObject({ code: 'NO_DATABASE' })
})

test('a copy by rows says of itself where it stands', async () => {
  const path = newDatabase()
  const position = { epoch: 1, sequence: 7 }
  const place = { cluster: 'c', format: 'row', position, digest: 5n, pageSize: 512, pageCount: 9, wal: undefined }
  const connection = betterSqlite3.open(path, { mustExist: true })
  makeCopyTable(connection, { node: 'n', place })
  connection.close()
  expect(await statusOf(path)).toMatchObject({
    role: 'follower',
    cluster: 'c',
    node: 'n',
    position,
    formats: ['row'],
    digest: '0000000000000005',
  })
  expect(await digestOf(path)).toMatchObject({ position, pageSize: 4096 })
})

function newDatabase(): string {
  const folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'a.db')
  write(path, "PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES ('a')")
  return path
}

function write(path: string, sql: string): void {
  const database = new Database(path)
  database.exec(sql)
  database.close()
}

function sumsOf(pageCount: number): PageSums {
  const sums = new PageSums(pageCount)
  sums.setPageCount(pageCount)
  return sums
}
