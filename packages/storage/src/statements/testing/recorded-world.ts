import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LoggedStatement } from '@stemma/log'
import Database from 'better-sqlite3'
import { CommitGate } from '../../source/commit-gate.ts'
import type { StatementPolicy } from '../judged-statements.ts'
import { type RecordedDatabase, openRecordedDatabase } from '../recorded-database.ts'
import type { RecorderOptions } from '../statement-recorder.ts'
import { fakeJudge } from './fake-judge.ts'
import { FakeSink } from './fake-sink.ts'

/** A recorded database in a folder of its own, and the sink that it tells. */
export interface RecordedWorld {
  readonly path: string
  readonly database: RecordedDatabase
  readonly sink: FakeSink
  /** Each transaction that was told, as a line: its statements, with what came of them. */
  told(): string[]
  /** Runs SQL, whatever comes of it. */
  attempt(sql: string): void
  /** Another connection, closed with the rest. */
  openOther(): Database.Database
  close(): void
}

export function openRecordedWorld(policy: StatementPolicy = 'mixed', options: Partial<RecorderOptions> = {}): RecordedWorld {
  const folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  const path = join(folder, 'a.db')
  const plain = new Database(path)
  plain.exec(`PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, a); CREATE TABLE u (k UNIQUE);
    CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p DEFERRABLE INITIALLY DEFERRED)`)
  plain.close()
  const sink = new FakeSink()
  const database = openRecordedDatabase(path, { gate: new CommitGate(), sink, policy, openJudge: fakeJudge(), ...options })
  const others: Database.Database[] = []
  return {
    path,
    database,
    sink,
    told: () => sink.committedOnes.map(({ statements }) => statements.map(showStatement).join('; ')),
    attempt(sql) {
      try {
        database.exec(sql)
      } catch {
        // It is what comes of it that counts.
      }
    },
    openOther() {
      const other = new Database(path)
      others.push(other)
      return other
    },
    close() {
      for (const other of others) other.close()
      database.close()
      rmSync(folder, { recursive: true })
    },
  }
}

function showStatement({ sql, placed, named, outcome, verdict }: LoggedStatement): string {
  const values = [...placed, ...(named === undefined ? [] : [JSON.stringify(named)])].join(', ')
  const { error, changes, lastInsertRowid } = outcome
  const rowid = lastInsertRowid === undefined ? '' : ` #${lastInsertRowid}`
  return `${sql}${values === '' ? '' : ` [${values}]`} (${error === undefined ? '' : `${error} `}${changes}${rowid}${verdict.isRepeatable ? '' : ' unsafe'})`
}
