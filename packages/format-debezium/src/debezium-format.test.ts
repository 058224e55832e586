import type { SqliteValue } from '@stemma/base'
import type { Commit, CommitRows, RowChange, SchemaObject, TableChanges, TableLayout } from '@stemma/log'
import { encodeRecord, newText } from '@stemma/sqlite-file'
import { expect, test } from 'vitest'
import { format, newDebeziumFormat } from './index.ts'

/** `CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL, photo BLOB)` */
const ITEM: TableLayout = {
  columns: [
    { name: 'id', affinity: 'integer', defaultValue: null, isGenerated: false },
    { name: 'name', affinity: 'text', defaultValue: newText('new', 'utf-8'), isGenerated: false },
    { name: 'price', affinity: 'real', defaultValue: null, isGenerated: false },
    { name: 'photo', affinity: 'blob', defaultValue: null, isGenerated: false },
  ],
  rowidColumn: 0,
  primaryKey: [0],
}

const text = (characters: string): SqliteValue => newText(characters, 'utf-8')

function tableOf(rows: readonly RowChange[], rest: Partial<TableChanges> = {}): TableChanges {
  const table = { name: 'item', nameBefore: 'item', keyCount: 0, layout: ITEM, layoutBefore: undefined, isLayoutNews: false }
  return { ...table, rows: () => rows, ...rest }
}

function insert(rowid: bigint, ...values: SqliteValue[]): RowChange {
  return { kind: 'insert', rowid, before: undefined, after: encodeRecord(values), columns: undefined }
}

function update(rowid: bigint, before: readonly SqliteValue[], after: readonly SqliteValue[]): RowChange {
  return { kind: 'update', rowid, before: encodeRecord(before), after: encodeRecord(after), columns: undefined }
}

function remove(rowid: bigint, ...values: SqliteValue[]): RowChange {
  return { kind: 'delete', rowid, before: encodeRecord(values), after: undefined, columns: undefined }
}

function newCommit(rows: Partial<CommitRows>): Commit {
  const none = { textEncoding: 'utf-8', schemaVersion: 1, schema: [], userVersion: undefined, applicationId: undefined } as const
  const commit: Pick<Commit, 'rows' | 'position' | 'committedAt'> = {
    position: { epoch: 1, sequence: 42 },
    committedAt: 1_790_000_000_123,
    rows: () => ({ ...none, tables: [], ...rows }),
  }
  // A format by rows looks at nothing else.
  return commit as Commit
}

const SHOP = newDebeziumFormat({ name: 'dbserver1', db: 'shop' })

function encode(rows: Partial<CommitRows>): Uint8Array {
  return SHOP.encode(newCommit(rows)).slice()
}

function linesOf(rows: Partial<CommitRows>): string[] {
  return Buffer.from(encode(rows)).toString().split('\n').slice(0, -1)
}

/** The events about rows. */
function eventsOf(
  rows: readonly RowChange[],
  rest: Partial<TableChanges> = {},
): { key: unknown; value: Record<string, unknown> }[] {
  return linesOf({ tables: [tableOf(rows, rest)] })
    .map((line) => JSON.parse(line) as { key: unknown; value: Record<string, unknown> })
    .filter(({ value }) => 'op' in value)
}

test('a commit is its begin, an event for each row, and its end', () => {
  const item = tableOf([
    insert(7n, null, text('Äpfel'), 3n, Uint8Array.of(1, 2, 255)),
    update(8n, [null, text('a'), 0.5, null], [null, text('b'), 0.5, null]),
    remove(9n, null, text('c'), null, null),
  ])
  const log = tableOf([insert(1n, text('x'))], {
    name: 'my log',
    layout: { columns: [ITEM.columns[1]!], rowidColumn: undefined, primaryKey: [] },
  })
  expect(linesOf({ tables: [item, log] })).toMatchInlineSnapshot(`
    [
      "{"topic":"dbserver1.transaction","key":{"id":"1:42"},"value":{"status":"BEGIN","id":"1:42","ts_ms":1790000000123,"event_count":null,"data_collections":null}}",
      "{"topic":"dbserver1.item","key":{"id":7},"value":{"before":null,"after":{"id":7,"name":"Äpfel","price":3.0,"photo":"AQL/"},"source":{"version":"1","connector":"stemma","name":"dbserver1","ts_ms":1790000000123,"snapshot":"false","db":"shop","table":"item","position":"1:42"},"op":"c","ts_ms":1790000000123,"transaction":{"id":"1:42","total_order":1,"data_collection_order":1}}}",
      "{"topic":"dbserver1.item","key":{"id":8},"value":{"before":{"id":8,"name":"a","price":0.5,"photo":null},"after":{"id":8,"name":"b","price":0.5,"photo":null},"source":{"version":"1","connector":"stemma","name":"dbserver1","ts_ms":1790000000123,"snapshot":"false","db":"shop","table":"item","position":"1:42"},"op":"u","ts_ms":1790000000123,"transaction":{"id":"1:42","total_order":2,"data_collection_order":2}}}",
      "{"topic":"dbserver1.item","key":{"id":9},"value":{"before":{"id":9,"name":"c","price":null,"photo":null},"after":null,"source":{"version":"1","connector":"stemma","name":"dbserver1","ts_ms":1790000000123,"snapshot":"false","db":"shop","table":"item","position":"1:42"},"op":"d","ts_ms":1790000000123,"transaction":{"id":"1:42","total_order":3,"data_collection_order":3}}}",
      "{"topic":"dbserver1.my_log","key":null,"value":{"before":null,"after":{"name":"x"},"source":{"version":"1","connector":"stemma","name":"dbserver1","ts_ms":1790000000123,"snapshot":"false","db":"shop","table":"my log","position":"1:42"},"op":"c","ts_ms":1790000000123,"transaction":{"id":"1:42","total_order":4,"data_collection_order":1}}}",
      "{"topic":"dbserver1.transaction","key":{"id":"1:42"},"value":{"status":"END","id":"1:42","ts_ms":1790000000123,"event_count":4,"data_collections":[{"data_collection":"item","event_count":3},{"data_collection":"my log","event_count":1}]}}",
    ]
  `)
})

