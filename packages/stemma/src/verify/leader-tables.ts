import { StemmaError, showPosition, type Position, type SqliteValue, type TextEncoding } from '@stemma/base'
import type { CommitRows, DecodedEntry, RowFormat, TableChanges } from '@stemma/log'
import { betterSqlite3, type Source } from '@stemma/storage'
import { readRow } from '../row-values.ts'
import { withSnapshot, type SnapshotReader } from './read-snapshot.ts'
import { RowHasher, type RowHash } from './row-hash.ts'
import { describeTables, isOwn, type SchemaFact, type TableFacts } from './table-facts.ts'

/** What it takes to look at a leader's tables. */
export interface LeaderParts {
  readonly database: string
  readonly source: Source
  readonly format: RowFormat
  readonly signal: AbortSignal
  /** The entries of the row log behind a sequence. */
  entries(after: number): AsyncIterable<DecodedEntry>
}

/** Takes the rows of a table at a position, in no order; some are added only to be removed again. Values are borrowed. */
export interface RowSink {
  add(table: TableFacts, hash: RowHash, row: HashedRow): void
  remove(table: TableFacts, hash: RowHash): void
}

export interface HashedRow {
  readonly rowid: bigint
  readonly values: readonly SqliteValue[]
}

/** A leader's tables as they were at a position. */
export interface TablesAt {
  readonly schema: readonly SchemaFact[]
  readonly tables: readonly TableFacts[]
}

/**
 * Looks at tables of a leader as they were at a position, a little in the past: reads a snapshot of where it stands now, and takes back what the
 * entries since did.
 *
 * @param encoding - of the other database: texts are compared by their characters when it is another than the leader's
 * @param wanted - says which tables' rows are wanted
 * @throws StemmaError CANNOT_COMPARE when it can't be taken back
 */
export async function readTablesAt(
  position: Position,
  encoding: TextEncoding,
  parts: LeaderParts,
  { wanted, sink }: { wanted(name: string): boolean; readonly sink: RowSink },
): Promise<TablesAt> {
  return await withSnapshot(parts, async (reader) => {
    await checkEntries(position, reader, parts)
    const schema = reader.schema.filter(({ name, tableName }) => !isOwn(name) && !isOwn(tableName))
    const trees = new Map(schema.filter(({ kind, rootPage }) => kind === 'table' && rootPage > 0).map((row) => [row.name, row]))
    const known = [...trees.values()].flatMap(({ name, sql }) => (sql === undefined ? [] : [{ name, sql }]))
    const tables = describeTables(known, reader.textEncoding, betterSqlite3)
    const form = encoding === reader.textEncoding ? 'stored' : 'characters'
    const hashers = new Map(tables.map((table) => [table.name, { table, hasher: new RowHasher(table, form) }]))
    for (const { table, hasher } of hashers.values()) {
      if (!wanted(table.name)) continue
      await reader.walk(trees.get(table.name)!, (rowid, record) => {
        const values = readRow(rowid, record, table.layout, reader.textEncoding)
        sink.add(table, hasher.hash(rowid, values), { rowid, values })
      })
    }
    for await (const rows of entriesBetween(position, reader, parts)) {
      for (const changes of rows.tables) {
        const entry = hashers.get(changes.name)
        if (entry !== undefined && wanted(changes.name)) await takeBack(reader, { changes, rows }, entry, sink)
      }
    }
    return { schema, tables }
  })
}

/** Undoes what a commit did to a table. */
async function takeBack(
  reader: SnapshotReader,
  { changes, rows: { textEncoding } }: { readonly changes: TableChanges; readonly rows: CommitRows },
  { table, hasher }: { readonly table: TableFacts; readonly hasher: RowHasher },
  sink: RowSink,
): Promise<void> {
  const read = (rowid: bigint, record: Uint8Array): HashedRow => {
    return { rowid, values: readRow(rowid, record, table.layout, textEncoding) }
  }
  await reader.each(changes.rows(), ({ rowid, before, after }) => {
    if (after !== undefined) sink.remove(table, hasher.hash(rowid, read(rowid, after).values))
    if (before === undefined) return
    const row = read(rowid, before)
    sink.add(table, hasher.hash(rowid, row.values), row)
  })
}

/** Looks whether all that lies between can be taken back, before any work is done. */
async function checkEntries(position: Position, reader: SnapshotReader, parts: LeaderParts): Promise<void> {
  for await (const rows of entriesBetween(position, reader, parts)) {
    if (rows.schema.length > 0) throw cannot(position, 'the schema has changed since')
    for (const table of rows.tables) {
      await reader.each(table.rows(), ({ kind, columns, before }) => {
        if (columns !== undefined || (kind !== 'insert' && before === undefined))
          throw cannot(position, 'the leader does not keep old rows (--row-image changed), and there were commits since')
      })
    }
  }
}

/** The commits behind a position, up to where a snapshot stands. */
async function* entriesBetween(
  position: Position,
  { place }: SnapshotReader,
  { entries, format, signal }: LeaderParts,
): AsyncGenerator<CommitRows, void, undefined> {
  const last = place.position.sequence
  if (last < position.sequence) throw cannot(position, `the leader is at ${showPosition(place.position)}`)
  if (last === position.sequence) return
  for await (const entry of entries(position.sequence)) {
    if (entry.position.sequence > last) return
    signal.throwIfAborted()
    if (entry.barrier) throw cannot(position, `what the commit at ${showPosition(entry.position)} did is not known`)
    yield format.decode(entry.payload, entry.formatVersion)
  }
}

function cannot(position: Position, why: string): StemmaError {
  return new StemmaError('CANNOT_COMPARE', `the leader can't tell what it was at ${showPosition(position)}: ${why}`, { position })
}
