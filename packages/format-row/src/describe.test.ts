import type { TableLayout } from '@stemma/log'
import { expect, test } from 'vitest'
import { insert, newCommit, newTable, newText, remove, update } from '../test/rows.ts'
import { newRowFormat, rowFormat } from './index.ts'

const plain = { affinity: 'blob', defaultValue: null, isGenerated: false } as const

const ORDERS: TableLayout = {
  columns: [
    { ...plain, name: 'id', affinity: 'integer' },
    { ...plain, name: 'customer name', affinity: 'text' },
    { ...plain, name: 'price', affinity: 'real' },
    { ...plain, name: 'state', defaultValue: newText('new') },
  ],
  rowidColumn: 0,
  primaryKey: [0],
}

const orders = newTable({ name: 'orders', layout: ORDERS, isLayoutNews: true }, [
  insert(7n, null, newText("Ann's"), 10n, newText('paid')),
  insert(8n, null, newText('Bo\n'), 0.5),
  update(9n, [null, newText('Cy'), 10n, newText('paid')], [null, newText('Cy'), -0.0, newText('paid')]),
])
const users = newTable({ name: 'users' }, [remove(3n, 1n, new Uint8Array(20).fill(0xab), newText('a'.repeat(70)), null)])

test('people are told in one line what happened to which table', () => {
  const payload = rowFormat.encode(newCommit({ tables: [orders, users] }))
  expect(rowFormat.describe(payload, 1).summary).toBe(`orders: 2 inserts, 1 update; users: 1 delete; ${payload.byteLength} bytes`)
})

test('people are told each row, with the names of columns when these are news', () => {
  expect(rowFormat.describe(rowFormat.encode(newCommit({ tables: [orders, users] })), 1).details).toEqual([
    `orders: insert rowid 7: id=7, "customer name"='Ann''s', price=10.0, state='paid'`,
    `orders: insert rowid 8: id=8, "customer name"='Bo\\u{a}', price=0.5, state='new'`,
    `orders: update rowid 9: price=10.0 -> -0.0`,
    `users: delete rowid 3: column 1=1, column 2=x'${'ab'.repeat(16)}...' (20 bytes), column 3='${'a'.repeat(60)}...' (70 bytes), column 4=NULL`,
  ])
})

test('people are told the names of columns that earlier entries have told', () => {
  const later = newTable({ name: 'orders' }, [
    update(9n, [null, newText('Cy'), 10n], [null, newText('Cy'), 10n, newText('paid')]),
  ])
  const payload = rowFormat.encode(newCommit({ tables: [later] }))
  const layoutOf = (table: string): TableLayout | undefined => (table === 'orders' ? ORDERS : undefined)
  expect(rowFormat.describe(payload, 1, layoutOf).details).toEqual([`orders: update rowid 9: state='new' -> 'paid'`])
  expect(rowFormat.describe(payload, 1).details).toEqual([`orders: update rowid 9: column 4='paid'`])
})

test('people are told keys of tables WITHOUT ROWID, and changed columns by their numbers', () => {
  const format = newRowFormat({ image: 'changed' })
  const pairs = newTable({ name: 'two words', keyCount: 2 }, [
    update(0n, [newText('k'), 1n, 5n, 6n], [newText('k'), 1n, 5n, 2n ** 63n - 1n]),
    remove(0n, newText('k'), 2n, 5n, 6n),
  ])
  expect(format.describe(format.encode(newCommit({ tables: [pairs] })), 1).details).toEqual([
    `"two words": update key ('k', 1): column 4=6 -> 9223372036854775807`,
    `"two words": delete key ('k', 2): column 1='k', column 2=2`,
  ])
})

test('people are told what became of the schema', () => {
  const table = { kind: 'table', name: 'a', tableName: 'a', sql: 'CREATE TABLE a (\n  x\n)', hasTree: true } as const
  const index = { kind: 'index', name: 'a_x', tableName: 'a', sql: undefined, hasTree: true } as const
  const payload = rowFormat.encode(
    newCommit({
      userVersion: 4,
      applicationId: -1,
      schema: [
        { kind: 'drop', object: index },
        { kind: 'alter', before: table, after: { ...table, name: 'b', tableName: 'b', sql: 'CREATE TABLE b (x)' } },
        { kind: 'create', object: table },
      ],
    }),
  )
  expect(rowFormat.describe(payload, 1)).toEqual({
    summary: `3 schema changes; user_version 4; application_id -1; ${payload.byteLength} bytes`,
    details: [
      'drop index a_x on a',
      'alter table a to table b: CREATE TABLE b (x)',
      'create table a: CREATE TABLE a ( x )',
      'user_version: 4',
      'application_id: -1',
    ],
  })
})

test('people are told of a commit that changed no rows', () => {
  expect(rowFormat.describe(rowFormat.encode(newCommit({ schemaVersion: 1 })), 1)).toEqual({
    summary: 'no rows; 2 bytes',
    details: [],
  })
})

test('people are told of the first rows of many', () => {
  const many = newTable(
    { name: 'many' },
    Array.from({ length: 300 }, (_, i) => insert(BigInt(i), 1n)),
  )
  const { details } = rowFormat.describe(rowFormat.encode(newCommit({ tables: [many] })), 1)
  expect(details.length).toBe(257)
  expect(details.at(-1)).toBe('and 44 rows more')
})
