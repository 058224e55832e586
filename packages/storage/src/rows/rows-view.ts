import { isDeepStrictEqual } from 'node:util'
import { StemmaError, type Position, type TextEncoding } from '@stemma/base'
import type { CommitRows, RowChange, TableChanges, TableLayout } from '@stemma/log'
import {
  decodeDatabaseHeader,
  type DatabaseHeader,
  type Pages,
  type RowDifference,
  type SchemaRow,
  type TreeRows,
  type TreeShape,
} from '@stemma/sqlite-file'
import type { SqliteDriver } from '../sqlite/driver.ts'
import { isOwn, showSchemaChanges } from './schema-changes.ts'
import { TableCatalog, type TableDescription } from './table-catalog.ts'
import { unknownRows } from './unknown-rows.ts'

/** A table of the schema, and the commit (of those that were told) in which its layout was news; 0 when it has not been told. */
interface KnownTable {
  readonly description: TableDescription
  readonly isOwn: boolean
  toldAt: number
}

/** Adds to what a commit did to trees what the schema says of them: names and layouts. Remembers which layouts it has told. */
export class RowsView {
  readonly #catalogs: TableCatalogs
  #header: DatabaseHeader
  /** By what the differ knows a table by; it makes new ones when the schema changes. */
  #known = new WeakMap<SchemaRow, KnownTable>()
  #commits = 0

  /** @param pages - the database right before the first commit that is told */
  constructor(catalogs: TableCatalogs, pages: Pages) {
    this.#catalogs = catalogs
    this.#header = headerOf(pages)
  }

  /** Of each page, in bytes. */
  get reservedBytes(): number {
    return this.#header.reservedBytes
  }

  /** What a tree of the schema holds. */
  shapeOf(row: SchemaRow): TreeShape {
    return row.kind === 'table' ? this.#describe(row).shape : INDEX
  }

  /**
   * Tells a commit.
   *
   * @param position - of the commit, to name it when its rows turn out to be unknown
   * @param after - the database after it, when it wrote page 1; undefined when it didn't
   * @throws StemmaError ROWS_UNKNOWN when the schema makes no sense
   */
  tell(difference: RowDifference, position: Position, after: Pages | undefined): CommitRows {
    const before = this.#header
    if (after !== undefined) this.#header = headerOf(after)
    const { textEncoding, schemaCookie, userVersion, applicationId } = this.#header
    this.#commits++
    if (schemaCookie !== before.schemaCookie) this.#known = new WeakMap()
    const tables: TableChanges[] = []
    for (const tree of difference.trees) {
      const table = this.#table(tree, position)
      if (table !== undefined) tables.push(table)
    }
    return {
      textEncoding,
      schemaVersion: schemaCookie,
      schema: showSchemaChanges(difference.schema),
      userVersion: userVersion === before.userVersion ? undefined : userVersion,
      applicationId: applicationId === before.applicationId ? undefined : applicationId,
      tables,
    }
  }

  #table(tree: TreeRows, position: Position): TableChanges | undefined {
    const { before, after } = tree
    const known = this.#lookUp(after)
    if (known.isOwn) return undefined
    const { layout, shape } = known.description
    const isLayoutNews = known.toldAt === 0 || this.#commits - known.toldAt >= NEWS_EVERY
    if (isLayoutNews) known.toldAt = this.#commits
    return {
      name: after.name,
      nameBefore: before?.name,
      keyCount: shape.keyCount,
      layout,
      layoutBefore: before === undefined || before.sql === after.sql ? undefined : this.#otherLayout(before, layout),
      isLayoutNews,
      rows: () => rowsOf(tree, position),
    }
  }

  #lookUp(row: SchemaRow): KnownTable {
    let known = this.#known.get(row)
    if (known === undefined) {
      known = { description: this.#describe(row), isOwn: isOwn(row), toldAt: 0 }
      this.#known.set(row, known)
    }
    return known
  }

  #otherLayout(before: SchemaRow, after: TableLayout): TableLayout | undefined {
    const { layout } = this.#describe(before)
    return isDeepStrictEqual(layout, after) ? undefined : layout
  }

  #describe({ name, sql }: SchemaRow): TableDescription {
    if (sql === undefined) throw new StemmaError('ROWS_UNKNOWN', `the table ${name} has no SQL`, { name })
    return this.#catalogs.of(this.#header.textEncoding).describe({ name, sql })
  }
}

/** Catalogs for databases of one encoding and another: it can only change while a database has no table. */
export class TableCatalogs {
  readonly #driver: SqliteDriver
  readonly #byEncoding = new Map<TextEncoding, TableCatalog>()

  constructor(driver: SqliteDriver) {
    this.#driver = driver
  }

  of(encoding: TextEncoding): TableCatalog {
    const known = this.#byEncoding.get(encoding)
    if (known !== undefined) return known
    const made = new TableCatalog(this.#driver, encoding)
    this.#byEncoding.set(encoding, made)
    return made
  }

  close(): void {
    for (const catalog of this.#byEncoding.values()) catalog.close()
  }
}

const INDEX: TreeShape = { content: 'index', keyCount: 0 }

/** A layout that was told so many commits ago is told again. */
const NEWS_EVERY = 1024

function headerOf(pages: Pages): DatabaseHeader {
  const start = decodeDatabaseHeader(pages.read(1))
  if (start.kind === 'header') return start.header
  throw new StemmaError('ROWS_UNKNOWN', 'the database has no page')
}

function* rowsOf(tree: TreeRows, position: Position): Generator<RowChange, void, undefined> {
  try {
    for (const { rowid, before, after } of tree.rows()) {
      const kind = before === undefined ? 'insert' : after === undefined ? 'delete' : 'update'
      yield { kind, rowid, before, after, columns: undefined }
    }
  } catch (error) {
    // Payloads are only read now: a page of an overflow chain may be gone.
    throw unknownRows(position, error)
  }
}
