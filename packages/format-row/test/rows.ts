import type { SqliteValue, TextEncoding } from '@stemma/base'
import type { Column, Commit, CommitRows, RowChange, SchemaChange, SchemaObject, TableChanges, TableLayout } from '@stemma/log'
import { encodeRecord } from '@stemma/sqlite-file'
import fc from 'fast-check'

/** Rows that are held, as a table's changes. */
export function newTable(table: Partial<TableChanges> & { readonly name: string }, rows: readonly RowChange[]): TableChanges {
  return {
    nameBefore: table.name,
    keyCount: 0,
    layout: undefined,
    layoutBefore: undefined,
    isLayoutNews: false,
    ...table,
    rows: () => rows,
  }
}

/** A commit that can be told as rows, and as nothing else. */
export function newCommit(rows: Partial<CommitRows>): Commit {
  const commit: Pick<Commit, 'rows'> = {
    rows: () => ({
      textEncoding: 'utf-8',
      schemaVersion: 1,
      schema: [],
      userVersion: undefined,
      applicationId: undefined,
      tables: [],
      ...rows,
    }),
  }
  // A format by rows looks at nothing else.
  return commit as Commit
}

export function newText(characters: string): SqliteValue {
  return { kind: 'text', encoding: 'utf-8', bytes: Buffer.from(characters) }
}

export function insert(rowid: bigint, ...values: SqliteValue[]): RowChange {
  return { kind: 'insert', rowid, before: undefined, after: encodeRecord(values), columns: undefined }
}

export function update(rowid: bigint, before: readonly SqliteValue[], after: readonly SqliteValue[]): RowChange {
  return { kind: 'update', rowid, before: encodeRecord(before), after: encodeRecord(after), columns: undefined }
}

export function remove(rowid: bigint, ...values: SqliteValue[]): RowChange {
  return { kind: 'delete', rowid, before: encodeRecord(values), after: undefined, columns: undefined }
}

/** A copy that is no longer lazy, with bytes as hexadecimal digits: to be compared. */
export function keep(rows: CommitRows): object {
  return plainOf({ ...rows, tables: rows.tables.map(keepTable) }) as object
}

function keepTable(table: TableChanges): object {
  const rows: unknown[] = []
  for (const row of table.rows()) rows.push(plainOf(row))
  return { ...table, rows }
}

function plainOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return hex(value)
  if (Array.isArray(value)) return value.map(plainOf)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plainOf(each)]))
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

const INT_64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n }

const bytes = fc.oneof(
  { weight: 1000, arbitrary: fc.uint8Array({ maxLength: 80 }) },
  { weight: 1, arbitrary: fc.integer({ min: 100, max: 2 ** 20 }).map((length) => new Uint8Array(length).fill(length)) },
)

const value: fc.Arbitrary<SqliteValue> = fc.oneof(
  fc.constant(null),
  fc.bigInt(INT_64),
  fc.bigInt({ min: -200n, max: 200n }),
  fc.double({ noNaN: true }),
  bytes,
  bytes.map((each) => ({ kind: 'text' as const, encoding: 'utf-8' as const, bytes: each })),
)

const values = fc.oneof(
  { weight: 200, arbitrary: fc.array(value, { maxLength: 12 }) },
  { weight: 1, arbitrary: fc.array(fc.bigInt({ min: 0n, max: 300n }), { minLength: 100, maxLength: 2000 }) },
)

const rowid = fc.oneof(
  fc.bigInt(INT_64),
  fc.bigInt({ min: -30n, max: 3000n }),
  fc.constantFrom(INT_64.min, INT_64.max, -1n, 0n, 1n, 2n ** 42n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n),
)

/** A row before, and what an UPDATE makes of it: most often a few columns are others, sometimes all, or their count. */
const pair = fc
  .tuple(values, fc.array(fc.tuple(fc.nat(30), value), { maxLength: 4 }), fc.option(values, { freq: 5, nil: undefined }))
  .map(([before, changes, other]) => {
    const after: SqliteValue[] = [...(other ?? before)]
    for (const [column, changed] of changes) if (after.length > 0) after[column % after.length] = changed
    return { before, after }
  })

const row: fc.Arbitrary<Omit<RowChange, 'rowid'>> = fc.oneof(
  values.map((after) => ({ kind: 'insert' as const, before: undefined, after: encodeRecord(after), columns: undefined })),
  values.map((before) => ({ kind: 'delete' as const, before: encodeRecord(before), after: undefined, columns: undefined })),
  pair.map(({ before, after }) => ({
    kind: 'update' as const,
    before: encodeRecord(before),
    after: encodeRecord(after),
    columns: undefined,
  })),
  // What is no record, as a damaged database might have it.
  fc.tuple(bytes, bytes).map(([before, after]) => ({ kind: 'update' as const, before, after, columns: undefined })),
)

const name = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 100 }),
  fc.constantFrom('', 'orders'),
)

const column: fc.Arbitrary<Column> = fc.record({
  name,
  affinity: fc.constantFrom('blob', 'text', 'numeric', 'integer', 'real'),
  defaultValue: value,
  isGenerated: fc.boolean(),
})

const layout: fc.Arbitrary<TableLayout> = fc.array(column, { maxLength: 8 }).chain((columns) =>
  fc.record({
    columns: fc.constant(columns),
    rowidColumn: columns.length === 0 ? fc.constant(undefined) : fc.option(fc.nat(columns.length - 1), { nil: undefined }),
    primaryKey: fc.subarray(columns.map((_, i) => i)),
  }),
)

const tableHead = fc.record({
  name,
  nameBefore: fc.option(name, { nil: undefined }),
  keyCount: fc.constantFrom(0, 0, 0, 1, 3),
  layout,
  layoutBefore: fc.option(layout, { freq: 4, nil: undefined }),
  isLayoutNews: fc.boolean(),
})

/** Rowids rise as a source tells them, most often. */
const rows = fc
  .tuple(fc.array(fc.tuple(rowid, row), { maxLength: 20 }), fc.integer({ min: 0, max: 9 }))
  .map(([pairs, disorder]) => {
    const changes = pairs.map(([id, rest]): RowChange => ({ ...rest, rowid: id }))
    return disorder === 0 ? changes : changes.toSorted((a, b) => (a.rowid < b.rowid ? -1 : a.rowid > b.rowid ? 1 : 0))
  })

const table: fc.Arbitrary<TableChanges> = fc
  .tuple(tableHead, rows)
  .map(([head, each]) => newTable(head, head.keyCount === 0 ? each : each.map((one) => ({ ...one, rowid: 0n }))))

const object: fc.Arbitrary<SchemaObject> = fc.record({
  kind: fc.constantFrom('table', 'index', 'view', 'trigger'),
  name,
  tableName: name,
  sql: fc.option(name, { nil: undefined }),
  hasTree: fc.boolean(),
})

const change: fc.Arbitrary<SchemaChange> = fc.oneof(
  fc.record({ kind: fc.constantFrom('create', 'drop'), object }),
  fc.record({ kind: fc.constant('alter' as const), before: object, after: object }),
)

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 })

export const commitRows: fc.Arbitrary<CommitRows> = fc.record({
  // Values above are in UTF-8; the others are a name here, and bytes are bytes.
  textEncoding: fc.constant<TextEncoding>('utf-8'),
  schemaVersion: int32,
  schema: fc.array(change, { maxLength: 3 }),
  userVersion: fc.option(int32, { nil: undefined }),
  applicationId: fc.option(int32, { nil: undefined }),
  tables: fc.array(table, { maxLength: 4 }),
})
