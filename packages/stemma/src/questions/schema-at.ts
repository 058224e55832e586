import { StemmaError, showPosition, type Position, type TextEncoding } from '@stemma/base'
import type { DecodedEntry, RowFormat, SchemaChange } from '@stemma/log'
import type { SqliteDriver } from '@stemma/storage'

/** Which tables' SQL is wanted, as it was right behind a commit. */
export interface SchemaRequest {
  readonly position: Position
  /** SQLite's schema cookie behind that commit. */
  readonly schemaVersion: number
  readonly tables: readonly string[]
}

/** The SQL of tables. One that was not there is left out. */
export interface SchemaAnswer {
  readonly textEncoding: TextEncoding
  readonly tables: readonly { readonly name: string; readonly sql: string }[]
}

/** A database's schema at some moment. */
export interface CurrentSchema {
  readonly schemaVersion: number
  readonly textEncoding: TextEncoding
  /** SQL by table. */
  readonly tables: ReadonlyMap<string, string>
}

/** What it takes to find out. */
export interface SchemaParts {
  readonly format: RowFormat
  /** Reads the schema as it is now. */
  current(): CurrentSchema
  /** The entries behind a sequence, up to a commit at which the schema that `current` gave was there already. */
  entries(after: number): AsyncIterable<DecodedEntry>
}

/**
 * Finds out how tables looked right behind a commit of the past.
 *
 * Nothing changed since when the cookie is the same. Else the log tells: the first change of a table behind the commit says what the table was
 * before it, and a table of which the log tells no change is now what it was then.
 *
 * @throws StemmaError ROWS_UNKNOWN when the log can't tell
 */
export async function schemaAt(request: SchemaRequest, parts: SchemaParts): Promise<SchemaAnswer> {
  const { position, schemaVersion, tables } = request
  const current = parts.current()
  const found = new Map<string, string | undefined>()
  let version = schemaVersion
  if (current.schemaVersion !== schemaVersion) {
    const left = new Set(tables)
    for await (const entry of parts.entries(position.sequence)) {
      if (left.size === 0) break
      if (entry.barrier) throw unknown(request, `the log does not tell what happened at ${showPosition(entry.position)}`)
      const rows = parts.format.decode(entry.payload, entry.formatVersion)
      version = rows.schemaVersion
      for (const change of rows.schema) {
        const before = tableBefore(change)
        if (before === undefined || !left.delete(before.name)) continue
        found.set(before.name, before.sql)
      }
    }
    if (left.size > 0 && version !== current.schemaVersion)
      throw unknown(request, 'the schema changed and the log does not say how')
  }
  const sqlOf = (name: string): string | undefined => (found.has(name) ? found.get(name) : current.tables.get(name))
  return {
    textEncoding: current.textEncoding,
    tables: tables.flatMap((name) => {
      const sql = sqlOf(name)
      return sql === undefined ? [] : [{ name, sql }]
    }),
  }
}

/** The table that a change found; undefined when it made one, or is about something else. */
function tableBefore(change: SchemaChange): { readonly name: string; readonly sql: string | undefined } | undefined {
  const object = change.kind === 'alter' ? change.before : change.kind === 'drop' ? change.object : undefined
  return object?.kind === 'table' ? object : undefined
}

function unknown({ position, tables }: SchemaRequest, why: string): StemmaError {
  const what = `how ${tables.join(', ')} looked at ${showPosition(position)} can't be found out: ${why}`
  return new StemmaError('ROWS_UNKNOWN', what, { position, tables })
}

/**
 * Reads the schema of a database, in one transaction.
 *
 * @throws what the driver throws
 */
export function readCurrentSchema(database: string, driver: SqliteDriver): CurrentSchema {
  const connection = driver.open(database, { mustExist: true, readOnly: true, busyTimeout: 100 })
  try {
    connection.exec('BEGIN')
    const rows = connection.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql IS NOT NULL").all()
    const encoding = String(connection.prepare('PRAGMA encoding').get()?.['encoding'])
    return {
      schemaVersion: Number(connection.prepare('PRAGMA schema_version').get()?.['schema_version']),
      textEncoding: encoding.toLowerCase() as TextEncoding,
      tables: new Map(rows.map(({ name, sql }) => [String(name), String(sql)])),
    }
  } finally {
    connection.close()
  }
}
