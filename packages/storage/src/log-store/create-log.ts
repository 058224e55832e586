import type { SqliteConnection } from '../sqlite/driver.ts'
import { EntryTable } from './entry-table.ts'
import { createIdentity, type Identity } from './identity.ts'
import { SumsTable } from './sums-table.ts'

/** Makes the tables of a new log. */
export function createLog(connection: SqliteConnection, identity: Identity): void {
  createIdentity(connection, identity)
  EntryTable.create(connection)
  SumsTable.create(connection)
}
