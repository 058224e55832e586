import { Kysely, SqliteDialect } from 'kysely'
import type { Leader } from 'stemma'

/** So does Kysely's dialect. `destroy()` closes the database: close the leader instead, which closes both. */
export function openKysely<Tables>({ database }: Leader): Kysely<Tables> {
  return new Kysely<Tables>({ dialect: new SqliteDialect({ database }) })
}
