import Database from 'better-sqlite3'
import type { SceneCells, SceneTable } from '../wire.ts'

const ROWS_MAX = 12
const TEXT_MAX = 60

/** Reads all tables of both sides, rowids included, and puts their rows side by side in the order of their rowids. */
export function compareTables(leader: Database.Database, copyPath: string): { tables: SceneTable[]; isEqual: boolean } {
  const copy = new Database(copyPath, { readonly: true })
  try {
    const names = [...new Set([...tablesOf(leader), ...tablesOf(copy)])]
    let isEqual = true
    const tables = names.map((name): SceneTable => {
      const [mine, theirs] = [readTable(leader, name), readTable(copy, name)]
      const count = Math.max(mine.rows.length, theirs.rows.length)
      const rows = Array.from({ length: count }, (_, at) => ({ leader: mine.rows[at], copy: theirs.rows[at] }))
      const differing = rows.filter((row) => JSON.stringify(row.leader) !== JSON.stringify(row.copy))
      isEqual &&= differing.length === 0
      // Of a long table, what differs comes first.
      const shown = count > ROWS_MAX ? [...differing, ...rows].slice(0, ROWS_MAX) : rows
      return { name, columns: mine.columns.length > 0 ? mine.columns : theirs.columns, rows: shown.map(cut) }
    })
    return { tables, isEqual }
  } finally {
    copy.close()
  }
}

function tablesOf(database: Database.Database): string[] {
  const sql = `SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT GLOB '_stemma_*' AND name NOT GLOB 'sqlite_stat*'`
  return database.prepare(sql).pluck().all() as string[]
}

function readTable(database: Database.Database, name: string): { columns: string[]; rows: SceneCells[] } {
  // The leader's connection may have a TEMP table of this name, which nobody else sees.
  const table = `main."${name.replaceAll('"', '""')}"`
  for (const what of ['rowid AS rowid, *', '*']) {
    try {
      const statement = database.prepare(`SELECT ${what} FROM ${table} ORDER BY 1`).raw().safeIntegers()
      return {
        columns: statement.columns().map(({ name: column }) => column),
        rows: (statement.all() as Cell[][]).map((row) => row.map(showCell)),
      }
    } catch {
      // A table without rowids is read as it is; one that is not there has no rows.
    }
  }
  return { columns: [], rows: [] }
}

type Cell = string | number | bigint | Uint8Array | null

/** Values of two types are never written alike. */
function showCell(value: Cell): string | null {
  if (value === null) return null
  if (typeof value === 'string') return `'${value}'`
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`
  return typeof value === 'number' && Number.isInteger(value) ? `${value}.0` : String(value)
}

function cut({ leader, copy }: SceneTable['rows'][number]): SceneTable['rows'][number] {
  const short = (cells: SceneCells | undefined): SceneCells | undefined =>
    cells?.map((cell) => (cell !== null && cell.length > TEXT_MAX ? `${cell.slice(0, TEXT_MAX)}…` : cell))
  return { leader: short(leader), copy: short(copy) }
}
