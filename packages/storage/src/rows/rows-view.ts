import { isDeepStrictEqual } from 'node:util'
import { StemmaError, type TextEncoding } from '@stemma/base'
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

/** Adds to what a commit did to trees what the schema says of them: names and layouts. Remembers which layouts it has told. */
export class RowsView {
  readonly #catalogs: TableCatalogs
  #header: DatabaseHeader
  /** By the table's name: its layout, and the commit (of those that were told) in which it was news. */
  readonly #told = new Map<string, { readonly layout: TableLayout; readonly at: number }>()
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
   * @param after - the database after it, when it wrote page 1; undefined when it didn't
   * @throws StemmaError ROWS_UNKNOWN when the schema makes no sense
   */
  tell(difference: RowDifference, after: Pages | undefined): CommitRows {
    const before = this.#header
    if (after !== undefined) this.#header = headerOf(after)
    const { textEncoding, schemaCookie, userVersion, applicationId } = this.#header
    this.#commits++
    if (schemaCookie !== before.schemaCookie) this.#told.clear()
    return {
      textEncoding,
      schemaVersion: schemaCookie,
      schema: showSchemaChanges(difference.schema),
      userVersion: userVersion === before.userVersion ? undefined : userVersion,
      applicationId: applicationId === before.applicationId ? undefined : applicationId,
      tables: difference.trees.filter(({ after: row }) => !isOwn(row)).map((tree) => this.#table(tree)),
    }
  }

  #table(tree: TreeRows): TableChanges {
    const { before, after } = tree
    const { layout, shape } = this.#describe(after)
    const { name } = after
    const told = this.#told.get(name)
    const isLayoutNews = told?.layout !== layout || this.#commits - told.at >= NEWS_EVERY
    if (isLayoutNews) this.#told.set(name, { layout, at: this.#commits })
    return {
      name,
      nameBefore: before?.name,
      keyCount: shape.keyCount,
      layout,
      layoutBefore: before === undefined || before.sql === after.sql ? undefined : this.#otherLayout(before, layout),
      isLayoutNews,
      rows: () => rowsOf(tree),
    }
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

function* rowsOf(tree: TreeRows): Generator<RowChange, void, undefined> {
  for (const { rowid, before, after } of tree.rows()) {
    const kind = before === undefined ? 'insert' : after === undefined ? 'delete' : 'update'
    yield { kind, rowid, before, after, columns: undefined }
  }
}
