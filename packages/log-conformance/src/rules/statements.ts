import { deepEqual, equal, ok } from 'node:assert/strict'
import type { CommitStatements, LoggedStatement, StatementsOrRows } from '@stemma/log'
import type { Lab } from '../lab/lab.ts'
import { withStatements } from '../lab/leader.ts'
import { samplesOf } from '../lab/samples.ts'
import { copyOf, showPlain } from '../lab/understand.ts'
import type { Rule } from '../rule.ts'
import { onlyForStatements } from '../subject.ts'

/** Statements. */
export const statementRules: readonly Rule[] = [
  {
    id: 'LF-37',
    says: 'Statements come out as they went in.',
    notFor: onlyForStatements,
    async check(lab) {
      for (const statement of STATEMENTS) {
        const given = commitOf([statement, statement])
        const decoded = await throughPayload(lab, given)
        equal(decoded.kind, 'statements', `${statement.sql} comes out as rows`)
        if (decoded.kind === 'statements') deepEqual(plainOf(decoded.statements), plainOf(given))
      }
    },
  },
  {
    id: 'LF-38',
    says: 'A transaction with a statement that is not repeatable travels as rows, and says because of which.',
    notFor: onlyForStatements,
    async check(lab) {
      const decoded = await throughPayload(lab, commitOf([PLAIN, UNREPEATABLE, PLAIN]))
      equal(decoded.kind, 'rows', 'what cannot be run again')
      if (decoded.kind === 'rows') equal(decoded.because?.sql, UNREPEATABLE.sql, 'because of which')
    },
  },
  {
    id: 'LF-39',
    says: 'Where the text is not known, rows travel.',
    notFor: onlyForStatements,
    async check(lab) {
      const decoded = await throughPayload(lab, undefined)
      equal(decoded.kind, 'rows', 'a commit whose statements are not known')
      ok(decoded.kind === 'rows' && decoded.rows.tables.length === 1, 'the rows are not told')
    },
  },
  {
    id: 'LF-40',
    says: '`holdsRows`, where a format has it, says of a payload what `decode` would.',
    notFor: (subject) =>
      onlyForStatements(subject) ?? ('holdsRows' in subject.format ? undefined : 'it has no `holdsRows`, and need not'),
    async check(lab) {
      const { reader } = lab
      if (reader.view !== 'statements') throw new Error(`its view is ${reader.view}`)
      const kinds = new Set<string>()
      for (const { bytes, version } of await samplesOf(lab)) {
        const { kind } = reader.decode(bytes, version)
        kinds.add(kind)
        equal(reader.holdsRows?.(bytes), kind === 'rows', `a payload that holds ${kind}`)
      }
      equal(kinds.size, 2, 'kinds of payloads')
    },
  },
]

/** What comes out of the payload of a commit that is said to be made of these statements. */
async function throughPayload(lab: Lab, statements: CommitStatements | undefined): Promise<StatementsOrRows> {
  const { format, reader } = lab
  if (reader.view !== 'statements') throw new Error(`its view is ${reader.view}`)
  const leader = await lab.leader(['CREATE TABLE t (a)'])
  let payload: Uint8Array | undefined
  const stop = leader.watch((commit) => {
    payload = copyOf(format.encode(statements === undefined ? commit : withStatements(commit, statements)))
  })
  // The leader itself tells nothing of a transaction with such a statement in it.
  await leader.run(['INSERT INTO t VALUES (1)', 'PRAGMA user_version'])
  stop()
  return reader.decode(payload!, format.version)
}

const PLAIN: LoggedStatement = {
  sql: 'INSERT INTO t VALUES (?)',
  placed: [],
  named: undefined,
  settings: {
    foreignKeys: true,
    deferForeignKeys: false,
    recursiveTriggers: false,
    caseSensitiveLike: false,
    ignoreCheckConstraints: false,
    reverseUnorderedSelects: false,
  },
  outcome: { error: undefined, changes: 1, lastInsertRowid: undefined },
  verdict: { safety: 'safe', isRepeatable: true, findings: [] },
  recorded: undefined,
}

const UNREPEATABLE: LoggedStatement = {
  ...PLAIN,
  sql: 'DELETE FROM t LIMIT 1',
  verdict: { safety: 'rows', isRepeatable: false, findings: [{ code: 'LIMIT_WITHOUT_ORDER', start: 14, end: 21 }] },
}

const STATEMENTS: readonly LoggedStatement[] = [
  { ...PLAIN, placed: [null, 0n, -1n, 9223372036854775807n, -9223372036854775808n] },
  { ...PLAIN, placed: [0, -0, 1, 0.1, 1e300, 5e-324, Infinity, -Infinity] },
  { ...PLAIN, placed: ['', 'a', 'ä😀', 'a\0b', '\ufeff', "'"] },
  { ...PLAIN, placed: [new Uint8Array(0), Uint8Array.of(0, 255), new Uint8Array(70_000).fill(7)] },
  { ...PLAIN, sql: '  INSERT INTO t -- ü\n VALUES (:a, $b)  ', named: { a: 1n, b: 'x', ü: 2.5 } },
  { ...PLAIN, settings: { ...PLAIN.settings, foreignKeys: false, recursiveTriggers: true, caseSensitiveLike: true } },
  {
    ...PLAIN,
    settings: { ...PLAIN.settings, deferForeignKeys: true, ignoreCheckConstraints: true, reverseUnorderedSelects: true },
  },
  { ...PLAIN, outcome: { error: undefined, changes: 3_000_000_000, lastInsertRowid: -9223372036854775808n } },
  { ...PLAIN, outcome: { error: 'SQLITE_CONSTRAINT_UNIQUE', changes: 2, lastInsertRowid: 9223372036854775807n } },
  {
    ...PLAIN,
    recorded: {
      drawn: [
        { function: 'random', arguments: [], value: -9223372036854775808n },
        { function: 'randomblob', arguments: [2n], value: Uint8Array.of(1, 2) },
      ],
      told: [{ function: 'datetime', arguments: ['now', null, 1.5], value: '2027-01-15 08:00:00' }],
      connection: { lastInsertRowid: 7n, changes: 0, totalChanges: 5_000_000_000 },
    },
  },
]

function commitOf(statements: readonly LoggedStatement[]): CommitStatements {
  return { schemaVersion: 7, timeZone: 'Europe/Berlin', statements }
}

/** What a follower needs of statements: what the leader thought of them is not part of it. */
function plainOf({ schemaVersion, timeZone, statements }: CommitStatements): unknown {
  const needed = statements.map(({ sql, placed, named, settings, outcome, recorded }) => ({
    sql,
    placed,
    named,
    settings,
    outcome,
    recorded,
  }))
  return showPlain({ schemaVersion, timeZone, statements: needed })
}