test('changes of the schema are events of their own, with the SQL and what is known of the table', () => {
  const item: SchemaObject = { kind: 'table', name: 'item', tableName: 'item', sql: 'CREATE TABLE item (id …)', hasTree: true }
  const index: SchemaObject = { kind: 'index', name: 'by "name"', tableName: 'item', sql: 'CREATE INDEX …', hasTree: true }
  const lines = linesOf({
    userVersion: 5,
    schema: [
      { kind: 'drop', object: index },
      { kind: 'alter', before: { ...item, name: 'old', tableName: 'old' }, after: item },
      { kind: 'create', object: { ...item, name: 'empty', tableName: 'empty' } },
    ],
    tables: [tableOf([], { layoutBefore: ITEM })],
  })
  expect(lines.slice(1, -1)).toMatchInlineSnapshot(`
    [
      "{"topic":"dbserver1","key":{"databaseName":"shop"},"value":{"source":{"version":"1","connector":"stemma","name":"dbserver1","ts_ms":1790000000123,"snapshot":"false","db":"shop","table":"item","position":"1:42"},"ts_ms":1790000000123,"databaseName":"shop","schemaName":null,"ddl":"DROP INDEX \\"by \\"\\"name\\"\\"\\"","tableChanges":[]}}",
      "{"topic":"dbserver1","key":{"databaseName":"shop"},"value":{"source":{"version":"1","connector":"stemma","name":"dbserver1","ts_ms":1790000000123,"snapshot":"false","db":"shop","table":"item","position":"1:42"},"ts_ms":1790000000123,"databaseName":"shop","schemaName":null,"ddl":"CREATE TABLE item (id …)","tableChanges":[{"type":"ALTER","id":"\\"item\\"","previousId":"\\"old\\"","table":{"defaultCharsetName":null,"primaryKeyColumnNames":["id"],"columns":[{"name":"id","typeName":"INTEGER","position":1,"generated":false},{"name":"name","typeName":"TEXT","position":2,"generated":false},{"name":"price","typeName":"REAL","position":3,"generated":false},{"name":"photo","typeName":"BLOB","position":4,"generated":false}]}}]}}",
      "{"topic":"dbserver1","key":{"databaseName":"shop"},"value":{"source":{"version":"1","connector":"stemma","name":"dbserver1","ts_ms":1790000000123,"snapshot":"false","db":"shop","table":"empty","position":"1:42"},"ts_ms":1790000000123,"databaseName":"shop","schemaName":null,"ddl":"CREATE TABLE item (id …)","tableChanges":[{"type":"CREATE","id":"\\"empty\\"","table":null}]}}",
      "{"topic":"dbserver1","key":{"databaseName":"shop"},"value":{"source":{"version":"1","connector":"stemma","name":"dbserver1","ts_ms":1790000000123,"snapshot":"false","db":"shop","table":null,"position":"1:42"},"ts_ms":1790000000123,"databaseName":"shop","schemaName":null,"ddl":"PRAGMA user_version = 5","tableChanges":[]}}",
    ]
  `)
})

