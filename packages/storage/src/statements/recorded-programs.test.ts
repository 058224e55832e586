import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LoggedStatement } from '@stemma/log'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CommitGate } from '../source/commit-gate.ts'
import { openRecordedDatabase } from './recorded-database.ts'
import { fakeJudge } from './testing/fake-judge.ts'
import { FakeSink } from './testing/fake-sink.ts'
import { PROGRAM_SCHEMA, type ProgramStep, dumpOf, programArbitrary, runProgramStep } from './testing/programs.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

test.each(['mixed', 'raw'] as const)(
  '%s: random programs run as on a plain Database, and what the sink holds, run again, leaves the same',
  { timeout: 120_000 },
  (policy) => {
    console.info(`seed ${SEED}`)
    const counts = { told: 0, dropped: 0 }
    fc.assert(
      fc.property(programArbitrary, (program) => {
        const sink = new FakeSink()
        tryProgram(program, policy, sink)
        counts.told += sink.committedOnes.length
        counts.dropped += sink.droppedCount
      }),
      { seed: SEED, numRuns: Number(process.env['RUNS'] ?? 60) },
    )
    expect(counts.told).toBeGreaterThan(counts.dropped)
  },
)

function tryProgram(program: readonly ProgramStep[], policy: 'mixed' | 'raw', sink: FakeSink): void {
  const folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  const paths = ['plain.db', 'ours.db'].map((name) => join(folder, name)) as [string, string]
  for (const path of paths) makeDatabase(path)
  const plain = new Database(paths[0])
  const ours = openRecordedDatabase(paths[1], { gate: new CommitGate(), sink, policy, openJudge: fakeJudge() })
  let twin = copyOf(ours)
  let [replayed, dropped] = [0, 0]
  const compare = (): void => {
    for (const { statements } of sink.committedOnes.slice(replayed)) runAgain(twin, statements)
    replayed = sink.committedOnes.length
    // Rows are sent for what was dropped, which may be what FAIL has left.
    if (sink.droppedCount > dropped) {
      twin.close()
      twin = copyOf(ours)
    }
    dropped = sink.droppedCount
    expect(dumpOf(twin)).toEqual(dumpOf(ours))
  }
  try {
    for (const step of program) {
      expect(runProgramStep(ours, step)).toEqual(runProgramStep(plain, step))
      expect(ours.inTransaction).toBe(plain.inTransaction)
      if (!ours.inTransaction) compare()
    }
    if (ours.inTransaction) for (const database of [ours, plain]) database.exec('ROLLBACK')
    compare()
    expect(dumpOf(ours)).toEqual(dumpOf(plain))
  } finally {
    for (const database of [ours, plain, twin]) database.close()
    rmSync(folder, { recursive: true })
  }
}

function makeDatabase(path: string): void {
  const database = new Database(path)
  database.exec(PROGRAM_SCHEMA)
  database.close()
}

/** In memory, where there is no WAL. */
function copyOf(database: Database.Database): Database.Database {
  const bytes = database.serialize()
  bytes.fill(1, 18, 20)
  return new Database(bytes)
}

/** As a copy would, with better-sqlite3 alone. */
function runAgain(twin: Database.Database, statements: readonly LoggedStatement[]): void {
  const settings = statements[0]!.settings
  twin.pragma(`foreign_keys = ${settings.foreignKeys}`)
  twin.exec('BEGIN')
  for (const { sql, placed, named, outcome, settings: set } of statements) {
    twin.pragma(`defer_foreign_keys = ON`)
    twin.pragma(`recursive_triggers = ${set.recursiveTriggers}`)
    twin.pragma(`ignore_check_constraints = ${set.ignoreCheckConstraints}`)
    const counters = (): number[] => twin.prepare('SELECT changes(), last_insert_rowid()').raw().get() as number[]
    let error: string | undefined
    try {
      const statement = twin.prepare(sql)
      statement.run(...placed, ...(named === undefined ? [] : [{ ...named }]))
    } catch (thrown) {
      error = (thrown as { readonly code?: string }).code
    }
    expect(error).toBe(outcome.error)
    const [changes, rowid] = counters()
    if (/^(?:insert|update|delete)/i.test(sql)) expect(changes).toBe(outcome.changes)
    if (outcome.lastInsertRowid !== undefined) expect(rowid).toBe(Number(outcome.lastInsertRowid))
  }
  twin.exec('COMMIT')
}
