import type { SqliteValue, TextEncoding } from '@stemma/base'
import { damagedPayload, type CommitRows, type RowChange, type TableChanges } from '@stemma/log'
import { encodeRecord, newText, showText } from '@stemma/sqlite-file'
import type { ChangesetChange, ChangesetRow, ChangesetTable } from './changeset.ts'
import { FACTS_TABLE, type TableFact } from './facts.ts'
import { ChangesetReader, decodeChangeset } from './read-changeset.ts'
import { readFacts } from './read-facts.ts'

const KINDS: readonly (RowChange['kind'] | undefined)[] = [undefined, 'insert', 'update', undefined, 'delete']

/**
 * Reads what a commit did out of its changeset and the facts before it. Rows are read when they are asked for.
 *
 * @throws StemmaError DAMAGED_ENTRY when it makes no sense, or has no facts since something else than Stemma made it
 */
export function decodePayload(payload: Uint8Array, version: number): CommitRows {
  const [first, ...tables] = decodeChangeset(payload)
  if (first?.name !== FACTS_TABLE) throw damagedPayload(0, 'a changeset that no Stemma made; `decodeChangeset` reads it')
  const facts = readFacts(first, version)
  const { textEncoding, schemaVersion, userVersion, applicationId } = facts.commit
  const count = tables.reduce((sum, table) => sum + table.count, 0)
  if (count !== facts.commit.changes)
    throw damagedPayload(payload.byteLength, `${count} changes instead of ${facts.commit.changes}`)
  const byName = new Map(tables.map((table) => [table.name, table]))
  if (byName.size !== tables.length || tables.some(({ isPatchset }) => isPatchset))
    throw damagedPayload(0, 'more than one changeset, or a patchset')
  const known = facts.tables.map(({ fact, data }) => {
    const table = byName.get(fact.name)
    byName.delete(fact.name)
    return readTable(fact, table, data, textEncoding)
  })
  const plain = [...byName.values()].map((table) => readTable(plainFact(table), table, undefined, textEncoding))
  return { textEncoding, schemaVersion, userVersion, applicationId, schema: facts.schema, tables: [...known, ...plain] }
}

function plainFact({ name }: ChangesetTable): TableFact {
  const layouts = { isLayoutNews: false, layout: undefined, layoutBefore: undefined }
  return { name, nameBefore: name, keyCount: 0, ...layouts, rowsAt: 'key' }
}

function readTable(
  fact: TableFact,
  table: ChangesetTable | undefined,
  data: Uint8Array | undefined,
  encoding: TextEncoding,
): TableChanges {
  const { rowsAt, ...rest } = fact
  return { ...rest, rows: rowsOf() }

  function rowsOf(): () => Iterable<RowChange> {
    if (rowsAt === 'raw') return () => rawRows(needed(data, fact))
    // What does not change a row that a changeset tells leaves the table without one.
    if (table === undefined) return () => []
    const columns = storedOrder(table.key, rowsAt === 'keyed')
    const rowids = rowsAt === 'listed' ? readRowids(needed(data, fact), table.count) : undefined
    const alias = rowsAt === 'key' ? table.key.indexOf(1) : -1
    if (rowsAt === 'key' && (alias < 0 || table.key.includes(2))) throw damagedPayload(0, `no rowid in the key of ${fact.name}`)
    const parts = { columns, alias, encoding }
    const rows = (): Iterable<RowChange> => toldRows(table, rowids, parts)
    return rowsAt === 'keyed' ? rows : () => inOrder(rows())
  }
}

function needed(data: Uint8Array | undefined, { name, rowsAt }: TableFact): Uint8Array {
  if (data === undefined) throw damagedPayload(0, `the rows of ${name} are ${rowsAt}, and not there`)
  return data
}

/** The changeset's columns in the order of records, which has the key first in a table WITHOUT ROWID. */
function storedOrder(key: readonly number[], isKeyed: boolean): readonly number[] {
  const order = key.map((_, i) => i)
  return isKeyed ? order.sort((a, b) => (key[a]! || Infinity) - (key[b]! || Infinity) || a - b) : order
}

function readRowids(data: Uint8Array, count: number): bigint[] {
  const reader = new ChangesetReader(data, 0)
  const rowids: bigint[] = []
  while (!reader.isAtEnd && rowids.length <= count) rowids.push(reader.integer())
  if (rowids.length !== count) throw damagedPayload(0, `not as many rowids as changes, which are ${count}`)
  return rowids
}

interface RowParts {
  /** By their place in records, the changeset's columns. */
  readonly columns: readonly number[]
  /** The changeset's column that is the rowid; -1 when there is none. */
  readonly alias: number
  readonly encoding: TextEncoding
}

function* toldRows(
  table: ChangesetTable,
  rowids: readonly bigint[] | undefined,
  parts: RowParts,
): Generator<RowChange, void, undefined> {
  let i = 0
  for (const change of table.changes()) yield readRow(change, rowids?.[i++], table, parts)
}

/** Rows in the order of rowids, of which a changeset has those that were deleted before the others. */
function* inOrder(rows: Iterable<RowChange>): Generator<RowChange, void, undefined> {
  const deleted: RowChange[] = []
  let next = 0
  for (const row of rows) {
    if (row.kind === 'delete') {
      deleted.push(row)
      continue
    }
    while (next < deleted.length && deleted[next]!.rowid < row.rowid) yield deleted[next++]!
    yield row
  }
  while (next < deleted.length) yield deleted[next++]!
}

function readRow(
  { operation, before, after }: ChangesetChange,
  listed: bigint | undefined,
  { name, key }: ChangesetTable,
  { columns, alias, encoding }: RowParts,
): RowChange {
  const identity = listed ?? (alias < 0 ? 0n : (before ?? after!)[alias])
  if (typeof identity !== 'bigint') throw damagedPayload(0, `a row of ${name} whose rowid is no integer`)
  const isUpdate = operation === 'update'
  const told = isUpdate ? columns.filter((i) => key[i]! > 0 || after![i] !== undefined) : columns
  const record = (row: ChangesetRow, other: ChangesetRow | undefined): Uint8Array =>
    encodeRecord(
      told.map((i) => {
        const value = row[i] === undefined ? other?.[i] : row[i]
        if (value === undefined) throw damagedPayload(0, `a row of ${name} is not told whole`)
        return i === alias ? null : storedValue(value, encoding)
      }),
    )
  return {
    kind: operation,
    rowid: identity,
    before: before && record(before, undefined),
    after: after && record(after, before),
    columns: isUpdate ? told.map((i) => columns.indexOf(i)) : undefined,
  }
}

/** A value as the leader's records have it. */
function storedValue(value: SqliteValue, encoding: TextEncoding): SqliteValue {
  const isText = value !== null && typeof value === 'object' && !(value instanceof Uint8Array)
  return isText && encoding !== 'utf-8' ? newText(showText(value), encoding) : value
}

function* rawRows(data: Uint8Array): Generator<RowChange, void, undefined> {
  const reader = new ChangesetReader(data, 0)
  while (!reader.isAtEnd) {
    const kind = KINDS[reader.byte()]
    if (kind === undefined) throw damagedPayload(reader.at - 1, 'no row begins here')
    const rowid = reader.integer()
    const before = kind === 'insert' ? undefined : reader.sized()
    const after = kind === 'delete' ? undefined : reader.sized()
    yield { kind, rowid, before, after, columns: undefined }
  }
}
