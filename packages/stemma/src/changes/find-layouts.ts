import type { TableLayout } from '@stemma/log'
import { TableCatalog, betterSqlite3 } from '@stemma/storage'
import type { SchemaAnswer } from '../questions/schema-at.ts'

/**
 * The layouts of tables, from their SQL.
 *
 * @throws StemmaError ROWS_UNKNOWN when SQLite does not understand it
 */
export function layoutsOf({ textEncoding, tables }: SchemaAnswer): ReadonlyMap<string, TableLayout> {
  const catalog = new TableCatalog(betterSqlite3, textEncoding)
  try {
    return new Map(tables.map((table) => [table.name, catalog.describe(table).layout]))
  } finally {
    catalog.close()
  }
}
