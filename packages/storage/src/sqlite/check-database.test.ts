import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StemmaError } from '@stemma/base'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { nodeDisk, type Disk } from '../disk/disk.ts'
import { betterSqlite3 } from './better-sqlite3.ts'
import { checkDatabase, type CheckOptions } from './check-database.ts'
import type { SqliteDriver } from './driver.ts'
import { lockDatabase } from './lock-database.ts'
import { losesPages } from './sqlite-version.ts'

const OPTIONS = { driver: betterSqlite3, disk: nodeDisk }
const MODULE = new URL('../index.ts', import.meta.url).href

let folder: string
let database: string
beforeEach(() => {
  folder = nodeDisk.realPath(mkdtempSync(join(tmpdir(), 'stemma-')))!
  database = join(folder, 'shop.db')
})
afterEach(() => rmSync(folder, { recursive: true }))

function make(sql: string): void {
  const connection = betterSqlite3.open(database, { mustExist: false })
  connection.exec(sql)
  connection.close()
}

function codeOf(work: () => void): string {
  try {
    work()
    return 'none'
  } catch (error) {
    return StemmaError.is(error) ? error.code : String(error)
  }
}

test.each<[string, () => [path: string, options?: Partial<CheckOptions>], string]>([
  ['a database in memory', () => [':memory:'], 'NOT_ON_DISK'],
  ['a temporary database', () => [''], 'NOT_ON_DISK'],
  ['a URI', () => ['file:shop.db?mode=memory'], 'NOT_ON_DISK'],
  ['a file that is not there', () => [database], 'NO_DATABASE'],
  ['a file in a folder that is not there', () => [join(folder, 'no', 'shop.db')], 'NO_DATABASE'],
  ['a folder', () => [folder], 'CANNOT_OPEN'],
  ['a text', () => [(writeFileSync(database, 'hello '.repeat(200)), database)], 'NOT_A_DATABASE'],
  ['rollback-journal mode', () => [(make('CREATE TABLE t(a)'), database)], 'NOT_WAL'],
  ['NFS', () => [(make('PRAGMA journal_mode=WAL'), database), { disk: onFileSystem(0x6969) }], 'NETWORK_FILE_SYSTEM'],
  ['CIFS', () => [(make('PRAGMA journal_mode=WAL'), database), { disk: onFileSystem(0xff534d42) }], 'NETWORK_FILE_SYSTEM'],
  ['an old SQLite', () => [(make('PRAGMA journal_mode=WAL'), database), { driver: ofVersion('3.46.1') }], 'SQLITE_VERSION'],
])('refuses %s', (_name, given, code) => {
  const [path, options] = given()
  expect(codeOf(() => checkDatabase(path, { ...OPTIONS, ...options }))).toBe(code)
  expect(existsSync(`${database}-stemma`)).toBe(false)
})

function onFileSystem(type: number): Disk {
  return { ...nodeDisk, fileSystemType: () => type }
}

function ofVersion(version: string): SqliteDriver {
  return {
    name: 'old',
    open(path, options) {
      const connection = betterSqlite3.open(path, options)
      const prepare: typeof connection.prepare = (sql) =>
        sql.includes('sqlite_version') ? { ...connection.prepare(sql), get: () => ({ version }) } : connection.prepare(sql)
      return {
        inTransaction: false,
        prepare,
        exec: (sql) => connection.exec(sql),
        define: (name, how, call) => connection.define(name, how, call),
        close: () => connection.close(),
      }
    },
  }
}

test('a database that somebody holds for himself is busy, and stays as it is', () => {
  make('CREATE TABLE t(a)')
  const other = betterSqlite3.open(database, { mustExist: true })
  other.exec('BEGIN; SELECT 1 FROM t; INSERT INTO t VALUES (1)')
  expect(codeOf(() => checkDatabase(database, { ...OPTIONS, convertToWal: true }))).toBe('DATABASE_BUSY')
  other.exec('COMMIT')
  other.close()
  expect(codeOf(() => checkDatabase(database, OPTIONS))).toBe('NOT_WAL')
}, 10_000)

test('switches to WAL mode only when it may', () => {
  make('PRAGMA page_size=1024; CREATE TABLE t(a)')
  expect(codeOf(() => checkDatabase(database, OPTIONS))).toBe('NOT_WAL')
  expect(checkDatabase(database, { ...OPTIONS, convertToWal: true })).toMatchObject({
    path: database,
    pageSize: 1024,
    converted: true,
  })
  expect(checkDatabase(database, OPTIONS)).toMatchObject({ converted: false })
})

test('gives the path that SQLite names the other files after', () => {
  make('PRAGMA journal_mode=WAL')
  const link = join(folder, 'link.db')
  symlinkSync(database, link)
  expect(checkDatabase(link, OPTIONS).path).toBe(database)
})

test('looking at a database leaves the WAL of a program that was killed', () => {
  const script = `
    import { betterSqlite3 } from ${JSON.stringify(MODULE)}
    const connection = betterSqlite3.open(${JSON.stringify(database)}, { mustExist: false })
    connection.exec('PRAGMA journal_mode=WAL; CREATE TABLE t(a)')
    process.kill(process.pid, 'SIGKILL')
  `
  expect(() => execFileSync(process.execPath, ['--input-type=module', '-e', script])).toThrow('Command failed')
  const { size } = statSync(`${database}-wal`)
  expect(size).toBeGreaterThan(0)
  checkDatabase(database, OPTIONS)
  expect(statSync(`${database}-wal`).size).toBe(size)
})

test.each([
  ['3.6.23', false],
  ['3.7.0', true],
  ['3.40.1', true],
  ['3.44.5', true],
  ['3.44.6', false],
  ['3.45.0', true],
  ['3.50.6', true],
  ['3.50.7', false],
  ['3.51.2', true],
  ['3.51.3', false],
  ['3.54.1', false],
  ['4.0.0', false],
])('SQLite %s can lose pages: %s', (version, expected) => {
  expect(losesPages(version)).toBe(expected)
})

test('one Stemma at a time has a database', () => {
  const lock = lockDatabase({ database, ...OPTIONS })
  expect(codeOf(() => lockDatabase({ database, ...OPTIONS }))).toBe('ALREADY_OPEN')
  expect(statSync(`${database}-stemma-lock`)).toMatchObject({ size: 0 })
  expect(statSync(`${database}-stemma-lock`).mode & 0o777).toBe(0o600)
  lock.release()
  lockDatabase({ database, ...OPTIONS }).release()
})

test('a Stemma that was killed has nothing any more', async () => {
  const script = `
    import { betterSqlite3, lockDatabase, nodeDisk } from ${JSON.stringify(MODULE)}
    lockDatabase({ database: ${JSON.stringify(database)}, driver: betterSqlite3, disk: nodeDisk })
    console.log('held')
    setInterval(() => {}, 1e6)
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  expect(codeOf(() => lockDatabase({ database, ...OPTIONS }))).toBe('ALREADY_OPEN')
  child.kill('SIGKILL')
  await once(child, 'exit')
  lockDatabase({ database, ...OPTIONS }).release()
})

test('a lock file that can not be made says so', () => {
  expect(codeOf(() => lockDatabase({ database: join(folder, 'no', 'shop.db'), ...OPTIONS }))).toBe('CANNOT_OPEN')
})
