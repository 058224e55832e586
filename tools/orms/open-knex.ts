import knex, { type Knex } from 'knex'
import type { Leader } from 'stemma'

/** Knex opens and closes databases by itself. Its client is given the one that is open, and leaves closing it to the leader. */
export function openKnex({ database }: Leader): Knex {
  const db = knex({ client: 'better-sqlite3', connection: { filename: database.name }, useNullAsDefault: true })
  const client = db.client as Knex.Client
  client.acquireRawConnection = () => Promise.resolve(database)
  client.destroyRawConnection = () => Promise.resolve()
  return db
}
