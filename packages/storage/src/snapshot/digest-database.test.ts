import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StemmaError } from '@stemma/base'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { nodeDisk } from '../disk/disk.ts'
import { betterSqlite3 } from '../sqlite/better-sqlite3.ts'
import { digestDatabase } from './digest-database.ts'
import { scanSums } from './scan-sums.ts'

const OPTIONS = { driver: betterSqlite3, disk: nodeDisk }
const MODULE = new URL('../index.ts', import.meta.url).href

let folder: string
let database: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  database = join(folder, 'shop.db')
})
afterEach(() => rmSync(folder, { recursive: true }))

/** The digest by the plainest way: VACUUM would change pages, so a checkpointed copy is read from its bytes. */
async function digestOfFile(path: string, pageSize: number): Promise<bigint> {
  const bytes = readFileSync(path)
  const read = (first: number, count: number, into: Uint8Array): void =>
    into.set(bytes.subarray((first - 1) * pageSize, (first - 1 + count) * pageSize))
  return (await scanSums({ pageCount: bytes.byteLength / pageSize, pageSize, read })).digest
}

test.each([
  ['delete', 512],
  ['delete', 65_536],
  ['wal', 1024],
  ['wal', 4096],
])('journal mode %s, %i-byte pages: the digest is that of the pages as a reader sees them', async (mode, pageSize) => {
  const writer = betterSqlite3.open(database, { mustExist: false })
  writer.exec(`PRAGMA page_size = ${pageSize}; PRAGMA journal_mode = ${mode}; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t(a)`)
  writer.exec(`INSERT INTO t SELECT hex(randomblob(100)) FROM (${series(500)})`)
  if (mode === 'wal') writer.prepare('PRAGMA wal_checkpoint(PASSIVE)').get()
  writer.exec(`UPDATE t SET a = 'x' WHERE rowid % 3 = 0; INSERT INTO t SELECT hex(randomblob(100)) FROM (${series(200)})`)
  const live = await digestDatabase(database, OPTIONS)
  expect(await digestDatabase(database, OPTIONS)).toEqual(live)
  writer.exec('DELETE FROM t WHERE rowid = 5')
  const changed = await digestDatabase(database, OPTIONS)
  expect(changed.digest).not.toBe(live.digest)
  if (mode === 'wal') writer.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()
  expect(await digestDatabase(database, OPTIONS)).toEqual(changed)
  writer.close()
  expect(await digestOfFile(database, pageSize)).toBe(changed.digest)
  expect(changed.pageCount * pageSize).toBe(statSync(database).size)
})

function series(count: number): string {
  return `WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ${count}) SELECT n FROM s`
}

test('an empty file has the digest of no pages', async () => {
  betterSqlite3.open(database, { mustExist: false }).close()
  expect(await digestDatabase(database, OPTIONS)).toMatchObject({ digest: 0n, pageCount: 0 })
})

test('a program that writes and checkpoints all the while is never seen in the middle of a transaction', async () => {
  // Two tables hold the same number in every committed state, and a page of each changes with each commit.
  const script = `
    import { betterSqlite3 } from ${JSON.stringify(MODULE)}
    const writer = betterSqlite3.open(${JSON.stringify(database)}, { mustExist: false, busyTimeout: 5000 })
    writer.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 20; CREATE TABLE a(n); CREATE TABLE b(n); INSERT INTO a VALUES (0); INSERT INTO b VALUES (0)')
    writer.exec('CREATE TABLE filler(x); WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 300) INSERT INTO filler SELECT randomblob(3000) FROM s')
    console.log('ready')
    for (;;) writer.exec('BEGIN; UPDATE a SET n = n + 1; UPDATE b SET n = n + 1; COMMIT')
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  const seen = new Set<number>()
  try {
    for (let i = 0; i < 40; i++) {
      const numbers: number[] = []
      // Pages 2 and 3 are the roots of a and b.
      const page = (pageNumber: number, bytes: Uint8Array): void => {
        if (pageNumber === 2 || pageNumber === 3) numbers[pageNumber - 2] = onlyNumberIn(bytes)
      }
      const { digest, sums, pageCount } = await digestDatabase(database, { ...OPTIONS, page })
      expect(numbers[0]).toBe(numbers[1])
      expect(pageCount).toBeGreaterThan(200)
      expect(digest).toBe(sums.digest)
      seen.add(numbers[0]!)
    }
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  expect(seen.size).toBeGreaterThan(5)
})

/** The integer in the leaf page of a table of one row and one column. */
function onlyNumberIn(page: Uint8Array): number {
  // Cell: size of the record, rowid, then the record: size of its header, serial type, value.
  const cell = (page[8]! << 8) | page[9]!
  const type = page[cell + 3]!
  if (type >= 8) return type - 8
  let value = 0
  for (let i = 0; i < type; i++) value = value * 256 + page[cell + 4 + i]!
  return value
}

test.each<[string, string, string]>([
  ['a database in memory', ':memory:', 'NOT_ON_DISK'],
  ['nothing', '/nowhere/shop.db', 'NO_DATABASE'],
  ['a folder', '.', 'CANNOT_OPEN'],
])('%s has no digest', async (_name, path, code) => {
  const error = await digestDatabase(path, OPTIONS).catch((thrown: unknown) => thrown)
  expect(StemmaError.is(error) && error.code).toBe(code)
})
