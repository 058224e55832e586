import { StemmaError, showPosition, type Milliseconds, type Position } from '@stemma/base'
import type { CommitRows, DecodedEntry, RowChange, RowFormat, SchemaChange, TableChanges, TableLayout } from '@stemma/log'
import type { KnownLayouts } from './known-layouts.ts'
import { readValues, type ChangeValues } from './row-values.ts'

/** One row that a commit inserted, updated or deleted. */
export interface ChangedRow {
  readonly operation: 'insert' | 'update' | 'delete'
  /** The table's name after the commit. */
  readonly table: string
  /** Undefined in a table WITHOUT ROWID. */
  readonly rowid: bigint | undefined
  /** The columns of the primary key, as the row had them before (or, for an insert, has them); empty when there is none, or it is not told. */
  readonly key: ChangeValues
  /** The row before; undefined for an insert, and where the leader does not tell old rows. */
  readonly old: ChangeValues | undefined
  /** The row after; undefined for a delete. With `--row-image changed` only the columns that changed, and the key. */
  readonly new: ChangeValues | undefined
}

/** One commit of the leader. */
export interface ChangeCommit {
  /** Behind this commit: where to go on from when it has been dealt with. */
  readonly position: Position
  /** By the leader's clock. */
  readonly committedAt: Milliseconds
  /**
   * Why it is not known what the commit did, for people; undefined when it is known. Whoever keeps something that depends on all changes has to
   * read the database anew.
   */
  readonly gap: string | undefined
  /** Changes of the schema, in order. */
  readonly schema: readonly SchemaChange[]
  /** `PRAGMA user_version` after the commit, when the commit changed it. */
  readonly userVersion: number | undefined
  /** `PRAGMA application_id` after the commit, when the commit changed it. */
  readonly applicationId: number | undefined
  /** The rows, each once; those of a table together. Read as they are asked for, and again for each walk. */
  readonly rows: Iterable<ChangedRow>
}

/** What is told of a commit. */
export interface CommitFilter {
  /** Undefined: all. */
  readonly tables: ReadonlySet<string> | undefined
}

/**
 * Makes a commit of an entry.
 *
 * @param findLayouts - finds the layouts of tables that nobody has told of so far, as they were when the entry was made
 * @throws StemmaError DAMAGED_ENTRY; and what `findLayouts` throws
 */
export async function readCommit(
  entry: DecodedEntry,
  parts: {
    readonly format: RowFormat
    readonly known: KnownLayouts
    readonly filter: CommitFilter
    findLayouts(request: {
      readonly position: Position
      readonly schemaVersion: number
      readonly tables: readonly string[]
    }): Promise<ReadonlyMap<string, TableLayout>>
  },
): Promise<ChangeCommit> {
  const { position, committedAt } = entry
  const { known, filter, format } = parts
  if (entry.barrier) {
    known.forget()
    const gap = 'the rows of this commit are not in the log'
    return { position, committedAt, gap, schema: [], userVersion: undefined, applicationId: undefined, rows: [] }
  }
  const rows = format.decode(entry.payload, entry.formatVersion)
  const isWanted = (name: string): boolean => filter.tables === undefined || filter.tables.has(name)
  const unknown = known.take(rows).filter(isWanted)
  if (unknown.length > 0) {
    const { schemaVersion } = rows
    const found = await parts.findLayouts({ position, schemaVersion, tables: unknown })
    for (const [name, layout] of found) known.add(name, layout)
  }
  const tables = rows.tables.filter(({ name }) => isWanted(name)).map((table) => withLayout(table, known, position))
  const { schema, userVersion, applicationId } = rows
  return {
    position,
    committedAt,
    gap: undefined,
    schema: schema.filter((change) => tablesOf(change).some(isWanted)),
    userVersion,
    applicationId,
    rows: { [Symbol.iterator]: () => walkRows(tables, rows) },
  }
}

interface KnownTable {
  readonly table: TableChanges
  readonly layout: TableLayout
}

/** The layouts are taken here, not when rows are asked for: by then later entries may have told others. */
function withLayout(table: TableChanges, known: KnownLayouts, position: Position): KnownTable {
  const layout = known.of(table.name)
  if (layout === undefined) {
    const what = `the columns of ${JSON.stringify(table.name)} at ${showPosition(position)} can't be found out`
    throw new StemmaError('ROWS_UNKNOWN', what, { table: table.name, position })
  }
  return { table, layout }
}

/** The tables that a change of the schema is about. */
function tablesOf(change: SchemaChange): readonly string[] {
  return change.kind === 'alter' ? [change.before.tableName, change.after.tableName] : [change.object.tableName]
}

function* walkRows(tables: readonly KnownTable[], rows: CommitRows): Generator<ChangedRow, void, undefined> {
  for (const known of tables) for (const row of known.table.rows()) yield readRow(known, row, rows)
}

function readRow({ table, layout }: KnownTable, row: RowChange, { textEncoding }: CommitRows): ChangedRow {
  const before = row.before === undefined ? undefined : readValues(row, row.before, table.layoutBefore ?? layout, textEncoding)
  const after = row.after === undefined ? undefined : readValues(row, row.after, layout, textEncoding)
  const keyLayout = before === undefined ? layout : (table.layoutBefore ?? layout)
  return {
    operation: row.kind,
    table: table.name,
    rowid: table.keyCount > 0 ? undefined : row.rowid,
    key: keyOf(keyLayout, before ?? after, row.rowid),
    old: before,
    new: after,
  }
}

function keyOf(layout: TableLayout, values: ChangeValues | undefined, rowid: bigint): ChangeValues {
  const key = Object.create(null) as Record<string, ChangeValues[string]>
  for (const index of layout.primaryKey) {
    const { name } = layout.columns[index]!
    const value = index === layout.rowidColumn ? rowid : values?.[name]
    if (value !== undefined) key[name] = value
  }
  return key
}
