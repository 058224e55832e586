import { StemmaError } from '@stemma/base'
import type {
  Commit,
  CommitStatements,
  Compressor,
  LoggedStatement,
  RecordedValues,
  RowFormat,
  StatementSettings,
  StatementValue,
} from '@stemma/log'
import fc from 'fast-check'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'

export const compressor: Compressor = {
  compress: (bytes) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }),
  decompress: (bytes, lengthMax) => zstdDecompressSync(bytes, { maxOutputLength: lengthMax }),
}

/** A format by rows whose payloads are whatever `rowsOf` was given. */
export const plainRows: RowFormat = {
  name: 'plain',
  version: 3,
  reads: [3],
  view: 'rows',
  encode: (commit) => Buffer.from(`rows ${commit.rows().schemaVersion}`),
  decode: (payload) => ({ ...NO_ROWS, schemaVersion: Number(Buffer.from(payload).toString().slice(5)) }),
  describe: (payload) => ({ summary: Buffer.from(payload).toString(), details: [] }),
}

const NO_ROWS = {
  textEncoding: 'utf-8',
  schemaVersion: 1,
  schema: [],
  userVersion: undefined,
  applicationId: undefined,
  tables: [],
} as const

export const USUAL: StatementSettings = {
  foreignKeys: true,
  deferForeignKeys: false,
  recursiveTriggers: false,
  caseSensitiveLike: false,
  ignoreCheckConstraints: false,
  reverseUnorderedSelects: false,
}

export function newStatement(
  sql: string,
  placed: readonly StatementValue[] = [],
  more: Partial<LoggedStatement> = {},
): LoggedStatement {
  return {
    sql,
    placed,
    named: undefined,
    settings: USUAL,
    outcome: { error: undefined, changes: 1, lastInsertRowid: undefined },
    verdict: { safety: 'safe', isRepeatable: true, findings: [] },
    recorded: undefined,
    ...more,
  }
}

/** A commit that these statements did, in UTC; undefined for one whose statements are not known. */
export function newCommit(statements: readonly LoggedStatement[] | CommitStatements | undefined): Commit {
  const known = Array.isArray(statements) ? { schemaVersion: 7, timeZone: 'UTC', statements } : statements
  const commit: Pick<Commit, 'rows' | 'statements'> = {
    rows: () => ({ ...NO_ROWS, schemaVersion: 42 }),
    statements: () => {
      if (known === undefined) throw new StemmaError('STATEMENTS_UNKNOWN', 'another program wrote')
      return known as CommitStatements
    },
  }
  // The format looks at nothing else.
  return commit as Commit
}

/** With bytes as hexadecimal digits, to be compared. */
export function plainOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`
  if (Array.isArray(value)) return value.map(plainOf)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value).map(([key, each]) => [key, plainOf(each)])
}

const text = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.constantFrom('', '\u0000', '\uFEFFx', 'INSERT INTO t (a, b) VALUES (?, ?)', 'x'.repeat(500)),
)

const INT_64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n }

const value: fc.Arbitrary<StatementValue> = fc.oneof(
  fc.constant(null),
  fc.bigInt(INT_64),
  fc.bigInt({ min: -300n, max: 300n }),
  fc.constantFrom(2n ** 40n, 2n ** 40n - 1n, -(2n ** 40n), 1n - 2n ** 40n, INT_64.min, INT_64.max),
  fc.double({ noNaN: true }),
  fc.integer(),
  fc.constantFrom(0, -0, 2 ** 40, -(2 ** 40), 2 ** 53, Infinity, 1e300),
  text,
  fc.uint8Array({ maxLength: 50 }),
)

const count = fc.oneof(fc.nat(3), fc.nat())

const finding = fc
  .tuple(text, fc.nat(1000), fc.nat(1000), fc.option(text, { nil: '' }))
  .map(([code, start, length, through]) => ({ code, start, end: start + length, ...(through === '' ? {} : { through }) }))

const calls = fc.array(fc.record({ function: text, arguments: fc.array(value, { maxLength: 3 }), value }), { maxLength: 3 })

const recorded: fc.Arbitrary<RecordedValues> = fc.record({
  drawn: calls,
  told: calls,
  connection: fc.option(fc.record({ lastInsertRowid: fc.bigInt(INT_64), changes: count, totalChanges: count }), {
    nil: undefined,
  }),
})

const statement: fc.Arbitrary<LoggedStatement> = fc.record({
  sql: text,
  placed: fc.array(value, { maxLength: 6 }),
  named: fc.option(fc.dictionary(text, value, { maxKeys: 4, noNullPrototype: true }), { nil: undefined }),
  settings: fc.record({
    foreignKeys: fc.boolean(),
    deferForeignKeys: fc.boolean(),
    recursiveTriggers: fc.boolean(),
    caseSensitiveLike: fc.boolean(),
    ignoreCheckConstraints: fc.boolean(),
    reverseUnorderedSelects: fc.boolean(),
  }),
  outcome: fc.record({
    error: fc.option(text, { nil: undefined, freq: 2 }),
    changes: count,
    lastInsertRowid: fc.option(fc.bigInt(INT_64), { nil: undefined }),
  }),
  verdict: fc.record({
    safety: fc.constantFrom('safe', 'context', 'record', 'rows', 'reject'),
    isRepeatable: fc.boolean(),
    findings: fc.array(finding, { maxLength: 3 }),
  }),
  recorded: fc.option(recorded, { nil: undefined }),
})

export const commitStatements: fc.Arbitrary<CommitStatements> = fc.record({
  schemaVersion: fc.integer(),
  timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires'),
  statements: fc
    .array(statement, { minLength: 1, maxLength: 5 })
    // Programs run the same text again and again.
    .chain((statements) => fc.array(fc.constantFrom(...statements), { minLength: 1, maxLength: 12 })),
})