test.each<[string, SqliteValue, string]>([
  ['NULL', null, 'null'],
  ['an integer', 42n, '42'],
  ['the largest integer, with all its digits', 2n ** 63n - 1n, '9223372036854775807'],
  ['a real', 0.1, '0.1'],
  ['a whole real', 3, '3.0'],
  ['minus zero', -0, '-0.0'],
  ['infinity', -Infinity, '"-Infinity"'],
  ['a text', text('a"\n\u0000'), String.raw`"a\"\n\u0000"`],
  ['a text that is none', { kind: 'text', encoding: 'utf-8', bytes: Uint8Array.of(0x61, 0xff) }, '"a\uFFFD"'],
  ['half a character of UTF-16', { kind: 'text', encoding: 'utf-16le', bytes: Uint8Array.of(0, 0xd8) }, '"\uFFFD"'],
  ['a blob', Uint8Array.of(0, 255), '"AP8="'],
])('%s', (_title, value, json) => {
  const columns = [{ name: 'a', affinity: 'blob', defaultValue: null, isGenerated: false }] as const
  const table = tableOf([insert(1n, value)], { layout: { columns, rowidColumn: undefined, primaryKey: [] } })
  const textEncoding = value !== null && typeof value === 'object' && 'encoding' in value ? value.encoding : 'utf-8'
  expect(linesOf({ textEncoding, tables: [table] })[1]).toContain(`"after":{"a":${json}},`)
})

test('a row whose key changed is a delete of the old key and a create of the new one', () => {
  const layout: TableLayout = { ...ITEM, rowidColumn: undefined, primaryKey: [1] }
  const events = eventsOf([update(1n, [1n, text('a'), null, null], [1n, text('b'), null, null])], { layout })
  expect(events.map(({ key, value: { op, before, after } }) => [op, key, before !== null, after !== null])).toEqual([
    ['d', { name: 'a' }, true, false],
    ['c', { name: 'b' }, false, true],
  ])
  expect(events.map(({ value }) => value['transaction'])).toMatchObject([{ total_order: 1 }, { total_order: 2 }])
})

test('columns come in the order in which the table declares them, the key in its own', () => {
  const layout: TableLayout = {
    columns: [2, 1, 0].map((i) => ITEM.columns[i]!),
    rowidColumn: undefined,
    primaryKey: [0, 1],
    declaredOrder: [2, 1, 0],
  }
  const [event] = eventsOf([insert(0n, 5n, text('n'), 7n)], { layout, keyCount: 2 })
  expect(JSON.stringify([event!.key, event!.value['after']])).toBe('[{"price":5,"name":"n"},{"id":7,"name":"n","price":5}]')
})

test('what a row was is told under the schema before', () => {
  const layoutBefore: TableLayout = { ...ITEM, columns: [ITEM.columns[0]!, { ...ITEM.columns[1]!, name: 'title' }] }
  const [event] = eventsOf([update(1n, [null, text('a')], [null, text('a'), 1n, null])], { layoutBefore })
  expect(event!.value).toMatchObject({ before: { id: 1, title: 'a' }, after: { id: 1, name: 'a', price: 1, photo: null } })
})

test('a commit that changed no rows is its begin and its end', () => {
  const [begin, end, ...rest] = linesOf({}).map((line) => JSON.parse(line) as { value: unknown })
  expect([begin!.value, end!.value, rest]).toMatchObject([{ status: 'BEGIN' }, { status: 'END', event_count: 0 }, []])
})

test.each<[string | undefined, string]>([
  [undefined, 'database'],
  ['/var/lib/app.db', 'app'],
  [String.raw`C:\data\my app.v2.sqlite`, 'my_app.v2'],
  ['.hidden', '.hidden'],
])('a database at %s is called %s', (database, name) => {
  const payload = format({ database }).encode(newCommit({ tables: [tableOf([insert(1n, null)], { name: 'a b' })] }))
  expect(Buffer.from(payload).toString()).toContain(`{"topic":"${name}.a_b","key":`)
})

test('a payload is explained to people', () => {
  const payload = encode({ tables: [tableOf([insert(1n, null), remove(2n, null), insert(3n, null, text('\u202E'))])] })
  const { summary, details } = SHOP.describe(payload, 1)
  expect(summary).toBe(`2 created, 1 deleted; ${payload.byteLength} bytes`)
  expect(details.length).toBe(5)
  expect(details[3]).toContain(String.raw`\u{202e}`)
})

test.each<[string, string]>([
  ['an end in the middle of a line', '{"value":{"op":"c"}}'],
  ['what is no JSON', '{"value":\n'],
  ['what is no event', '[]\n'],
  ['nothing', ''],
])('a payload with %s is refused', (_title, payload) => {
  expect(() => SHOP.describe(Buffer.from(payload), 1)).toThrow(expect.objectContaining({ code: 'DAMAGED_ENTRY' }))
})

test('a version from the future is refused', () => {
  expect(() => SHOP.describe(encode({}), 2)).toThrow(expect.objectContaining({ code: 'DAMAGED_ENTRY' }))
})

test.each<[string, Partial<TableChanges>, readonly RowChange[]]>([
  ['whose columns nobody told', { layout: undefined }, [insert(1n, null)]],
  ['of which a row is told in part', {}, [{ ...insert(1n, null), columns: [0] }]],
  ['of which an old row is not told', {}, [{ ...remove(1n, null), before: undefined }]],
])('a table %s is refused', (_title, rest, rows) => {
  expect(() => encode({ tables: [tableOf(rows, rest)] })).toThrow(expect.objectContaining({ code: 'ROWS_UNKNOWN' }))
})
