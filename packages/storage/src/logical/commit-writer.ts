import type { Position, TextEncoding } from '@stemma/base'
import { StemmaError } from '@stemma/base'
import type { CommitRows, TableChanges } from '@stemma/log'
import type { StoredObject } from '../rows/schema-scratch.ts'
import type { TableCatalog } from '../rows/table-catalog.ts'
import type { SqliteConnection } from '../sqlite/driver.ts'
import { quoteName } from './quote.ts'
import { RowApplier, type RowApplierOptions } from './row-applier.ts'
import { SchemaChanger } from './schema-changer.ts'
import type { StrippedSchema } from './stripped-schema.ts'
import { TableWriter, converterOf } from './table-writer.ts'

export interface CommitWriterOptions extends RowApplierOptions {
  /** Its schema is the stripped one whenever something is written. */
  readonly connection: SqliteConnection
  readonly stripped: StrippedSchema
  readonly catalog: TableCatalog
  /** The copy's. */
  readonly encoding: TextEncoding
}

/** Writes what a commit did, as rows, into a database; within a transaction of the caller's. */
export class CommitWriter {
  readonly #options: CommitWriterOptions
  readonly #rows: RowApplier
  readonly #schema: SchemaChanger
  /** By name. */
  #writers = new Map<string, TableWriter>()
  #from: TextEncoding

  constructor(options: CommitWriterOptions) {
    this.#options = options
    this.#rows = new RowApplier(options)
    this.#schema = new SchemaChanger(options)
    this.#from = options.encoding
  }

  /** Forgets what it knows of tables: the schema is another one, or was loaded anew. */
  forget(): void {
    this.#writers = new Map()
  }

  /**
   * Writes a commit.
   *
   * @throws StemmaError ROW_DIFFERS, REPLICA_WRITTEN, SNAPSHOT_NEEDED, DAMAGED_ENTRY, and what the driver throws. What it wrote is then to be
   *   rolled back
   */
  write(commit: CommitRows, position: Position): void {
    if (commit.textEncoding !== this.#from) {
      this.#from = commit.textEncoding
      this.forget()
    }
    this.#rows.begin(position)
    if (commit.schema.length > 0) {
      this.#writeAcrossSchemas(commit)
    } else {
      for (const table of commit.tables) this.#rows.write(table, this.#writerOf(table.name))
      this.#rows.end()
    }
    const { connection } = this.#options
    if (commit.userVersion !== undefined) connection.exec(`PRAGMA user_version = ${Number(commit.userVersion) | 0}`)
    if (commit.applicationId !== undefined) connection.exec(`PRAGMA application_id = ${Number(commit.applicationId) | 0}`)
  }

  #writeAcrossSchemas({ schema, tables }: CommitRows): void {
    const rows = this.#rows
    const altered = new Set(schema.flatMap((change) => (change.kind === 'alter' ? change.after.tableName : [])))
    const isAltered = (table: TableChanges): boolean =>
      altered.has(table.name) || table.layoutBefore !== undefined || table.nameBefore !== table.name
    for (const table of tables) {
      if (table.nameBefore === undefined) continue
      const writer = this.#writerOf(table.nameBefore)
      if (isAltered(table)) rows.takeOut(table, writer)
      else rows.change(table, writer)
    }
    this.#schema.change(schema)
    this.forget()
    for (const table of tables) {
      const writer = this.#writerOf(table.name)
      if (isAltered(table)) rows.putIn(table, writer)
      else rows.insert(table, writer)
    }
    rows.end()
    this.#schema.createIndexes()
    this.forget()
  }

  #writerOf(name: string): TableWriter {
    const known = this.#writers.get(name)
    if (known !== undefined) return known
    const { connection, catalog, encoding } = this.#options
    const row = connection.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name = ?").get(name)
    if (row === undefined)
      throw new StemmaError('REPLICA_WRITTEN', `the copy has no table ${quoteName(name)}, which the leader has`, { table: name })
    const stored: StoredObject = { name, sql: String(row['sql']) }
    const description = catalog.describe(stored)
    const writer = new TableWriter({ connection, name, description, convert: converterOf(this.#from, encoding) })
    this.#writers.set(name, writer)
    return writer
  }
}
