import { StemmaError } from '@stemma/base'
import { encodeEntry, type CommitStatements, type LoggedStatement, type StatementFormat } from '@stemma/log'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { commitStatements, compressor, newCommit, newStatement, plainOf, plainRows, USUAL } from '../../test/statements.ts'
import { newStatementFormat } from '../index.ts'
import { FINDINGS_MAX, ITEMS_MAX, REASON_SQL_MAX } from './layout.ts'

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
process.stdout.write(`seed ${SEED}\n`)

const raw = newStatementFormat({ policy: 'raw', rows: plainRows, compressor })
const mixed = newStatementFormat({ policy: 'mixed', rows: plainRows, compressor })

const encode = (format: StatementFormat, statements: readonly LoggedStatement[] | CommitStatements | undefined): Uint8Array =>
  format.encode(newCommit(statements)).slice()

/** The same, of statements that can all be run again. */
function repeatable(commit: CommitStatements): CommitStatements {
  const statements = commit.statements.map((statement) => ({
    ...statement,
    verdict: { ...statement.verdict, isRepeatable: true },
  }))
  return { ...commit, statements }
}

test('whatever statements there are, they come out again', () => {
  fc.assert(
    fc.property(commitStatements.map(repeatable), (statements) => {
      expect(plainOf(mixed.decode(encode(mixed, statements), 1))).toEqual(plainOf({ kind: 'statements', statements }))
    }),
    { seed: SEED, numRuns: 500 },
  )
})

test('raw sends text and values alone, of whatever statements there are', () => {
  fc.assert(
    fc.property(commitStatements, (known) => {
      const statements = known.statements.map((statement) => ({ ...statement, settings: USUAL, recorded: undefined }))
      const sent = { ...known, statements }
      expect(plainOf(raw.decode(encode(raw, known), 1))).toEqual(plainOf({ kind: 'statements', statements: sent }))
    }),
    { seed: SEED, numRuns: 100 },
  )
})

test('many statements are compressed, and come out again', () => {
  const statements = Array.from({ length: 5000 }, (_, i) => newStatement('INSERT INTO item VALUES (?, ?)', [i, `item ${i}`]))
  const payload = encode(mixed, statements)
  expect(payload.byteLength).toBeLessThan(40_000)
  expect(mixed.decode(payload, 1)).toEqual({ kind: 'statements', statements: { schemaVersion: 7, timeZone: 'UTC', statements } })
  expect(mixed.describe(payload, 1).summary).toBe(`5000 statements; ${payload.byteLength} bytes`)
})

const UNSAFE = newStatement('DELETE FROM t LIMIT 1', [], {
  verdict: { safety: 'rows', isRepeatable: false, findings: [{ code: 'LIMIT_WITHOUT_ORDER', start: 14, end: 21 }] },
})

test.each<[string, StatementFormat, readonly LoggedStatement[] | undefined, object]>([
  ['statements that are not known', mixed, undefined, { kind: 'rows', because: undefined }],
  [
    'one that is unsafe among others',
    mixed,
    [newStatement('DELETE FROM u'), UNSAFE],
    {
      kind: 'rows',
      because: { sql: UNSAFE.sql, findings: UNSAFE.verdict.findings },
    },
  ],
  ['one that is unsafe, when all are logged', raw, [UNSAFE], { kind: 'statements' }],
  ['safe ones', mixed, [newStatement('DELETE FROM u')], { kind: 'statements' }],
  [
    'more values than are decoded',
    mixed,
    [newStatement('SELECT ?', Array(ITEMS_MAX).fill(null))],
    { kind: 'rows', because: undefined },
  ],
  [
    'more bytes than an entry holds',
    mixed,
    Array(20).fill(newStatement('SELECT ?', [new Uint8Array(16 * 1024 * 1024)])),
    { kind: 'rows' },
  ],
])('%s', (_title, format, statements, want) => {
  const payload = encode(format, statements)
  const decoded = format.decode(payload, 1)
  expect(decoded).toMatchObject(want)
  expect(format.holdsRows?.(payload)).toBe(decoded.kind === 'rows')
  if (decoded.kind === 'rows') expect(decoded.rows.schemaVersion).toBe(42)
})

