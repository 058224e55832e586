import Database from 'better-sqlite3'
import { expect } from 'vitest'
import type { ChangeCommit, ChangeValue } from '../../../src/index.ts'
import { expectSound } from './proof.ts'

/** A copy of a database's rows that is made of nothing but its change feed. */
export class Mirror {
  readonly tables = new Map<string, Map<string, string>>()

  /** Takes a commit. A row that is not as the commit says it was is an error. */
  take(commit: ChangeCommit): void {
    if (commit.gap !== undefined) throw new Error(`a gap: ${commit.gap}`)
    for (const change of commit.schema) {
      if (change.kind === 'drop' && change.object.kind === 'table') this.tables.delete(change.object.name)
      if (change.kind === 'alter' && change.before.kind === 'table') this.#rename(change.before.name, change.after.name)
    }
    for (const { operation, table, rowid, key, new: row } of commit.rows) {
      const rows = this.#rowsOf(table)
      const id = rowid === undefined ? show(key) : String(rowid)
      if ((operation === 'insert') === rows.has(id))
        throw new Error(`${operation} of ${table} ${id} at ${commit.position.sequence}`)
      if (row === undefined) rows.delete(id)
      else rows.set(id, show(row))
    }
  }

  /** The rows of a table, as JSON in no order. */
  rowsOf(table: string): string[] {
    return [...(this.tables.get(table)?.values() ?? [])].toSorted()
  }

  #rename(before: string, after: string): void {
    const rows = this.tables.get(before)
    if (rows === undefined || before === after) return
    this.tables.delete(before)
    this.tables.set(after, rows)
  }

  #rowsOf(table: string): Map<string, string> {
    let rows = this.tables.get(table)
    if (rows === undefined) this.tables.set(table, (rows = new Map<string, string>()))
    return rows
  }
}

/** The rows of a table as its database has them. */
export function rowsOf(path: string, table: string): string[] {
  const database = new Database(path, { readonly: true })
  try {
    const rows = database.prepare(`SELECT * FROM "${table}"`).safeIntegers().all() as Record<string, ChangeValue>[]
    return rows.map(show).toSorted()
  } finally {
    database.close()
  }
}

/** Two databases that nobody writes to at the moment have the same schema and the same rows, rowids included, and SQLite finds the copy sound. */
export function expectSameRows(leader: string, copy: string): void {
  expect(schemaOf(copy)).toEqual(schemaOf(leader))
  for (const table of tablesOf(leader)) expect(rowsOf(copy, table), table).toEqual(rowsOf(leader, table))
  expectSound(copy)
}

function schemaOf(path: string): unknown[] {
  const database = new Database(path, { readonly: true })
  try {
    const sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT GLOB '_stemma_*' ORDER BY type, name"
    return [database.prepare(sql).all(), database.pragma('user_version'), database.pragma('application_id')]
  } finally {
    database.close()
  }
}

/** Tables with rows of their own. */
export function tablesOf(path: string): string[] {
  const database = new Database(path, { readonly: true })
  try {
    const sql =
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' AND name NOT GLOB '_stemma_*'"
    return database.prepare(sql).pluck().all() as string[]
  } finally {
    database.close()
  }
}

/** A column that was added later is not told of rows that nobody touched: its default is left out everywhere. */
function show(row: Readonly<Record<string, ChangeValue>>): string {
  return JSON.stringify(
    Object.entries(row)
      .filter(([name, value]) => !(/^d\d+$/.test(name) && value === 'new'))
      .map(([name, value]) => [
        name,
        typeof value === 'bigint' ? `${value}n` : value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
      ]),
  )
}
