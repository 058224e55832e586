import type { CommitRows, DecodedEntry, RowFormat, SchemaChange, SchemaObject } from '@stemma/log'
import { expect, test } from 'vitest'
import { schemaAt, type CurrentSchema } from './schema-at.ts'

const NOW = schema(9, { user: 'user now', order: 'order now' })

test.each<
  [title: string, asked: number, current: CurrentSchema, log: (readonly SchemaChange[] | 'barrier')[], want: string[] | string]
>([
  ['the schema is what it was', 9, NOW, [], ['user now', 'order now']],
  ['only another table changed', 8, NOW, [[drop('item', 'x')]], ['user now', 'order now']],
  [
    'it was altered: it was what it was before the first time',
    7,
    NOW,
    [[alter('user', 'user 1', 'user')], [alter('user', 'user 2', 'user')]],
    ['user 1', 'order now'],
  ],
  [
    'it was renamed, and another has its name now',
    7,
    NOW,
    [[alter('user', 'old user', 'person')], [create('user', 'user now')]],
    ['old user', 'order now'],
  ],
  [
    'it was dropped and made again',
    7,
    schema(8, { user: 'user now', order: 'order now' }),
    [[drop('order', 'order 1'), create('order', 'order now')], []],
    ['user now', 'order 1'],
  ],
  ['it is gone', 7, schema(9, {}), [[drop('order', 'order 1')], [drop('user', 'user 1')]], ['user 1', 'order 1']],
  ['the log does not tell a commit between', 7, NOW, [[], 'barrier', []], 'ROWS_UNKNOWN'],
  ['the log ends before the schema that is there now', 7, schema(30, { user: 'u', order: 'o' }), [[], []], 'ROWS_UNKNOWN'],
])('%s', async (_title, asked, current, log, want) => {
  const found = schemaAt(
    { position: { epoch: 1, sequence: 4 }, schemaVersion: asked, tables: ['user', 'order'] },
    {
      format: FORMAT,
      current: () => current,
      async *entries(after) {
        expect(after).toBe(4)
        yield* log.map((changes, i) =>
          entryOf(after + 1 + i, changes, asked + log.slice(0, i + 1).filter((each) => each.length > 0).length),
        )
      },
    },
  )
  if (typeof want === 'string') await expect(found).rejects.toMatchObject({ code: want })
  else expect((await found).tables.map(({ sql }) => sql)).toEqual(want)
})

/** A format whose payloads are numbers of what was decoded before. */
const DECODED: CommitRows[] = []
const FORMAT = { decode: (payload: Uint8Array) => DECODED[payload[0]!] } as unknown as RowFormat

function entryOf(sequence: number, changes: readonly SchemaChange[] | 'barrier', schemaVersion: number): DecodedEntry {
  const barrier = changes === 'barrier'
  const rows = { textEncoding: 'utf-8', schemaVersion, schema: barrier ? [] : changes, tables: [] } as unknown as CommitRows
  return { position: { epoch: 1, sequence }, barrier, payload: Uint8Array.of(DECODED.push(rows) - 1) } as unknown as DecodedEntry
}

function schema(schemaVersion: number, tables: Readonly<Record<string, string>>): CurrentSchema {
  return { schemaVersion, textEncoding: 'utf-8', tables: new Map(Object.entries(tables)) }
}

function table(name: string, sql: string): SchemaObject {
  return { kind: 'table', name, tableName: name, sql, hasTree: true }
}

function create(name: string, sql: string): SchemaChange {
  return { kind: 'create', object: table(name, sql) }
}

function drop(name: string, sql: string): SchemaChange {
  return { kind: 'drop', object: table(name, sql) }
}

function alter(name: string, sql: string, after: string): SchemaChange {
  return { kind: 'alter', before: table(name, sql), after: table(after, `${sql} altered`) }
}
