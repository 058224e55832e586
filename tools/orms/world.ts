import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { openFollower, openLeader, readLog, type FollowerEvent, type Leader, type LeaderEvent } from 'stemma'
import { expect, onTestFinished } from 'vitest'

/** The formats that a library is tried with. */
export const FORMATS = ['row', 'statement'] as const

/** A leader that a library is to work on, and a follower of it. */
export interface World {
  readonly leader: Leader
  readonly folder: string
  /** Waits until the follower has all that was committed, and compares schema and rows. */
  expectEqual(): Promise<void>
  /**
   * By statements: no commit went as rows for the sake of others than these. Most commits must have gone as text, though not all: that of a commit may be
   * lost when the machine is busy.
   */
  expectUnsafe(statements: readonly RegExp[]): Promise<void>
}

/** Opens an empty leader and a follower, on threads of their own, as they usually run. Both are closed when the test is over. */
export async function openWorld(format: (typeof FORMATS)[number]): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'stemma-orms-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
  new Database(app).exec('PRAGMA journal_mode = WAL; CREATE TABLE earlier (id INTEGER PRIMARY KEY)').close()
  const trouble: unknown[] = []
  const onEvent = (event: LeaderEvent | FollowerEvent): void => {
    if (['warning', 'failed', 'diverged', 'resync'].includes(event.kind)) trouble.push(event)
  }
  const leader = await openLeader({ database: app, formats: [format], onEvent })
  onTestFinished(() => leader.close())
  const follower = await openFollower({ url: leader.url, database: copy, format, onEvent })
  onTestFinished(() => follower.close())
  return {
    leader,
    folder,
    expectEqual: async () => {
      await leader.waitFor({ level: 'applied', timeoutMs: 20_000 })
      expect(dump(copy)).toEqual(dump(app))
      expect(trouble).toEqual([])
    },
    expectUnsafe: async (statements) => {
      if (format !== 'statement') return
      const entries = await readLog({ database: app, format, after: 0, limit: 1000 })
      const because = entries.flatMap(({ details }) => /^as rows because of: (.*)/.exec(details[0] ?? '')?.[1] ?? [])
      expect(because.filter((sql) => !statements.some((each) => each.test(sql)))).toEqual([])
      const asText = entries.filter(({ summary }) => !summary.startsWith('as rows'))
      expect(asText.length).toBeGreaterThan(entries.length / 2)
    },
  }
}

/** Schema and rows of a database, rowids and types included. */
function dump(path: string): Readonly<Record<string, readonly unknown[]>> {
  const database = new Database(path, { readonly: true })
  try {
    const ours = "name NOT GLOB '_stemma_*'"
    const schema = database.prepare(`SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE ${ours} ORDER BY type, name`).all()
    const tables = database.prepare(`SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND ${ours}`)
    const rows = (tables.pluck().all() as string[])
      .filter((name) => name !== 'sqlite_schema')
      .map((name) => [name, rowsOf(database, name)] as const)
    return { schema, ...Object.fromEntries(rows) }
  } finally {
    database.close()
  }
}

function rowsOf(database: Database.Database, table: string): string[] {
  const rows = database.prepare(`SELECT rowid, * FROM "${table}"`).raw().safeIntegers().all() as unknown[][]
  return rows.map((row) => row.map(show).join(' ')).toSorted()
}

function show(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : JSON.stringify(value)
}
