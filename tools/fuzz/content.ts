import type Database from 'better-sqlite3'
import { Differs } from './judge.ts'

/** All that a database holds, as lines of text: what it says of itself, the schema, and each table's rows. */
export type Content = ReadonlyMap<string, readonly string[]>

/** Left out of copies: what they hold about themselves. */
const OWN = '\\_stemma\\_%'

/** How the name of an index begins that a copy has and its leader has not. */
export const ONLY_HERE = 'only_here_'

/** Reads everything by SQL. */
export function readContent(database: Database.Database): Content {
  const content = new Map<string, readonly string[]>()
  const pragmas = ['user_version', 'application_id', 'encoding']
  content.set(
    '(the database)',
    pragmas.map((name) => `${name} ${String(database.pragma(name, { simple: true }))}`),
  )
  const schema = database
    .prepare(
      `SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE tbl_name NOT LIKE ? ESCAPE '\\' AND name NOT GLOB ? ORDER BY type, name`,
    )
    .all(OWN, `${ONLY_HERE}*`) as { type: string; name: string; tbl_name: string; sql: string | null }[]
  content.set(
    '(the schema)',
    schema.map((row) => JSON.stringify(row)),
  )
  // They fire in the order in which they were created.
  const triggers = database
    .prepare("SELECT tbl_name || ': ' || name FROM sqlite_schema WHERE type = 'trigger' ORDER BY tbl_name, rowid")
    .pluck()
    .all()
  content.set('(the triggers)', triggers.map(String))
  for (const { type, name, sql } of schema) {
    if (type === 'table' && !/^CREATE VIRTUAL/i.test(sql ?? '')) content.set(name, readTable(database, name))
  }
  return content
}

function readTable(database: Database.Database, name: string): string[] {
  const columns = database
    .prepare('SELECT name FROM pragma_table_xinfo(?) WHERE hidden <> 1')
    .pluck()
    .all(name)
    .map((column) => `"${String(column).replaceAll('"', '""')}"`)
  const isWithoutRowid = database.prepare(`SELECT wr FROM pragma_table_list(?) WHERE schema = 'main'`).pluck().get(name) === 1
  const rowid = ['rowid', 'oid', '_rowid_'].find((each) => !columns.some((column) => column.toLowerCase() === `"${each}"`))
  const values = columns.map(
    (column) => `typeof(${column}), CASE typeof(${column}) WHEN 'text' THEN CAST(${column} AS BLOB) ELSE ${column} END`,
  )
  if (!isWithoutRowid && rowid !== undefined) values.unshift(`'rowid', ${rowid}`)
  const from = `"${name.replaceAll('"', '""')}"`
  // NOT INDEXED: the rows themselves, not what an index says of them.
  const rows = database
    .prepare(`SELECT ${values.join(', ')} FROM ${from} NOT INDEXED`)
    .raw()
    .safeIntegers()
    .all() as unknown[][]
  return rows.map((row) => row.map(showCell).join(' ')).toSorted()
}

function showCell(value: unknown, index: number): string {
  if (index % 2 === 0) return String(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  return Object.is(value, -0) ? '-0' : String(value)
}

/**
 * Compares a copy with what it is a copy of.
 *
 * @throws Differs with the first place where they differ, or what SQLite finds wrong with the copy
 */
export function compareContents(leader: Database.Database, copy: Database.Database): void {
  const [is, has] = [readContent(leader), readContent(copy)]
  for (const [table, rows] of is) {
    const copied = has.get(table)
    if (copied === undefined) throw new Differs('content', `the copy has no table ${table}`)
    const at = rows.findIndex((row, i) => copied[i] !== row)
    if (at >= 0 || copied.length !== rows.length) {
      const i = at >= 0 ? at : rows.length
      throw new Differs('content', `${table} differs:\nleader: ${shorten(rows[i])}\ncopy:   ${shorten(copied[i])}`)
    }
  }
  for (const table of has.keys()) if (!is.has(table)) throw new Differs('content', `the copy has a table ${table} of its own`)
  const found = copy.pragma('integrity_check', { simple: true })
  if (found === 'ok') return
  // Such as a NOT NULL column that a VACUUM or a CHECK of the leader is at odds with: the copy need not be better than the leader.
  if (leader.pragma('integrity_check', { simple: true }) === 'ok') throw new Differs('integrity', `the copy: ${String(found)}`)
}

function shorten(row: string | undefined): string {
  return row === undefined ? '(nothing)' : row.length > 2000 ? `${row.slice(0, 2000)}... (${row.length})` : row
}
