import { drizzle, type BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import type { Leader } from 'stemma'

/** Drizzle's own driver for better-sqlite3 takes the database of a leader as it is. */
export function openDrizzle<Schema extends Record<string, unknown>>(
  { database }: Leader,
  schema: Schema,
): BetterSQLite3Database<Schema> {
  return drizzle(database, { schema })
}
