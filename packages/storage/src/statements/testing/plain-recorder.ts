import type { LoggedStatement, StatementSettings, StatementValue, StatementVerdict } from '@stemma/log'
import type Database from 'better-sqlite3'
import type { StatementSink } from '../statement-sink.ts'

export const SAFE: StatementVerdict = { safety: 'safe', isRepeatable: true, findings: [] }

export const SETTINGS: StatementSettings = {
  foreignKeys: true,
  deferForeignKeys: false,
  recursiveTriggers: false,
  caseSensitiveLike: false,
  ignoreCheckConstraints: false,
  reverseUnorderedSelects: false,
}

/** A statement that was run with these values. */
export function logged(
  sql: string,
  placed: readonly StatementValue[] = [],
  outcome: Partial<LoggedStatement['outcome']> = {},
): LoggedStatement {
  return {
    sql,
    placed,
    named: undefined,
    settings: SETTINGS,
    outcome: { error: undefined, changes: 0, lastInsertRowid: undefined, ...outcome },
    verdict: SAFE,
    recorded: undefined,
  }
}

/**
 * Runs statements on a connection and tells a sink of them, in the simplest way that is right.
 *
 * Between any two things that it does others may do something: `interrupt` is called there.
 */
export class PlainRecorder {
  readonly #database: Database.Database
  readonly #sink: StatementSink
  readonly #interrupt: () => void
  #schemaVersion: number
  #hasBegun = false
  #dataVersion: number | undefined
  /** For each statement that was told: whether it surely wrote a page. An UPDATE that changes nothing, or a REPLACE, may not. */
  #isSure: boolean[] = []
  readonly #savepoints: number[] = []

  constructor(database: Database.Database, sink: StatementSink, interrupt: () => void = () => {}) {
    this.#database = database
    this.#sink = sink
    this.#interrupt = interrupt
    this.#dataVersion = this.#read('data_version')
    this.#schemaVersion = this.#read('schema_version')
  }

  /** Runs a statement that writes. */
  run(sql: string, ...placed: StatementValue[]): void {
    const isAutocommit = !this.#database.inTransaction
    this.#begin(isAutocommit)
    this.#interrupt()
    let changes: number
    try {
      const statement = this.#database.prepare(sql).safeIntegers()
      changes = Number(statement.run(...placed).changes)
    } catch (error) {
      if (isAutocommit) this.#end(() => this.#sink.dropped())
      throw error
    }
    if (/^(?:CREATE|DROP|ALTER)/.test(sql)) this.#schemaVersion = this.#read('schema_version')
    this.#isSure[this.#sink.mark()] =
      /^(?:CREATE|DROP|ALTER)|^INSERT INTO(?!.*CONFLICT)|^DELETE/.test(sql) && (changes > 0 || !/^(?:INSERT|DELETE)/.test(sql))
    this.#sink.add(logged(sql, placed, { changes }))
    if (isAutocommit) this.#end(() => this.#sink.committed(() => this.#isOurs()))
  }

  begin(kind: 'DEFERRED' | 'IMMEDIATE' = 'DEFERRED'): void {
    this.#database.exec(`BEGIN ${kind}`)
  }

  savepoint(): void {
    this.#database.exec('SAVEPOINT s')
    this.#savepoints.push(this.#hasBegun ? this.#sink.mark() : 0)
  }

  rollbackTo(): void {
    this.#database.exec('ROLLBACK TO s; RELEASE s')
    const mark = this.#savepoints.pop()!
    if (this.#hasBegun) this.#sink.truncate(mark)
    this.#isSure.length = mark
    this.#schemaVersion = this.#read('schema_version')
  }

  commit(): void {
    this.#interrupt()
    if (this.#hasBegun) this.#sink.committing()
    this.#interrupt()
    this.#database.exec('COMMIT')
    if (this.#hasBegun) this.#end(() => this.#sink.committed(() => this.#isOurs()))
    this.#savepoints.length = 0
  }

  rollback(): void {
    this.#database.exec('ROLLBACK')
    if (this.#hasBegun) this.#end(() => this.#sink.dropped())
    this.#savepoints.length = 0
    this.#schemaVersion = this.#read('schema_version')
  }

  #begin(isAutocommit: boolean): void {
    if (this.#hasBegun) return
    if (this.#sink.takeSchemaNews() !== undefined) this.#schemaVersion = this.#read('schema_version')
    this.#hasBegun = true
    this.#isSure = []
    this.#interrupt()
    this.#sink.begin(this.#schemaVersion, isAutocommit)
  }

  #end(tell: () => void): void {
    this.#hasBegun = false
    this.#interrupt()
    tell()
  }

  /** It surely wrote; or nobody else has, since this was last asked. */
  #isOurs(): boolean {
    this.#interrupt()
    if (this.#isSure.includes(true)) return true
    const before = this.#dataVersion
    this.#dataVersion = this.#read('data_version')
    return this.#dataVersion === before
  }

  #read(pragma: string): number {
    return this.#database.pragma(pragma, { simple: true }) as number
  }
}
