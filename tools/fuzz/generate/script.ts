import Database from 'better-sqlite3'
import { newDice, onceIn, pick, pickByWeight, type Dice } from './dice.ts'
import { AUTO_VACUUMS, ENCODINGS, PAGE_SIZES, pragmasOf, type Layout } from './layout.ts'
import { rowStatement } from './row-statements.ts'
import { schemaStatement } from './schema-statements.ts'
import type { ValueOptions } from './values.ts'
import { World } from './world.ts'

/** A database from its first statement on. */
export interface Script {
  readonly layout: Layout
  /** One step each; those that fail are as good as others. */
  readonly statements: readonly string[]
  /** False when rowids may run out: SQLite then draws them by chance, and no two runs are the same. */
  readonly isRepeatable: boolean
}

export interface ScriptOptions {
  readonly statements: number
}

/** A database that grows beyond this is emptied again. */
const BYTES_MAX = 3_000_000

/** Makes up what an application does. It is tried on a database in memory, to know what there is to be worked on. */
export function newScript(seed: number, { statements: count }: ScriptOptions): Script {
  const dice = newDice(seed)
  const layout: Layout = {
    pageSize: pick(dice, [...PAGE_SIZES, 512, 512, 1024, 1024, 4096]),
    autoVacuum: pick(dice, AUTO_VACUUMS),
    encoding: onceIn(dice, 2) ? 'UTF-8' : pick(dice, ENCODINGS),
  }
  const isRepeatable = onceIn(dice, 2)
  const options: ValueOptions = { extremes: !isRepeatable }
  const database = new Database(':memory:')
  try {
    database.exec(pragmasOf(layout))
    const world = new World(database)
    const statements: string[] = []
    while (statements.length < count) {
      const sql = nextStatement(dice, world, options)
      statements.push(sql)
      runStep(database, sql)
    }
    return { layout, statements, isRepeatable }
  } finally {
    database.close()
  }
}

/** Runs a step of a script; gives what it failed with, if it did. */
export function runStep(database: Database.Database, sql: string): unknown {
  try {
    database.exec(sql)
    return undefined
  } catch (error) {
    return error
  }
}

/** The same for the `sqlite3` program. */
export function showScript({ layout, statements }: Script): string {
  return [pragmasOf(layout), 'PRAGMA journal_mode = WAL', ...statements].map((sql) => `${sql};\n`).join('')
}

function nextStatement(dice: Dice, world: World, options: ValueOptions): string {
  const { database } = world
  if (world.bytes > BYTES_MAX && !database.inTransaction) {
    const table = pick(dice, world.tables)
    return table.kind === 'view' ? 'VACUUM' : pick(dice, [`DELETE FROM ${table.name}`, `DROP TABLE ${table.name}`, 'VACUUM'])
  }
  if (database.inTransaction && onceIn(dice, 6))
    return pickByWeight(dice, [
      [6, 'COMMIT'],
      [1, 'ROLLBACK'],
    ])
  return pickByWeight<() => string>(dice, [
    [60, () => rowStatement(dice, world, options)],
    [world.tables.length < 2 ? 100 : 12, () => schemaStatement(dice, world, options)],
    [5, () => transactionStatement(dice, database.inTransaction)],
    [6, () => pragma(dice)],
  ])()
}

function transactionStatement(dice: Dice, isInside: boolean): string {
  if (!isInside) return pick(dice, ['BEGIN', 'BEGIN', 'BEGIN IMMEDIATE', 'SAVEPOINT s'])
  return pick(dice, ['SAVEPOINT s', 'RELEASE s', 'ROLLBACK TO s', 'SAVEPOINT u', 'ROLLBACK TO u', 'RELEASE u'])
}

function pragma(dice: Dice): string {
  return pickByWeight<() => string>(dice, [
    [2, () => `PRAGMA user_version = ${pick(dice, [dice(100), -1, 2147483647])}`],
    [1, () => `PRAGMA application_id = ${pick(dice, [dice(100), -2147483648])}`],
    [3, () => `PRAGMA secure_delete = ${pick(dice, ['on', 'off', 'fast'])}`],
    [5, () => `PRAGMA incremental_vacuum(${1 + dice(20)})`],
    [3, () => 'VACUUM'],
    [1, () => `PRAGMA auto_vacuum = ${pick(dice, AUTO_VACUUMS)}`],
    [3, () => `PRAGMA foreign_keys = ${pick(dice, ['on', 'off'])}`],
    [1, () => `PRAGMA recursive_triggers = ${pick(dice, ['on', 'off'])}`],
    [1, () => `PRAGMA defer_foreign_keys = on`],
    [2, () => `PRAGMA cache_size = ${pick(dice, [5, 20, -2000])}`],
    [2, () => `PRAGMA wal_checkpoint(${pick(dice, ['PASSIVE', 'FULL', 'RESTART', 'TRUNCATE'])})`],
    [1, () => 'PRAGMA optimize'],
  ])()
}
