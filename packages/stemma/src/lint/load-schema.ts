import { existsSync } from 'node:fs'
import { StemmaError } from '@stemma/base'
import Database from 'better-sqlite3'

export interface LoadedSchema {
  /** Tables, views and triggers, such as `trigger audit`. */
  readonly objects: readonly { readonly name: string; readonly sql: string }[]
  /** What could not be made again, and why. */
  readonly missing: readonly string[]
}

interface Row {
  readonly type: string
  readonly name: string
  readonly sql: string
}

/**
 * Makes the schema of a database again in another one, without its rows.
 *
 * @throws StemmaError NO_DATABASE, NOT_A_DATABASE or CANNOT_OPEN.
 */
export function loadSchema(path: string, into: Database.Database): LoadedSchema {
  const rows = readSchema(path)
  const missing: string[] = []
  for (const { type, name, sql } of rows) {
    try {
      into.exec(sql)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      // The tables in which a virtual table keeps its data came with it.
      if (!why.includes('already')) missing.push(`${type} ${name}: ${why}`)
    }
  }
  const objects = rows.filter(({ type }) => type !== 'index').map(({ type, name, sql }) => ({ name: `${type} ${name}`, sql }))
  return { objects, missing }
}

function readSchema(path: string): readonly Row[] {
  if (!existsSync(path)) throw new StemmaError('NO_DATABASE', `there is no file ${path}`, { path })
  try {
    const database = new Database(path, { readonly: true, fileMustExist: true })
    try {
      const query = String.raw`SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
        ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 WHEN 'view' THEN 2 ELSE 3 END, rowid`
      return database.prepare(query).all() as Row[]
    } finally {
      database.close()
    }
  } catch (error) {
    const isDatabase = (error as { code?: unknown }).code !== 'SQLITE_NOTADB'
    throw isDatabase
      ? new StemmaError('CANNOT_OPEN', `${path} can't be opened: ${String(error)}`, { path }, error)
      : new StemmaError('NOT_A_DATABASE', `${path} is no SQLite database`, { path }, error)
  }
}