test('of a statement that does not travel only so much is told', () => {
  const findings = Array.from({ length: 100 }, (_, i) => ({ code: 'SELF_READ', start: i, end: i + 1 }))
  const sql = `DELETE FROM t WHERE a = '${'é'.repeat(100_000)}'`
  const payload = encode(mixed, [newStatement(sql, [], { verdict: { safety: 'rows', isRepeatable: false, findings } })])
  expect(payload.byteLength).toBeLessThan(6000)
  expect(mixed.decode(payload, 1)).toMatchObject({
    because: { sql: sql.slice(0, REASON_SQL_MAX), findings: findings.slice(0, FINDINGS_MAX) },
  })
})

function outcomeOf(call: () => void): string {
  try {
    call()
    return 'fine'
  } catch (error) {
    return StemmaError.is(error) ? error.code : String(error)
  }
}

function readAll(payload: Uint8Array): void {
  raw.decode(payload, 1)
  raw.describe(payload, 1)
}

test('a damaged payload is refused, or read as another', () => {
  const damage = fc.record({ at: fc.nat(), flip: fc.integer({ min: 1, max: 255 }), cut: fc.boolean() })
  fc.assert(
    fc.property(commitStatements, fc.array(damage, { minLength: 1, maxLength: 3 }), (statements, damages) => {
      let payload = encode(raw, statements)
      for (const { at, flip, cut } of damages) {
        if (cut) payload = payload.slice(0, at % (payload.byteLength + 1))
        else if (payload.byteLength > 0) payload[at % payload.byteLength]! ^= flip
      }
      expect(['fine', 'DAMAGED_ENTRY']).toContain(outcomeOf(() => readAll(payload)))
    }),
    { seed: SEED, numRuns: 1000 },
  )
})

test('any bytes at all are refused without harm', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0, max: 8 }), (bytes, flags) => {
      expect(['fine', 'DAMAGED_ENTRY']).toContain(outcomeOf(() => readAll(Uint8Array.of(flags, ...bytes))))
    }),
    { seed: SEED, numRuns: 3000 },
  )
})

test('a payload cut short anywhere but between statements is refused', () => {
  const payload = encode(raw, [newStatement('DELETE FROM t WHERE a = ?', ['x', 1n, 2 ** 60], { named: { b: null } })])
  for (let length = 0; length < payload.byteLength; length++) {
    expect(
      outcomeOf(() => readAll(payload.slice(0, length))),
      `${length} bytes`,
    ).toBe('DAMAGED_ENTRY')
  }
})

test.each<[string, Uint8Array]>([
  ['no bytes', new Uint8Array(0)],
  ['unknown flags', Uint8Array.of(8, 2)],
  ['rows with unknown flags', Uint8Array.of(5, 1, 0x70, 3)],
  ['rows of another format', Uint8Array.of(1, 1, 0x70, 3)],
  ['rows of another version', Uint8Array.of(1, 5, 0x70, 0x6c, 0x61, 0x69, 0x6e, 4)],
  ['no statement', Uint8Array.of(0, 2)],
  ['a text that did not come before', Uint8Array.of(0, 2, 0x81, 0)],
  ['an unknown verdict', Uint8Array.of(0, 2, 0x80, 2, 0x78, 5)],
  ['unknown flags of a verdict', Uint8Array.of(0, 2, 0x80, 2, 0x78, 32)],
  ['unknown settings', Uint8Array.of(0, 2, 0x88, 2, 0x78, 8, 64)],
  ['an unknown kind of value', Uint8Array.of(0, 2, 0x82, 2, 0x78, 8, 1, 7)],
  ['a NULL with a number', Uint8Array.of(0, 2, 0x82, 2, 0x78, 8, 1, 8)],
  ['a rowid that is no integer', Uint8Array.of(0, 2, 0xa0, 2, 0x78, 8, 0)],
  ['a text that is no UTF-8', Uint8Array.of(0, 2, 0x80, 2, 0xff, 8)],
  [
    'more values than are decoded',
    Buffer.concat([Uint8Array.of(0, 2, 0x82, 2, 0x78, 8, 0xff, 0xff, 0xff, 1), new Uint8Array(ITEMS_MAX + 1)]),
  ],
])('%s is refused', (_title, payload) => {
  expect(outcomeOf(() => readAll(payload))).toBe('DAMAGED_ENTRY')
})

