import type { DriverValue, SqliteConnection } from '@stemma/storage'

/** All that SQL sees of a database, less how it is laid out and what Stemma keeps in it, as lines; two copies are equal when these are. */
export type Content = ReadonlyMap<string, readonly string[]>

/** Reads a database whole. */
export function readContent(connection: SqliteConnection): Content {
  const content = new Map<string, readonly string[]>()
  const schema = connection.prepare(SCHEMA).all()
  content.set(
    'the schema',
    schema.map((row) => Object.values(row).map(showValue).join(' ')),
  )
  const triggers = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger' ORDER BY rowid").all()
  content.set(
    'the order of triggers',
    triggers.map(({ name }) => String(name)),
  )
  for (const { type, name, tree } of schema) {
    if (type === 'table' && tree === 1n) content.set(`table ${String(name)}`, readRows(connection, String(name)))
  }
  for (const pragma of ['encoding', 'user_version', 'application_id', 'integrity_check', 'foreign_key_check']) {
    content.set(
      pragma,
      connection
        .prepare(`PRAGMA ${pragma}`)
        .all()
        .map((row) => Object.values(row).map(showValue).join(' ')),
    )
  }
  return content
}

/** Where two databases differ, in one sentence; undefined when they don't. */
export function showDifference(leader: Content, copy: Content): string | undefined {
  for (const [what, lines] of leader) {
    const others = copy.get(what)
    if (others === undefined) return `${what} is missing in the copy`
    const at = lines.findIndex((line, i) => line !== others[i])
    if (at >= 0) return `${what}: the leader has ${shorten(lines[at]!)}, the copy ${shorten(others[at] ?? 'nothing')}`
    if (others.length > lines.length) return `${what}: the copy also has ${shorten(others[lines.length]!)}`
  }
  const extra = [...copy.keys()].find((what) => !leader.has(what))
  return extra === undefined ? undefined : `${extra} is in the copy only`
}

function readRows(connection: SqliteConnection, table: string): string[] {
  const columns = connection.prepare('SELECT name FROM pragma_table_xinfo(?)').all(table)
  const names = columns.map(({ name }) => String(name))
  const [{ wr } = { wr: null }] = connection
    .prepare("SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?")
    .all(table)
  const free = ['rowid', 'oid', '_rowid_'].find((each) => !names.some((name) => name.toLowerCase() === each))
  const rowid = wr === 1n || free === undefined ? 'NULL' : free
  const selected = names.map((name, i) => {
    const column = quote(name)
    return `typeof(${column}) AS t${i}, CASE typeof(${column}) WHEN 'text' THEN CAST(${column} AS BLOB) ELSE ${column} END AS v${i}`
  })
  const rows = connection.prepare(`SELECT ${rowid} AS id, ${selected.join(', ')} FROM ${quote(table)}`).all()
  return rows
    .map(
      (row) =>
        `${showValue(row['id']!)}: ${names.map((_, i) => `${String(row[`t${i}`])} ${showValue(row[`v${i}`]!)}`).join(', ')}`,
    )
    .toSorted()
}

function showValue(value: DriverValue): string {
  if (value instanceof Uint8Array) return `x'${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}'`
  return Object.is(value, -0) ? '-0' : String(value)
}

function shorten(line: string): string {
  return line.length > LINE_MAX ? `${line.slice(0, LINE_MAX)}... (${line.length} characters)` : line
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

const LINE_MAX = 200

const SCHEMA = `SELECT type, name, tbl_name, sql, rootpage > 0 AS tree FROM sqlite_schema
  WHERE name NOT LIKE '\\_stemma\\_%' ESCAPE '\\' AND tbl_name NOT LIKE '\\_stemma\\_%' ESCAPE '\\' ORDER BY type, name`
