import { StemmaError, type SqliteValue } from '@stemma/base'
import { ENTRY_BYTES_MAX, encodeEntry, writeVarint, type CommitRows, type RowChange, type TableChanges } from '@stemma/log'
import { decodeRecord, encodeRecord } from '@stemma/sqlite-file'
import fc from 'fast-check'
import { zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { commitRows, hex, insert, keep, newCommit, newTable, newText, remove, update } from '../test/rows.ts'
import { newRowFormat, rowFormat } from './index.ts'

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
process.stdout.write(`seed ${SEED}\n`)

const changedFormat = newRowFormat({ image: 'changed' })

/** What comes out again when a commit is encoded. */
function decodeAgain(rows: Partial<CommitRows>, format = rowFormat): CommitRows {
  return format.decode(format.encode(newCommit(rows)).slice(), format.version)
}

/** What a payload tells of a commit: layouts only where they are news. */
function asTold(rows: CommitRows): object {
  const tables = rows.tables.map((table): TableChanges => ({ ...table, layout: table.isLayoutNews ? table.layout : undefined }))
  return keep({ ...rows, tables })
}

test('whatever a commit does comes out again', () => {
  fc.assert(
    fc.property(commitRows, (rows) => {
      const again = decodeAgain(rows)
      expect(keep(again)).toEqual(asTold(rows))
      // It can be gone through again, and what came out can be put in again.
      expect(keep(again)).toEqual(asTold(rows))
      expect(keep(decodeAgain(again))).toEqual(asTold(rows))
    }),
    { seed: SEED, numRuns: 300 },
  )
})

test('with keys and changed columns alone, what is told is what changed', () => {
  fc.assert(
    fc.property(commitRows, (rows) => {
      const again = decodeAgain(rows, changedFormat)
      for (const [i, table] of rows.tables.entries()) {
        const told = [...keptRows(again.tables[i]!)]
        for (const [j, row] of [...table.rows()].entries())
          expectPart(row, told[j]!, { keyCount: table.keyCount, isWhole: rows.schema.length > 0 })
      }
      // What was told in part stays so when it is told by anybody else.
      expect(keep(decodeAgain(again, changedFormat))).toEqual(keep(again))
      expect(keep(decodeAgain(again))).toEqual(keep(again))
    }),
    { seed: SEED, numRuns: 300 },
  )
})

function* keptRows(table: TableChanges): Generator<RowChange> {
  for (const row of table.rows()) yield { ...row, before: row.before?.slice(), after: row.after?.slice() }
}

function expectPart(row: RowChange, told: RowChange, { keyCount, isWhole }: { keyCount: number; isWhole: boolean }): void {
  expect([told.kind, told.rowid]).toEqual([row.kind, row.rowid])
  if (told.columns === undefined) {
    const isKeyEnough = row.kind === 'delete' && keyCount === 0 && !isWhole
    expect(told.before && hex(told.before)).toBe(isKeyEnough ? undefined : row.before && hex(row.before))
    expect(told.after && hex(told.after)).toBe(row.after && hex(row.after))
    return
  }
  const before = decodeRecord(row.before!, 'utf-8')
  const after = row.after && decodeRecord(row.after, 'utf-8')
  const columns = before.flatMap((value, i) => {
    const isChanged = after !== undefined && hex(encodeRecord([value])) !== hex(encodeRecord([after[i]!]))
    return i < keyCount || isChanged ? [i] : []
  })
  expect(told.columns).toEqual(columns)
  expect(hex(told.before!)).toBe(hex(encodeRecord(columns.map((i) => before[i]!))))
  expect(told.after && hex(told.after)).toBe(after && hex(encodeRecord(columns.map((i) => after[i]!))))
}

/** All that a reader may look at. */
function readAll(payload: Uint8Array): void {
  for (const table of rowFormat.decode(payload, 1).tables) {
    for (const { before, after } of table.rows()) {
      expect(before?.byteLength ?? 0).toBeLessThanOrEqual(ENTRY_BYTES_MAX)
      expect(after?.byteLength ?? 0).toBeLessThanOrEqual(ENTRY_BYTES_MAX)
    }
  }
  rowFormat.describe(payload, 1)
}

function outcomeOf(call: () => void): string {
  try {
    call()
    return 'fine'
  } catch (error) {
    return StemmaError.is(error) ? error.code : String(error)
  }
}

test('a damaged payload is refused, or read as another', () => {
  const damage = fc.record({ at: fc.nat(), flip: fc.integer({ min: 1, max: 255 }), cut: fc.boolean() })
  fc.assert(
    fc.property(commitRows, fc.array(damage, { minLength: 1, maxLength: 3 }), fc.boolean(), (rows, damages, isFull) => {
      const format = isFull ? rowFormat : changedFormat
      let payload = format.encode(newCommit(rows)).slice()
      for (const { at, flip, cut } of damages) {
        if (cut) payload = payload.slice(0, at % (payload.byteLength + 1))
        else if (payload.byteLength > 0) payload[at % payload.byteLength]! ^= flip
      }
      expect(['fine', 'DAMAGED_ENTRY']).toContain(outcomeOf(() => readAll(payload)))
    }),
    { seed: SEED, numRuns: 500 },
  )
})

test('any bytes at all are refused without harm', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(0, 4, 12, 28, 32, 60), (bytes, flags) => {
      expect(['fine', 'DAMAGED_ENTRY']).toContain(outcomeOf(() => readAll(Uint8Array.of(flags, ...bytes))))
    }),
    { seed: SEED, numRuns: 2000 },
  )
})

