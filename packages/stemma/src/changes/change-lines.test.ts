import { encodeRecord, newText } from '@stemma/sqlite-file'
import type { Affinity, Column, RowChange, TableLayout } from '@stemma/log'
import type { SqliteValue, TextEncoding } from '@stemma/base'
import { expect, test } from 'vitest'
import type { ChangeCommit } from './change-commit.ts'
import { showChangeValue, showCommit } from './change-lines.ts'
import { readValues } from './row-values.ts'

/** A stored value, the affinity of its column, and what is printed of it. */
test.each<[string, SqliteValue, Affinity, string]>([
  ['NULL', null, 'integer', 'null'],
  ['a small integer', 42n, 'integer', '42'],
  ['the largest integer that a double holds', 9007199254740991n, 'integer', '9007199254740991'],
  ['an integer that no double holds', 9007199254740993n, 'integer', '{"integer":"9007199254740993"}'],
  ['the smallest integer', -(2n ** 63n), 'integer', '{"integer":"-9223372036854775808"}'],
  ['a real', 0.1, 'real', '0.1'],
  ['a whole real, stored as an integer', 3n, 'real', '3.0'],
  ['a whole real in a column of no type', 3, 'blob', '3.0'],
  ['an integer in a column of no type', 3n, 'blob', '3'],
  ['a large real', 1e300, 'real', '1e+300'],
  ['minus zero', -0, 'real', '-0.0'],
  ['infinity', Infinity, 'real', '{"real":"inf"}'],
  ['minus infinity', -Infinity, 'real', '{"real":"-inf"}'],
  ['a text', newText('Grüße "du"\n', 'utf-8'), 'text', String.raw`"Grüße \"du\"\n"`],
  ['a text with a zero in it', newText('a\0b', 'utf-8'), 'text', String.raw`"a\u0000b"`],
  ['a text that begins with a byte order mark', newText('\uFEFFx', 'utf-8'), 'text', '"\uFEFFx"'],
  [
    'a text that is no UTF-8',
    { kind: 'text', encoding: 'utf-8', bytes: Uint8Array.of(0x61, 0xff) },
    'text',
    '{"text":"Yf8=","encoding":"utf-8"}',
  ],
  ['an empty blob', new Uint8Array(0), 'blob', '{"blob":""}'],
  ['a blob', Uint8Array.of(1, 2, 255), 'blob', '{"blob":"AQL/"}'],
])('%s', (_title, value, affinity, printed) => {
  const values = readValues(rowOf(), encodeRecord([value]), layoutOf([column('a', affinity)]), 'utf-8')
  expect(showChangeValue(values['a']!)).toBe(printed)
})

test.each<[TextEncoding, number[], string]>([
  ['utf-16le', [0x61, 0, 0x3d, 0xd8, 0x00, 0xde], '"a😀"'],
  ['utf-16be', [0, 0x61], '"a"'],
  ['utf-16le', [0x00, 0xd8], '{"text":"ANg=","encoding":"utf-16le"}'],
  ['utf-16le', [0x61, 0, 0x62], '{"text":"YQBi","encoding":"utf-16le"}'],
])('texts of %s: %j', (encoding, bytes, printed) => {
  const record = encodeRecord([{ kind: 'text', encoding, bytes: Uint8Array.from(bytes) }])
  const values = readValues(rowOf(), record, layoutOf([column('a', 'text')]), encoding)
  expect(showChangeValue(values['a']!)).toBe(printed)
})

test('a row is read as its layout says: rowid, defaults of columns that came later, and only what is told', () => {
  const columns = [column('id', 'integer'), column('name', 'text'), { ...column('__proto__', 'integer'), defaultValue: 7n }]
  const layout = { ...layoutOf(columns), rowidColumn: 0 }
  const short = readValues(rowOf(12n), encodeRecord([null, newText('Ann', 'utf-8')]), layout, 'utf-8')
  expect(Object.entries(short)).toEqual([
    ['id', 12n],
    ['name', 'Ann'],
    ['__proto__', 7n],
  ])
  const told = readValues({ ...rowOf(12n), columns: [1] }, encodeRecord([newText('Ann', 'utf-8')]), layout, 'utf-8')
  expect(Object.entries(told)).toEqual([['name', 'Ann']])
})

test('a commit is schema, rows and its own line', () => {
  const user = { kind: 'table', name: 'user', tableName: 'user', sql: 'CREATE TABLE user (id, a)', hasTree: true } as const
  const commit: ChangeCommit = {
    position: { epoch: 1, sequence: 42 },
    committedAt: 1.7e12,
    gap: undefined,
    schema: [
      { kind: 'create', object: user },
      { kind: 'alter', before: user, after: { ...user, name: 'person', tableName: 'person' } },
    ],
    userVersion: 3,
    applicationId: undefined,
    rows: [
      { operation: 'insert', table: 'user', rowid: 1n, key: { id: 1n }, old: undefined, new: { id: 1n, a: 'x' } },
      { operation: 'delete', table: 'keyed', rowid: undefined, key: { k: 'x' }, old: { k: 'x' }, new: undefined },
    ],
  }
  expect([...showCommit(commit)]).toMatchInlineSnapshot(`
    [
      "{"kind":"schema","position":"1:42","at":"2023-11-14T22:13:20.000Z","operation":"create","object":"table","name":"user","table":"user","sql":"CREATE TABLE user (id, a)"}",
      "{"kind":"schema","position":"1:42","at":"2023-11-14T22:13:20.000Z","operation":"alter","object":"table","name":"person","table":"person","sql":"CREATE TABLE user (id, a)","before":{"object":"table","name":"user","table":"user","sql":"CREATE TABLE user (id, a)"}}",
      "{"kind":"pragma","position":"1:42","at":"2023-11-14T22:13:20.000Z","name":"user_version","value":3}",
      "{"kind":"row","position":"1:42","at":"2023-11-14T22:13:20.000Z","operation":"insert","table":"user","rowid":1,"key":{"id":1},"new":{"id":1,"a":"x"}}",
      "{"kind":"row","position":"1:42","at":"2023-11-14T22:13:20.000Z","operation":"delete","table":"keyed","key":{"k":"x"},"old":{"k":"x"}}",
      "{"kind":"commit","position":"1:42","at":"2023-11-14T22:13:20.000Z","rows":2}",
    ]
  `)
  for (const line of showCommit(commit)) expect(JSON.parse(line)).toMatchObject({ position: '1:42' })
})

test('a commit whose rows nobody knows is told as a gap', () => {
  const nothing = { schema: [], userVersion: undefined, applicationId: undefined, rows: [] }
  const commit = { position: { epoch: 1, sequence: 5 }, committedAt: 0, gap: 'unknown', ...nothing }
  expect([...showCommit(commit)]).toEqual([
    '{"kind":"gap","position":"1:5","at":"1970-01-01T00:00:00.000Z","why":"unknown"}',
    '{"kind":"commit","position":"1:5","at":"1970-01-01T00:00:00.000Z","rows":0}',
  ])
})

function rowOf(rowid = 1n): RowChange {
  return { kind: 'insert', rowid, before: undefined, after: undefined, columns: undefined }
}

function column(name: string, affinity: Affinity): Column {
  return { name, affinity, defaultValue: null, isGenerated: false }
}

function layoutOf(columns: readonly Column[]): TableLayout {
  return { columns, rowidColumn: undefined, primaryKey: [] }
}
