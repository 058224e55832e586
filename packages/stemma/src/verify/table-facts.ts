import { type SqliteDriver, TableCatalog } from '@stemma/storage'
import type { TextEncoding } from '@stemma/base'
import type { RowShape } from './row-hash.ts'

/** A table as its SQL tells it. */
export interface TableFacts extends RowShape {
  readonly name: string
  /** The name by which SQL reads the rowid; undefined when there is none. */
  readonly rowidName: string | undefined
}

/** An object of a schema, less what differs between copies. */
export interface SchemaFact {
  readonly kind: string
  readonly name: string
  readonly tableName: string
  readonly sql: string | undefined
}

/** True for what belongs to Stemma and not to the database. */
export function isOwn(name: string): boolean {
  return name.startsWith('_stemma_')
}

/** Describes tables that have rows of their own. */
export function describeTables(
  tables: readonly { readonly name: string; readonly sql: string }[],
  encoding: TextEncoding,
  driver: SqliteDriver,
): TableFacts[] {
  const catalog = new TableCatalog(driver, encoding)
  try {
    return tables.map((table) => {
      const { layout, shape, rowidName } = catalog.describe(table)
      const alias = layout.rowidColumn === undefined ? undefined : layout.columns[layout.rowidColumn]?.name
      const name = shape.keyCount > 0 ? undefined : (rowidName ?? alias)
      return { name: table.name, layout, keyCount: shape.keyCount, hasRowid: name !== undefined, rowidName: name }
    })
  } finally {
    catalog.close()
  }
}
