import type Database from 'better-sqlite3'
import fc from 'fast-check'

/** One thing that an application may do to its database. */
export type Step =
  | { readonly kind: 'insert' | 'big'; readonly table: number; readonly size: number }
  | { readonly kind: 'update' | 'delete'; readonly table: number; readonly share: number }
  | { readonly kind: 'rollback' | 'savepoint' | 'spill'; readonly table: number; readonly rows: number }
  | { readonly kind: 'grow-and-free'; readonly rows: number }
  | { readonly kind: 'vacuum' | 'drop' | 'incremental-vacuum' | 'passive' | 'truncate' }

const TABLES = 3

export const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: step('insert', { table: fc.nat(TABLES - 1), size: fc.nat(300) }) },
  { weight: 2, arbitrary: step('big', { table: fc.nat(TABLES - 1), size: fc.integer({ min: 3000, max: 90_000 }) }) },
  { weight: 3, arbitrary: step('update', { table: fc.nat(TABLES - 1), share: fc.nat(10) }) },
  { weight: 2, arbitrary: step('delete', { table: fc.nat(TABLES - 1), share: fc.nat(10) }) },
  { weight: 2, arbitrary: step('rollback', { table: fc.nat(TABLES - 1), rows: fc.nat(60) }) },
  { weight: 2, arbitrary: step('savepoint', { table: fc.nat(TABLES - 1), rows: fc.nat(60) }) },
  { weight: 2, arbitrary: step('spill', { table: fc.nat(TABLES - 1), rows: fc.nat(200) }) },
  { weight: 2, arbitrary: step('grow-and-free', { rows: fc.nat(60) }) },
  { weight: 1, arbitrary: step('vacuum', {}) },
  { weight: 1, arbitrary: step('drop', {}) },
  { weight: 1, arbitrary: step('incremental-vacuum', {}) },
  { weight: 1, arbitrary: step('passive', {}) },
  { weight: 1, arbitrary: step('truncate', {}) },
)

function step(kind: Step['kind'], parts: Record<string, fc.Arbitrary<number>>): fc.Arbitrary<Step> {
  return fc.record({ kind: fc.constant(kind), ...parts }) as unknown as fc.Arbitrary<Step>
}

/** Makes the tables that `runStep` works on. */
export function makeTables(database: Database.Database): void {
  for (let table = 0; table < TABLES; table++) {
    database.exec(
      `CREATE TABLE IF NOT EXISTS t${table} (id INTEGER PRIMARY KEY, a TEXT, b BLOB); CREATE INDEX IF NOT EXISTS i${table} ON t${table} (a)`,
    )
  }
}

export function runStep(database: Database.Database, step: Step): void {
  const insert = (table: number, size: number): void =>
    void database.prepare(`INSERT INTO t${table} (a, b) VALUES (hex(randomblob(8)), randomblob(?))`).run(size)
  switch (step.kind) {
    case 'insert':
    case 'big':
      return insert(step.table, step.size)
    case 'update':
      return void database.prepare(`UPDATE t${step.table} SET a = hex(randomblob(9)) WHERE id % 11 = ?`).run(step.share)
    case 'delete':
      return void database.prepare(`DELETE FROM t${step.table} WHERE id % 11 = ?`).run(step.share)
    case 'rollback':
      database.exec('BEGIN')
      for (let i = 0; i < step.rows; i++) insert(step.table, 700)
      return void database.exec('ROLLBACK')
    case 'savepoint':
      database.exec('BEGIN')
      insert(step.table, 100)
      database.exec('SAVEPOINT s')
      for (let i = 0; i < step.rows; i++) insert(step.table, 700)
      database.exec('ROLLBACK TO s; RELEASE s')
      insert(step.table, 100)
      return void database.exec('COMMIT')
    case 'spill':
      database.exec('BEGIN')
      for (let i = 0; i < step.rows; i++) insert(step.table, 300)
      database.prepare(`UPDATE t${step.table} SET a = hex(randomblob(9))`).run()
      return void database.exec('COMMIT')
    case 'grow-and-free':
      database.exec('BEGIN; CREATE TABLE temporary (a BLOB)')
      for (let i = 0; i < step.rows; i++) database.exec('INSERT INTO temporary VALUES (randomblob(2000))')
      database.exec('DROP TABLE temporary')
      insert(0, 10)
      return void database.exec('COMMIT')
    case 'vacuum':
      return void database.exec('VACUUM')
    case 'drop':
      database.exec('DROP TABLE t1')
      return makeTables(database)
    case 'incremental-vacuum':
      return void database.pragma('incremental_vacuum(3)')
    case 'passive':
    case 'truncate':
      return void database.pragma(`wal_checkpoint(${step.kind})`)
  }
}
