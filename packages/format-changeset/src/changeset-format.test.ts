import { DatabaseSync } from 'node:sqlite'
import { StemmaError, type SqliteValue } from '@stemma/base'
import type { CommitRows, RowChange, SchemaObject, TableChanges, TableLayout } from '@stemma/log'
import { encodeRecord, newText } from '@stemma/sqlite-file'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { newCommit, showChangeset, showValue } from '../test/session-world.ts'
import { changesetFormat, decodeChangeset } from './index.ts'

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
process.stdout.write(`seed ${SEED}\n`)

/** `CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL)` */
const ITEM: TableLayout = {
  columns: [
    { name: 'id', affinity: 'integer', defaultValue: null, isGenerated: false },
    { name: 'name', affinity: 'text', defaultValue: newText('new', 'utf-8'), isGenerated: false },
    { name: 'price', affinity: 'real', defaultValue: 1n, isGenerated: false },
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

function encode(rows: Partial<CommitRows>): Uint8Array {
  return changesetFormat.encode(newCommit(rows, 42)).slice()
}

/** The changes of a payload, without what Stemma says of the commit. */
function changesOf(rows: Partial<CommitRows>): string[] {
  return showChangeset(encode(rows), (name) => name !== '_stemma_commit')
}

function again(rows: Partial<CommitRows>): object {
  return keep(changesetFormat.decode(encode(rows), 1))
}

function keep(rows: CommitRows): object {
  return JSON.parse(
    JSON.stringify(
      { ...rows, tables: rows.tables.map((table) => ({ ...table, rows: [...table.rows()] })) },
      (_key, value: unknown) =>
        typeof value === 'bigint' ? `${value}` : value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
    ),
  ) as object
}

test('an insert is the bytes that a session makes', () => {
  const database = new DatabaseSync(':memory:')
  database.exec('CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL)')
  const session = database.createSession()
  database.exec("INSERT INTO item VALUES (7, 'Öl', 3)")
  const bySession = Buffer.from(session.changeset()).toString('hex')
  database.close()
  const ours = Buffer.from(encode({ tables: [tableOf([insert(7n, null, text('Öl'), 3n)])] })).toString('hex')
  expect(ours.endsWith(bySession)).toBe(true)
})

test.each<[string, readonly RowChange[], readonly string[]]>([
  ['a row', [insert(1n, null, text('a'), 0.5)], ["insert item 1,0,0  (1, '61', real 0.5)"]],
  ['a row that is older than two columns', [insert(1n, null)], ["insert item 1,0,0  (1, '6e6577', real 1)"]],
  [
    'an update as the key and what changed',
    [update(5n, [null, text('a'), 2n], [null, text('a'), 2.5])],
    ['update item 1,0,0 (5, -, real 2) (-, -, real 2.5)'],
  ],
  ['an update that only stores the same otherwise', [update(5n, [null, text('a'), 2n], [null, text('a'), 2.0])], []],
  ['a row that is gone', [remove(-1n, null, null, Infinity)], ['delete item 1,0,0 (-1, NULL, real Infinity) ']],
])('a changeset tells %s', (_title, rows, want) => {
  expect(changesOf({ tables: [tableOf(rows)] })).toEqual(want)
})

test('what a changeset has no place for comes out again', () => {
  const object: SchemaObject = { kind: 'table', name: 'item', tableName: 'item', sql: 'CREATE TABLE item (\n…)', hasTree: true }
  const index: SchemaObject = { kind: 'index', name: 'auto', tableName: 'item', sql: undefined, hasTree: true }
  const rows: Partial<CommitRows> = {
    schemaVersion: 12,
    userVersion: -3,
    applicationId: 0,
    schema: [
      { kind: 'drop', object: index },
      { kind: 'alter', before: object, after: { ...object, name: 'x' } },
      { kind: 'create', object },
    ],
    tables: [tableOf([insert(3n, null, text('a'), 1.5)], { isLayoutNews: true, nameBefore: undefined })],
  }
  expect(again(rows)).toEqual(keep(newCommit(rows).rows()))
})

test.each<[string, Partial<TableChanges>]>([
  ['without a primary key', { layout: { ...ITEM, rowidColumn: undefined, primaryKey: [] } }],
  ['that was renamed', { nameBefore: 'old' }],
  ['that was altered', { layoutBefore: { ...ITEM, columns: ITEM.columns.slice(0, 2) } }],
  [
    'with a stored generated column',
    { layout: { ...ITEM, columns: ITEM.columns.map((column, i) => ({ ...column, isGenerated: i === 2 })) } },
  ],
])('rows of a table %s come out whole', (_title, rest) => {
  const table = tableOf([remove(1n, null, text('x')), update(2n, [null, text('a'), 1.5], [null, text('b'), 1.5])], rest)
  const [kept] = (again({ tables: [table] }) as { tables: object[] }).tables
  expect(kept).toMatchObject({
    rows: (keep(newCommit({ tables: [table] }).rows()) as { tables: { rows: object[] }[] }).tables[0]!.rows,
  })
})

test('after an ALTER TABLE the changeset is for a database that has had it too', () => {
  const layoutBefore: TableLayout = {
    ...ITEM,
    columns: [ITEM.columns[0]!, { ...ITEM.columns[1]!, name: 'title' }, { ...ITEM.columns[2]!, name: 'gone' }],
  }
  const layout: TableLayout = { ...ITEM, columns: [ITEM.columns[0]!, ITEM.columns[1]!, ITEM.columns[2]!] }
  const table = tableOf([update(2n, [null, text('a'), 5n], [null, text('a'), 7n])], { layout, layoutBefore })
  expect(changesOf({ tables: [table] })).toEqual(['update item 1,0,0 (2, -, real 5) (-, -, real 7)'])
})

test('texts of UTF-16 are UTF-8 in the changeset, and come out as they were', () => {
  for (const textEncoding of ['utf-16le', 'utf-16be'] as const) {
    const sound = tableOf([insert(1n, null, newText('Öl 😀', textEncoding), null)])
    expect(changesOf({ textEncoding, tables: [sound] })).toEqual([`insert item 1,0,0  (1, ${showValue(text('Öl 😀'))}, NULL)`])
    const broken = tableOf([
      insert(1n, null, { kind: 'text', encoding: textEncoding, bytes: Uint8Array.of(0xd8, 0xd8, 0) }, null),
    ])
    for (const table of [sound, broken]) {
      const rows = { textEncoding, tables: [table] }
      expect(again(rows)).toMatchObject({
        tables: [{ rows: (keep(newCommit(rows).rows()) as { tables: { rows: object[] }[] }).tables[0]!.rows }],
      })
    }
  }
})

test('a database that has the table for it keeps the place that it stands at', () => {
  const database = new DatabaseSync(':memory:')
  database.exec(`CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL);
    CREATE TABLE _stemma_commit (epoch INTEGER, sequence INTEGER, part INTEGER, kind TEXT, fact TEXT, data BLOB,
      PRIMARY KEY (epoch, sequence, part))`)
  database.applyChangeset(encode({ schemaVersion: 9, tables: [tableOf([insert(1n, null)])] }))
  expect(database.prepare("SELECT epoch, sequence, fact ->> 'schemaVersion' AS version FROM _stemma_commit").all()).toEqual([
    { epoch: 1, sequence: 42, version: 9 },
  ])
  database.close()
})

test('a patchset is read: its updates and deletes tell the key alone of the row before', () => {
  const database = new DatabaseSync(':memory:')
  database.exec("CREATE TABLE t (a, k PRIMARY KEY, b); INSERT INTO t VALUES (1, 'x', 2), (3, 'y', 4)")
  const session = database.createSession()
  database.exec("UPDATE t SET b = 5 WHERE k = 'x'; DELETE FROM t WHERE k = 'y'; INSERT INTO t VALUES (6, 'z', NULL)")
  expect(showChangeset(Uint8Array.from(session.patchset()))).toEqual([
    "delete t 0,1,0 (-, '79', -) ",
    "insert t 0,1,0  (6, '7a', NULL)",
    "update t 0,1,0 (-, '78', -) (-, -, 5)",
  ])
  database.close()
})

test('what a trigger did is told as indirect', () => {
  const database = new DatabaseSync(':memory:')
  database.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TABLE u (id INTEGER PRIMARY KEY);
    CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO u VALUES (new.id); END`)
  const session = database.createSession()
  database.exec('INSERT INTO t VALUES (1)')
  const told = decodeChangeset(Uint8Array.from(session.changeset())).flatMap((table) =>
    Array.from(table.changes(), ({ isIndirect }) => `${table.name} ${isIndirect}`),
  )
  expect(told.toSorted()).toEqual(['t false', 'u true'])
  database.close()
})

test('a payload is explained to people', () => {
  const object: SchemaObject = {
    kind: 'index',
    name: 'by_name',
    tableName: 'item',
    sql: 'CREATE INDEX by_name\n ON item (name)',
    hasTree: true,
  }
  const note = tableOf([insert(1n, text('hello'))], { name: 'note', layout: { ...ITEM, rowidColumn: undefined, primaryKey: [] } })
  const item = tableOf([
    insert(1n, null, text('a'), 0.5),
    update(2n, [null, null, 1n], [null, text('b'), 1n]),
    remove(3n, null, null, null),
  ])
  const payload = encode({ schema: [{ kind: 'create', object }], tables: [note, item] })
  expect(changesetFormat.describe(payload, 1, (name) => (name === 'item' ? ITEM : undefined))).toEqual({
    summary: `1 schema change; note: 1 row; item: 3 rows; ${payload.byteLength} bytes`,
    details: [
      'create index by_name: CREATE INDEX by_name ON item (name)',
      'note: 1 row beside the changeset',
      'item: delete id=3, name=NULL, price=NULL',
      "item: insert id=1, name='a', price=0.5",
      "item: update id=2, name=NULL -> 'b'",
    ],
  })
})

test('a one-row commit takes few bytes', () => {
  expect(encode({ tables: [tableOf([insert(1n, null, text('x'.repeat(100)), 0.5)])] }).byteLength).toBeLessThan(300)
})

test.each<[string, Partial<TableChanges>, readonly RowChange[]]>([
  ['whose columns nobody told', { layout: undefined }, [insert(1n, null)]],
  ['of which a row is told in part', {}, [{ ...insert(1n, null), columns: [0] }]],
  ['of which an old row is not told', {}, [{ ...remove(1n, null), before: undefined }]],
])('a table %s is refused', (_title, rest, rows) => {
  expect(() => encode({ tables: [tableOf(rows, rest)] })).toThrow(expect.objectContaining({ code: 'ROWS_UNKNOWN' }))
})

const SAMPLE = encode({
  schema: [
    { kind: 'create', object: { kind: 'view', name: 'v', tableName: 'v', sql: 'CREATE VIEW v AS SELECT 1', hasTree: false } },
  ],
  tables: [
    tableOf([insert(1n, null, text('a'), 0.5), remove(3n, null, null, null)], { isLayoutNews: true }),
    tableOf([insert(300n, text('k'), new Uint8Array(9), 7n), update(301n, [text('m'), null, 1n], [text('m'), 3n, 1n])], {
      name: 'keyed by text',
      layout: { ...ITEM, rowidColumn: undefined },
    }),
    tableOf([insert(-5n, text('k'))], { name: 'raw', layout: { ...ITEM, rowidColumn: undefined, primaryKey: [] } }),
  ],
})

function outcomeOf(payload: Uint8Array): string {
  try {
    for (const table of changesetFormat.decode(payload, 1).tables) for (const _ of table.rows()) void _
    changesetFormat.describe(payload, 1)
    return 'read'
  } catch (error) {
    return StemmaError.is(error) ? error.code : String(error)
  }
}

test('a payload that is cut short is refused', () => {
  expect(outcomeOf(SAMPLE)).toBe('read')
  const outcomes = Array.from(SAMPLE, (_, length) => outcomeOf(SAMPLE.subarray(0, length)))
  expect(new Set(outcomes)).toEqual(new Set(['DAMAGED_ENTRY']))
})

test('a payload with flipped bits, or any bytes at all, are refused or read, without harm', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(SAMPLE.byteLength * 8 - 1)), { minLength: 1, maxLength: 4 }), (bits) => {
      const damaged = SAMPLE.slice()
      for (const [bit] of bits) damaged[bit >> 3]! ^= 1 << (bit & 7)
      expect(['read', 'DAMAGED_ENTRY']).toContain(outcomeOf(damaged))
    }),
    { seed: SEED, numRuns: 1000 },
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (junk) => {
      expect(['DAMAGED_ENTRY']).toContain(outcomeOf(Uint8Array.from([0x54, ...junk])))
    }),
    { seed: SEED, numRuns: 500 },
  )
})

test('a length that no payload has is refused before anything is set aside for it', () => {
  const head = [0x54, 1, 1, 0x74, 0, 18, 0, 4]
  expect(() => decodeChangeset(Uint8Array.from([...head, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))).toThrow(
    expect.objectContaining({ code: 'DAMAGED_ENTRY' }),
  )
})

test('a changeset that no Stemma made is refused as an entry, and so is a version from the future', () => {
  expect(() => changesetFormat.decode(Uint8Array.of(0x54, 1, 1, 0x74, 0, 18, 0, 5), 1)).toThrow(
    expect.objectContaining({ code: 'DAMAGED_ENTRY' }),
  )
  for (const call of [changesetFormat.decode, changesetFormat.describe])
    expect(() => call(SAMPLE, 2)).toThrow(expect.objectContaining({ code: 'DAMAGED_ENTRY' }))
})