test('a version from the future is refused', () => {
  const payload = encode(raw, [newStatement('DELETE FROM t')])
  expect(outcomeOf(() => void raw.decode(payload, 2))).toBe('DAMAGED_ENTRY')
  expect(outcomeOf(() => void raw.describe(payload, 2))).toBe('DAMAGED_ENTRY')
})

const ROW: readonly string[] = ['n'.repeat(24), 'x'.repeat(96)]
const CONTEXT = { safety: 'context', isRepeatable: true, findings: [{ code: 'FOREIGN_KEYS', start: 12, end: 16 }] } as const

test.each<[string, LoggedStatement, number]>([
  [
    'an insert of one row of 130 bytes',
    newStatement('INSERT INTO item (name, note, amount) VALUES (?, ?, ?)', [...ROW, 654_321], {
      outcome: { error: undefined, changes: 1, lastInsertRowid: 1_000_000n },
    }),
    200,
  ],
  ['an insert of one short row', newStatement('INSERT INTO counter VALUES (?, ?)', [7, 'x'], { verdict: CONTEXT }), 110],
  [
    'an update of 100,000 rows',
    newStatement('UPDATE t SET v = v + 1', [], { outcome: { error: undefined, changes: 100_000, lastInsertRowid: undefined } }),
    75,
  ],
])('%s makes an entry of few bytes', (_title, statement, bytes) => {
  const entry = encodeEntry({
    format: mixed.name,
    formatVersion: mixed.version,
    position: { epoch: 1, sequence: 1_000_000 },
    committedAt: 1_790_000_000_000,
    recovered: false,
    barrier: false,
    digest: 2n ** 63n,
    digestBefore: 2n ** 63n,
    payload: mixed.encode(newCommit([statement])),
  })
  expect(entry.byteLength).toBeLessThanOrEqual(bytes)
})

test('an entry is explained: statements with what goes with them, and why rows', () => {
  const statements = [
    newStatement('INSERT INTO t\n  VALUES (?, ?, ?, random())', [1n, 'it’s', new Uint8Array([1, 171])], {
      settings: { ...USUAL, foreignKeys: false, recursiveTriggers: true },
      outcome: { error: undefined, changes: 1, lastInsertRowid: 5n },
      verdict: {
        safety: 'record',
        isRepeatable: true,
        findings: [{ code: 'RANDOM_VALUE', start: 33, end: 41, through: 'trigger g' }],
      },
      recorded: {
        drawn: [{ function: 'random', arguments: [], value: 12n }],
        told: [{ function: 'date', arguments: ['now'], value: '2026-01-01' }],
        connection: { lastInsertRowid: 4n, changes: 1, totalChanges: 2 },
      },
    }),
    newStatement('INSERT OR FAIL INTO t SELECT :a', [], {
      named: { a: 1.5 },
      outcome: { error: 'SQLITE_CONSTRAINT_UNIQUE', changes: 2, lastInsertRowid: undefined },
    }),
  ]
  const { details } = mixed.describe(encode(mixed, { schemaVersion: 1, timeZone: 'Europe/Berlin', statements }), 1)
  expect(details.join('\n')).toBe(
    `INSERT INTO t VALUES (?, ?, ?, random()) [1, 'it’s', x'01ab']
  1 row changed, last rowid 5
  settings: foreignKeys off, recursiveTriggers on
  record
  RANDOM_VALUE at random(), through trigger g
  recorded: random() = 12
  recorded: date('now') = '2026-01-01'
  recorded: last_insert_rowid() 4, changes() 1, total_changes() 2
INSERT OR FAIL INTO t SELECT :a [a=1.5]
  2 rows changed, failed with SQLITE_CONSTRAINT_UNIQUE
time zone: Europe/Berlin`,
  )
  const rows = mixed.describe(encode(mixed, [UNSAFE]), 1)
  expect(rows).toEqual({
    summary: 'as rows: rows 42',
    details: ['as rows because of: DELETE FROM t LIMIT 1', '  LIMIT_WITHOUT_ORDER at LIMIT 1'],
  })
})
