import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { betterSqlite3 } from './better-sqlite3.ts'
import { isBusy, sqliteCode, type SqliteDriver } from './driver.ts'
import { nodeSqlite } from './node-sqlite.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  // A name that would mean something else in a URI.
  path = join(folder, 'a b?c#d%41.db')
})
afterEach(() => rmSync(folder, { recursive: true }))

const DRIVERS = [betterSqlite3, nodeSqlite].map((driver) => [driver.name, driver] as const)

test.each(DRIVERS)('%s gives back what it was given', (_name, driver) => {
  const connection = driver.open(path, { mustExist: false })
  connection.exec('CREATE TABLE t(a, b, c, d, e); CREATE TABLE u(x)')
  connection.prepare('INSERT INTO t VALUES (?, ?, ?, ?, ?)').run(null, 2n ** 62n, 1.5, 'é', new Uint8Array([1, 2]))
  connection.prepare('INSERT INTO t VALUES (?, ?, ?, ?, ?)').run(1, -(2n ** 63n), 0.1, '', new Uint8Array(0))
  const rows = connection.prepare('SELECT * FROM t').all()
  expect(rows.map((row) => Object.values(row).map(plain))).toEqual([
    [null, 2n ** 62n, 1.5, 'é', [1, 2]],
    [1, -(2n ** 63n), 0.1, '', []],
  ])
  expect(connection.prepare('SELECT count(*) AS n FROM t').get()).toEqual({ n: 2n })
  expect(connection.prepare('SELECT 1 FROM u').get()).toBeUndefined()
  expect(connection.inTransaction).toBe(false)
  connection.exec('BEGIN')
  expect(connection.inTransaction).toBe(true)
  connection.close()
})

function plain(value: unknown): unknown {
  return value instanceof Uint8Array ? [...value] : value
}

test.each<[string, (driver: SqliteDriver) => void, string]>([
  ['a missing file', (driver) => driver.open(path, { mustExist: true }), 'SQLITE_CANTOPEN'],
  ['a missing file, to be read', (driver) => driver.open(path, { mustExist: true, readOnly: true }), 'SQLITE_CANTOPEN'],
  ['a file that is no database', notADatabase, 'SQLITE_NOTADB'],
  ['a write to what is open for reading', writeReadOnly, 'SQLITE_READONLY'],
  ['a lock that another connection holds', locked, 'SQLITE_BUSY'],
  ['a constraint', constraint, 'SQLITE_CONSTRAINT'],
])('both drivers tell of %s by the same code', (_name, work, code) => {
  for (const driver of [betterSqlite3, nodeSqlite]) {
    rmSync(path, { force: true })
    let thrown: unknown
    try {
      work(driver)
    } catch (error) {
      thrown = error
    }
    expect(sqliteCode(thrown)?.slice(0, code.length), driver.name).toBe(code)
    expect(isBusy(thrown)).toBe(code === 'SQLITE_BUSY')
  }
})

function notADatabase(driver: SqliteDriver): void {
  writeFileSync(path, 'x'.repeat(1_000))
  driver.open(path, { mustExist: true }).exec('SELECT 1 FROM sqlite_schema')
}

function writeReadOnly(driver: SqliteDriver): void {
  driver.open(path, { mustExist: false }).exec('CREATE TABLE t(a)')
  driver.open(path, { mustExist: true, readOnly: true }).exec('INSERT INTO t VALUES (1)')
}

function locked(driver: SqliteDriver): void {
  driver.open(path, { mustExist: false }).exec('BEGIN EXCLUSIVE')
  driver.open(path, { mustExist: false }).exec('BEGIN EXCLUSIVE')
}

function constraint(driver: SqliteDriver): void {
  driver.open(path, { mustExist: false }).exec('CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES (1), (1)')
}

test('what is no error of SQLite has no code', () => {
  expect(sqliteCode(new Error('x'))).toBeUndefined()
  expect(sqliteCode(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBeUndefined()
  expect(sqliteCode('SQLITE_BUSY')).toBeUndefined()
})

test.each(DRIVERS)('%s lets nobody write the schema who was not meant to', (_name, driver) => {
  for (const mayWriteSchema of [false, true]) {
    const connection = driver.open(':memory:', { mustExist: false, mayWriteSchema })
    connection.exec('CREATE TABLE t (a); PRAGMA writable_schema = ON')
    const edit = (): void => connection.exec('DELETE FROM sqlite_schema')
    if (mayWriteSchema) expect(edit).not.toThrow()
    else expect(edit).toThrow(/may not be modified/)
    connection.close()
  }
})

test.each(DRIVERS)('%s runs statements to their end, and tells what came of them', (_name, driver) => {
  const connection = driver.open(':memory:', { mustExist: false })
  connection.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, a)')
  const insert = connection.prepare('INSERT INTO t (a) VALUES (?), (:b), (?) RETURNING id, a')
  expect(insert.execute([1n, 2n], { b: 'x' })).toEqual({ changes: 3, lastInsertRowid: 3n })
  expect(connection.prepare('SELECT a FROM t ORDER BY id').all()).toEqual([{ a: 1n }, { a: 'x' }, { a: 2n }])
  expect(connection.prepare('UPDATE t SET a = 0').execute([])).toEqual({ changes: 3, lastInsertRowid: 3n })
  expect(connection.prepare('DELETE FROM t WHERE a = @a').execute([], { a: 7n })).toEqual({ changes: 0, lastInsertRowid: 3n })
  connection.close()
})

test.each(DRIVERS)('%s replaces functions, which get and give values with their types', (_name, driver) => {
  const connection = driver.open(':memory:', { mustExist: false })
  connection.define('random', { argumentCount: 0, isDeterministic: false }, () => 7n)
  connection.define('date', { argumentCount: undefined, isDeterministic: true }, (...values) =>
    values.map((each) => `${typeof each}`).join(),
  )
  connection.define('twice', { argumentCount: 1, isDeterministic: true }, (value) => value!)
  connection.exec('CREATE TABLE t (a DEFAULT (random()), b); CREATE INDEX i ON t (date(b)); INSERT INTO t (b) VALUES (1)')
  const value = (sql: string): unknown => plain(connection.prepare(`SELECT ${sql} AS v`).get()?.['v'])
  expect(value('(SELECT a || typeof(a) FROM t)')).toBe('7integer')
  expect(value("date(1, 1.0, 'x', NULL)")).toBe('bigint,number,string,object')
  expect(['1', '1.0', "'é'", 'NULL', "x'01'"].map((each) => value(`typeof(twice(${each}))`))).toEqual([
    'integer',
    'real',
    'text',
    'null',
    'blob',
  ])
  expect(() => value('random(1)')).toThrow(/wrong number of arguments|1/)
  connection.close()
})
