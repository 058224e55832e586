import type { Database } from 'better-sqlite3'
import type { SqlResult } from '../wire.ts'

const ROWS_MAX = 50
const TEXT_MAX = 200

/**
 * Runs SQL: one query, whose rows are shown, or any number of statements.
 *
 * @throws SqliteError
 */
export function runSql(database: Database, text: string): SqlResult {
  const startedAt = performance.now()
  const before = totalChanges(database)
  const shown = queryRows(database, text)
  if (shown === undefined) database.exec(text)
  // What was begun and not ended would keep everybody out.
  if (database.inTransaction) database.exec('ROLLBACK')
  return {
    ...(shown ?? { columns: [], rows: [] }),
    changes: totalChanges(database) - before,
    tookMs: performance.now() - startedAt,
  }
}

/** Undefined when it is not one statement that gives rows. */
function queryRows(database: Database, text: string): Pick<SqlResult, 'columns' | 'rows'> | undefined {
  const statement = (() => {
    try {
      return database.prepare(text)
    } catch (error) {
      if (error instanceof RangeError) return undefined
      throw error
    }
  })()
  if (statement?.reader !== true) return undefined
  const columns = statement.columns().map(({ name }) => name)
  const rows: (string | null)[][] = []
  for (const row of statement.raw().safeIntegers().iterate()) {
    rows.push((row as Parameters<typeof showCell>[0][]).map(showCell))
    // A statement that also writes has to run to its end.
    if (rows.length === ROWS_MAX && statement.readonly) break
  }
  return { columns, rows: rows.slice(0, ROWS_MAX) }
}

function showCell(value: string | number | bigint | Uint8Array | null): string | null {
  if (value === null) return null
  const text = value instanceof Uint8Array ? `x'${Buffer.from(value.subarray(0, TEXT_MAX)).toString('hex')}'` : String(value)
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text
}

function totalChanges(database: Database): number {
  return database.prepare('SELECT total_changes()').pluck().get() as number
}
