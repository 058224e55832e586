import type { SqliteValue, TextEncoding } from '@stemma/base'
import type { Affinity } from '@stemma/log'
import { sqliteCode, type SqliteConnection } from '../sqlite/driver.ts'
import { TYPE_OF_AFFINITY } from './affinity.ts'

/**
 * What a row reads in a column that was added after it: SQLite is asked, by adding such a column to a table with a row.
 *
 * NULL where the default is no constant, since such a column can only be added to an empty table.
 *
 * @param connection - of an empty database in memory that has this encoding
 * @param text - the default as `PRAGMA table_xinfo` shows it
 */
export function defaultValueOf(
  connection: SqliteConnection,
  column: { readonly text: string; readonly affinity: Affinity; readonly encoding: TextEncoding },
): SqliteValue {
  const { text, affinity, encoding } = column
  // An expression is shown without the parentheses around it. A bare name is a string, but only without them.
  for (const written of [`(${text}\n)`, text]) {
    connection.exec('DROP TABLE IF EXISTS old; CREATE TABLE old (id); INSERT INTO old VALUES (0)')
    try {
      connection.prepare(`ALTER TABLE old ADD COLUMN value ${TYPE_OF_AFFINITY[affinity]} DEFAULT ${written}`).run()
    } catch (error) {
      if (sqliteCode(error)?.startsWith('SQLITE_ERROR') !== true) throw error
      continue
    }
    return readValue(connection, encoding)
  }
  return null
}

function readValue(connection: SqliteConnection, encoding: TextEncoding): SqliteValue {
  const row = connection
    .prepare("SELECT typeof(value) AS type, iif(typeof(value) = 'text', CAST(value AS BLOB), value) AS value FROM old")
    .get()!
  const { type, value } = row
  if (value instanceof Uint8Array && type === 'text') return { kind: 'text', encoding, bytes: new Uint8Array(value) }
  if (value instanceof Uint8Array) return new Uint8Array(value)
  return value as null | bigint | number
}
