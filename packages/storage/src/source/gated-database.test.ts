import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CommitGate } from './commit-gate.ts'
import { openGatedDatabase, type GatedDatabase } from './gated-database.ts'

let folder: string
let gate: RecordingGate
let database: GatedDatabase

class RecordingGate extends CommitGate {
  passes = 0
  inside = 0
  override enter(): void {
    this.passes++
    this.inside++
    super.enter()
  }
  override leave(): void {
    this.inside--
    super.leave()
  }
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  gate = new RecordingGate()
  database = openGatedDatabase(join(folder, 'a.db'), gate)
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (a)')
  gate.passes = 0
})
afterEach(() => {
  database.close()
  expect(gate.inside).toBe(0)
  rmSync(folder, { recursive: true })
})

const insert = 'INSERT INTO t VALUES (1)'

test.each<[string, number, () => unknown]>([
  ['a statement that writes', 1, () => database.prepare(insert).run()],
  ['a statement that only reads', 0, () => database.prepare('SELECT * FROM t').all()],
  ['RETURNING by get', 1, () => database.prepare(`${insert} RETURNING a`).get()],
  ['RETURNING by all', 1, () => database.prepare(`${insert} RETURNING a`).all()],
  ['exec of many statements', 1, () => database.exec(`BEGIN; ${insert}; ${insert}; COMMIT`)],
  ['a pragma', 1, () => database.pragma('user_version = 5')],
  ['a transaction', 1, () => database.transaction(() => [database.prepare(insert).run(), database.exec(insert)])()],
  ['an immediate transaction', 1, () => database.transaction(() => database.prepare(insert).run()).immediate()],
  [
    'a transaction within a transaction',
    1,
    () => database.transaction(() => database.transaction(() => database.exec(insert))())(),
  ],
  ['a transaction by BEGIN and COMMIT', 1, () => ['BEGIN', insert, insert, 'COMMIT'].map((sql) => database.prepare(sql).run())],
  [
    'a transaction that fails',
    1,
    () => expect(() => database.transaction(() => database.exec('nonsense'))()).toThrow(/nonsense/),
  ],
  [
    'a statement that fails',
    1,
    () => expect(() => database.prepare('INSERT INTO t VALUES (abs(-9223372036854775808))').run()).toThrow(/overflow/),
  ],
])('%s passes the gate %i times and is out of it afterwards', (_, passes, work) => {
  work()
  expect(gate.passes).toBe(passes)
  expect(gate.inside).toBe(0)
})

test('an open transaction stays inside until it is over', () => {
  database.exec('BEGIN')
  database.prepare(insert).run()
  expect(gate.inside).toBe(1)
  database.exec('ROLLBACK')
  expect(gate.inside).toBe(0)
})

test('rows of a statement that writes and returns can be iterated over', () => {
  const rows = [...database.prepare(`${insert} RETURNING a`).iterate()]
  expect(rows).toEqual([{ a: 1 }])
  expect(gate.inside).toBe(0)
})

test('it is a Database of better-sqlite3 in all else', () => {
  expect(database).toBeInstanceOf(Database)
  const transaction = database.transaction((a: number, b: number) => a + b)
  expect(transaction(1, 2)).toBe(3)
  expect(transaction.immediate(1, 2)).toBe(3)
  expect((transaction as unknown as { database: unknown }).database).toBe(database)
  expect(database.prepare('SELECT 1 AS a').get()).toEqual({ a: 1 })
  expect(database.prepare(insert).run().changes).toBe(1)
})

test('checkpoints are left to whoever follows, and come back when nobody does', () => {
  const autocheckpoint = (): unknown => database.pragma('wal_autocheckpoint', { simple: true })
  expect(autocheckpoint()).toBe(1000)
  gate.attach()
  expect(autocheckpoint()).toBe(0)
  gate.detach()
  expect(autocheckpoint()).toBe(1000)
})
