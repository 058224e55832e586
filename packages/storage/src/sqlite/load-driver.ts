import type { SqliteDriver } from './driver.ts'

/** The driver of a name, in a thread that can only be told names. */
export async function loadDriver(name: string): Promise<SqliteDriver> {
  if (name === 'node:sqlite') return (await import('./node-sqlite.ts')).nodeSqlite
  return (await import('./better-sqlite3.ts')).betterSqlite3
}
