import { createHash } from 'node:crypto'
import type { Database } from 'better-sqlite3'

export interface Dump {
  readonly rows: number
  /** SHA-256 over the schema and every row, by table and in order. */
  readonly sha256: string
}

/** Reads a whole database by SQL, in one transaction: what a person would see of it, not how its pages lie, nor what Stemma keeps in it. */
export function dumpDatabase(database: Database): Dump {
  const hash = createHash('sha256')
  let rows = 0
  database.transaction(() => {
    const schema = database
      .prepare("SELECT type, name, sql FROM sqlite_schema WHERE name NOT GLOB '_stemma_*' ORDER BY type, name")
      .all() as SchemaRow[]
    for (const { type, name, sql } of schema) {
      hash.update(`${type} ${name} ${sql}\n`)
      // A virtual table's content lies in tables of its own, which are listed too.
      if (type !== 'table' || /^\s*CREATE\s+VIRTUAL/i.test(sql ?? '')) continue
      const table = `"${name.replaceAll('"', '""')}"`
      for (const row of database.prepare(`SELECT * FROM ${table}`).raw().safeIntegers().iterate()) {
        hash.update((row as unknown[]).map(showValue).join('\u001F'))
        hash.update('\n')
        rows++
      }
    }
  })()
  return { rows, sha256: hash.digest('hex') }
}

interface SchemaRow {
  readonly type: string
  readonly name: string
  readonly sql: string | null
}

function showValue(value: unknown): string {
  if (value instanceof Uint8Array) return `x${Buffer.from(value).toString('hex')}`
  return `${typeof value} ${String(value)}`
}