/** A payload that changes a table `t` and has these bytes as its rows. */
const rowsOf = (...bytes: number[]): Uint8Array => Uint8Array.of(0, 2, 0, 1, 0x74, bytes.length, ...bytes)

test.each<[string, Uint8Array]>([
  ['no bytes', new Uint8Array(0)],
  ['an unknown text encoding', Uint8Array.of(3, 2)],
  ['unknown flags', Uint8Array.of(0x40, 2)],
  ['no schema version', Uint8Array.of(0)],
  ['fewer schema changes than it says', Uint8Array.of(4, 2, 2, 1, 0, 1, 0x74)],
  ['an unknown change of the schema', Uint8Array.of(4, 2, 1, 3, 0, 1, 0x74)],
  ['unknown flags of an object', Uint8Array.of(4, 2, 1, 0, 32, 1, 0x74)],
  ['a name beyond the end', Uint8Array.of(0, 2, 0, 9, 0x74)],
  ['unknown flags of a table', Uint8Array.of(0, 2, 128, 1, 0x74, 0)],
  ['rows beyond the end', Uint8Array.of(0, 2, 0, 1, 0x74, 9, 0)],
  ['a layout of more columns than SQLite has', Uint8Array.of(0, 2, 16, 1, 0x74, 0x80, 0x80, 4, 0, 0)],
  ['a rowid column that is none', Uint8Array.of(0, 2, 16, 1, 0x74, 1, 2, 0, 0, 1, 0x61, 0)],
  ['a key of a column that is none', Uint8Array.of(0, 2, 16, 1, 0x74, 1, 0, 1, 1, 0, 1, 0x61, 0)],
  ['an unknown affinity', Uint8Array.of(0, 2, 16, 1, 0x74, 1, 0, 0, 5, 1, 0x61, 0)],
  ['a default that is no record', Uint8Array.of(0, 2, 16, 1, 0x74, 1, 0, 0, 16, 1, 0x61, 9, 0)],
  ['a default of two values', Uint8Array.of(0, 2, 16, 1, 0x74, 1, 0, 0, 16, 1, 0x61, 3, 0, 0, 0)],
  ['an unknown kind of row', rowsOf(3)],
  ['a plain insert', rowsOf(8, 1, 1)],
  ['a record beyond the end of the rows', rowsOf(0, 2, 1)],
  ['bytes beyond the end of the rows', rowsOf(0, 0, 9, 1)],
  ['a rowid of more than 64 bits', rowsOf(0xf8 | 2, 255, 255, 255, 255, 255, 255, 255, 127, 0xa)],
  ['a column beyond what SQLite has', rowsOf(4, 1, 0xff, 0xff, 1, 1, 1)],
  ['an edit beyond the end of the row', rowsOf(1, 1, 3, 2, 0, 0)],
  ['an edit that drops what is not there', rowsOf(1, 1, 3, 0, 1, 2)],
  ['an edit cut short', rowsOf(1, 1, 3, 0, 4, 7)],
])('%s is refused', (_name, payload) => {
  expect(outcomeOf(() => readAll(payload))).toBe('DAMAGED_ENTRY')
})

test('a rowid in a table WITHOUT ROWID is refused', () => {
  expect(outcomeOf(() => readAll(Uint8Array.of(0, 2, 4, 1, 0x74, 1, 3, 0x10, 1, 1)))).toBe('DAMAGED_ENTRY')
})

test('a version from the future is refused', () => {
  expect(() => rowFormat.decode(rowsOf(), 2)).toThrow(expect.objectContaining({ code: 'DAMAGED_ENTRY' }))
  expect(() => rowFormat.describe(rowsOf(), 2)).toThrow(expect.objectContaining({ code: 'DAMAGED_ENTRY' }))
})

