import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CommitGate } from '../source/commit-gate.ts'
import { openRecordedDatabase } from './recorded-database.ts'
import type { StatementPolicy } from './judged-statements.ts'
import { BEHAVIOURS, type Behaviour, SCHEMA, attempt } from './testing/behaviours.ts'
import { fakeJudge } from './testing/fake-judge.ts'
import { FakeSink } from './testing/fake-sink.ts'

// Each behaviour is run on better-sqlite3's own Database and on ours; what comes of it, step by step, must be the same.

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stemma-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function play(database: Database.Database, work: Behaviour): unknown[] {
  const notes: unknown[] = []
  const note = (value: unknown): void => void notes.push(value)
  try {
    database.exec(SCHEMA)
    note(attempt(() => work(database, note)))
    if (!database.open) return notes
    note(database.inTransaction)
    if (database.inTransaction) database.exec('ROLLBACK')
    database.defaultSafeIntegers(false)
    for (const table of ['t', 'u', 'p', 'c']) note(database.prepare(`SELECT rowid, * FROM ${table}`).all())
    note(database.prepare('SELECT last_insert_rowid(), changes(), total_changes()').get())
    return notes
  } finally {
    database.close()
  }
}

const POLICIES: readonly (StatementPolicy | 'nobody listens')[] = ['mixed', 'raw', 'reject', 'nobody listens']

test.each(Object.entries(BEHAVIOURS).flatMap(([title, work]) => POLICIES.map((policy) => [title, policy, work] as const)))(
  '%s (%s): as better-sqlite3 does it',
  (_, policy, work) => {
    const expected = play(new Database(join(folder, 'plain.db')), work)
    const ours = openRecordedDatabase(join(folder, 'ours.db'), {
      gate: new CommitGate(),
      sink: new FakeSink(policy !== 'nobody listens'),
      policy: policy === 'nobody listens' ? 'mixed' : policy,
      openJudge: fakeJudge(),
    })
    expect(ours).toBeInstanceOf(Database)
    expect(play(ours, work)).toEqual(expected)
  },
)
