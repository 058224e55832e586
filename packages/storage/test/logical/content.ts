import Database from 'better-sqlite3'

/** All that SQL sees of a database, less how it is laid out and what Stemma keeps in it; two copies are equal when this is. */
export interface Content {
  readonly schema: readonly unknown[]
  /** In the order in which they were created, which is the order in which they fire. */
  readonly triggers: readonly unknown[]
  readonly tables: Readonly<Record<string, readonly string[]>>
  readonly versions: readonly unknown[]
  readonly integrity: unknown
  readonly foreignKeys: unknown
}

export function contentOf(path: string): Content {
  const database = new Database(path, { readonly: true })
  try {
    database.defaultSafeIntegers(true)
    const schema = database
      .prepare(
        "SELECT type, name, tbl_name, sql, rootpage > 0 AS tree FROM sqlite_schema WHERE name NOT LIKE '\\_stemma\\_%' ESCAPE '\\' ORDER BY type, name",
      )
      .all() as { type: string; name: string; tree: bigint }[]
    const tables = schema.filter(({ type, tree }) => type === 'table' && tree === 1n)
    return {
      schema,
      triggers: database.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger' ORDER BY tbl_name, rowid").pluck().all(),
      tables: Object.fromEntries(tables.map(({ name }) => [name, rowsOf(database, name)])),
      versions: ['user_version', 'application_id'].map((name) => database.pragma(name, { simple: true })),
      integrity: database.pragma('integrity_check'),
      foreignKeys: database.pragma('foreign_key_check'),
    }
  } finally {
    database.close()
  }
}

function rowsOf(database: Database.Database, table: string): string[] {
  const quoted = `"${table.replaceAll('"', '""')}"`
  const columns = database.prepare(`SELECT name FROM pragma_table_xinfo(?)`).pluck().all(table) as string[]
  const isKeyed =
    database.prepare("SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?").pluck().get(table) === 1n
  const free = ['rowid', 'oid', '_rowid_'].find((name) => !columns.some((column) => column.toLowerCase() === name))
  const rowid = isKeyed || free === undefined ? "''" : free
  const shown = columns.map((column) => {
    const c = `"${column.replaceAll('"', '""')}"`
    return `typeof(${c}) || ':' || coalesce(CASE typeof(${c}) WHEN 'text' THEN hex(CAST(${c} AS BLOB)) WHEN 'blob' THEN hex(${c}) WHEN 'real' THEN printf('%!.26g', ${c}) ELSE ${c} END, '')`
  })
  return database
    .prepare(`SELECT ${rowid} || ' ' || ${shown.join(` || ' ' || `)} FROM ${quoted} ORDER BY 1`)
    .pluck()
    .all() as string[]
}