test.each<[string, number, number]>([
  ['more comes out than it says', 64 * 1024 * 1024, 1000],
  ['less comes out than it says', 1000, 2000],
  ['it says more than an entry can hold', 1000, 2 ** 40],
  ['it says nothing comes out', 0, 0],
])('a compressed body is refused when %s', (_name, length, says) => {
  const head = new Uint8Array(9)
  head[0] = 32
  const bomb = Buffer.concat([head.subarray(0, writeVarint(head, 1, says)), zstdCompressSync(new Uint8Array(length))])
  expect(outcomeOf(() => readAll(bomb))).toBe('DAMAGED_ENTRY')
})

test('many rows that compress are compressed, and come out again', () => {
  const rows = Array.from({ length: 3000 }, (_, i) => insert(BigInt(i + 1), newText(`item number ${i}`), BigInt(i)))
  const tables = [newTable({ name: 'item' }, rows)]
  const payload = rowFormat.encode(newCommit({ tables })).slice()
  expect(payload.byteLength).toBeLessThan(40_000)
  expect(rowFormat.describe(payload, 1).summary).toBe(`item: 3000 inserts; ${payload.byteLength} bytes, compressed`)
  expect(keep(rowFormat.decode(payload, 1))).toMatchObject(keep(newCommit({ tables }).rows()))
})

test('thousands of tables come out again', () => {
  const tables = Array.from({ length: 5000 }, (_, i) => newTable({ name: `table ${i}` }, [insert(1n, BigInt(i))]))
  const payload = rowFormat.encode(newCommit({ tables })).slice()
  expect(keep(rowFormat.decode(payload, 1))).toEqual(keep(newCommit({ tables }).rows()))
  expect(rowFormat.describe(payload, 1).summary).toContain('; 4992 more tables; ')
})

test.each<[string, readonly bigint[], number]>([
  ['one after another', Array.from({ length: 100 }, (_, i) => BigInt(i + 1)), 100],
  ['with small gaps', Array.from({ length: 100 }, (_, i) => BigInt(10 * (i + 1))), 100],
  ['far from each other', Array.from({ length: 100 }, (_, i) => BigInt(1000 * (i + 1))), 300],
  ['at the ends of what there is', [-(2n ** 63n), 2n ** 63n - 1n], 18],
])('rowids %s take few bytes', (_title, rowids, bytes) => {
  const format = newRowFormat({ image: 'changed' })
  const rows = rowids.map((rowid) => remove(rowid, null))
  const payload = format.encode(newCommit({ tables: [newTable({ name: 't' }, rows)] }))
  expect(payload.byteLength).toBeLessThanOrEqual(bytes + 7)
  expect([...format.decode(payload, 1).tables[0]!.rows()].map((row) => row.rowid)).toEqual(rowids)
})

/** A row with 130 bytes of values. */
const ROW: readonly SqliteValue[] = [null, newText('n'.repeat(24)), newText('x'.repeat(103)), 123_456n]
const ROW_AFTER: readonly SqliteValue[] = [...ROW.slice(0, 3), 654_321n]

test.each<[string, RowChange, 'full' | 'changed', number]>([
  ['an insert', insert(1_000_000n, ...ROW), 'full', 190],
  ['an update of a number', update(1_000_000n, ROW, ROW_AFTER), 'full', 200],
  ['an update of a number, changed columns only', update(1_000_000n, ROW, ROW_AFTER), 'changed', 70],
  ['a delete', remove(1_000_000n, ...ROW), 'full', 190],
  ['a delete, key only', remove(1_000_000n, ...ROW), 'changed', 55],
  [
    'an update of a few letters of a long text',
    update(1n, [newText('a'.repeat(5000))], [newText(`${'a'.repeat(2000)}bc${'a'.repeat(3010)}`)]),
    'full',
    5080,
  ],
])('%s makes an entry of few bytes', (_title, row, image, bytes) => {
  const format = newRowFormat({ image })
  const payload = format.encode(newCommit({ schemaVersion: 3, tables: [newTable({ name: 'item' }, [row])] }))
  const entry = encodeEntry({
    format: format.name,
    formatVersion: format.version,
    position: { epoch: 1, sequence: 1_000_000 },
    committedAt: 1_790_000_000_000,
    recovered: false,
    barrier: false,
    digest: 2n ** 63n,
    digestBefore: 2n ** 63n,
    payload,
  })
  expect(entry.byteLength).toBeLessThanOrEqual(bytes)
})
