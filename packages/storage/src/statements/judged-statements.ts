import { StemmaError } from '@stemma/base'
import type { StatementFinding, StatementSettings, StatementVerdict } from '@stemma/log'
import type { WatchedCall } from '../source/watched-statement.ts'
import type { AskedConnections } from './asked-connections.ts'
import { parameterNames } from './bound-values.ts'
import type { PureCalls } from './function-recorder.ts'
import type { SchemaEdition } from './schema-edition.ts'
import type { JudgedFinding, Judgement, StatementJudge } from './statement-judge.ts'
import { firstWord, kindOfStatement } from './statement-kind.ts'

/**
 * What becomes of statements that may do something else on a copy:
 * - `mixed`: rows are sent for their transactions;
 * - `record`: values that functions gave are sent with them, where that is enough; else rows;
 * - `reject`: they are refused before they run;
 * - `raw`: they are sent as they are, whatever a copy makes of them.
 */
export type StatementPolicy = 'mixed' | 'record' | 'reject' | 'raw'

/** All that is known of a statement before it runs. Good for one edition of the schema. */
export interface JudgedStatement {
  readonly edition: number
  readonly sql: string
  /** It may change the main database. */
  readonly writes: boolean
  /** Of kind `data`: it sets `changes()`. */
  readonly isData: boolean
  /** Rows that it changed surely made it write: no row can have been written as it was. */
  readonly isSure: boolean
  /** What its functions give is to be recorded, and decides which verdict holds. */
  readonly isRecorded: boolean
  readonly asksConnection: boolean
  /** The verdict, if what is recorded is enough; if nothing is recorded, the verdict. */
  readonly verdict: StatementVerdict
  readonly otherwise: StatementVerdict
  /** Why it must not run. */
  readonly refused: StatementFinding | undefined
  /** Functions that it calls only where they may ask neither clock nor time zone. */
  readonly pureCalls: PureCalls | undefined
  /** Names of its parameters. */
  readonly names: () => readonly string[]
}

/** Judges statements by a policy, once for each text and edition of the schema. */
export class JudgedStatements {
  readonly #judge: StatementJudge
  readonly #edition: SchemaEdition
  readonly #asked: AskedConnections
  readonly #policy: StatementPolicy
  readonly #known = new Map<string, JudgedStatement>()
  #knownEdition = 0
  #settings: StatementSettings | undefined

  constructor(parts: {
    readonly judge: StatementJudge
    readonly edition: SchemaEdition
    readonly asked: AskedConnections
    readonly policy: StatementPolicy
  }) {
    this.#judge = parts.judge
    this.#edition = parts.edition
    this.#asked = parts.asked
    this.#policy = parts.policy
  }

  /** @param settings - that hold now: under others other triggers fire */
  of(call: WatchedCall, settings: StatementSettings): JudgedStatement {
    if (settings !== this.#settings) {
      this.#settings = settings
      this.#asked.settings = settings
      this.#edition.renew()
    }
    const edition = this.#edition.number
    const memo = call.memo as JudgedStatement | undefined
    if (memo?.edition === edition) return memo
    const judged = this.#find(call.sql, edition)
    call.memo = judged
    return judged
  }

  /** Whether rows may be sent for what a long script does, without a look at its statements. */
  mayBeWhole(script: string): boolean {
    if (this.#policy !== 'record') return this.#policy === 'mixed'
    return !DATES.test(script) && !this.#edition.says(DATES)
  }

  /** Takes note of the rowid that the last INSERT gave. */
  noteRowid(rowid: number | bigint): void {
    if (rowid !== ROWID_MAX_ROUNDED && rowid !== ROWID_MAX) return
    this.#judge.noteRowid(rowid)
    this.#edition.renew()
  }

  /** @throws StemmaError STATEMENT_REFUSED */
  refuse({ sql, refused }: JudgedStatement): void {
    if (refused === undefined) return
    const { code, start, end, through } = refused
    const { why, instead } = this.#judge.explain(code)
    const place = through === undefined ? sql.slice(start, end) : `${sql.slice(start, end)} (${through})`
    throw new StemmaError('STATEMENT_REFUSED', `${code} at ${place}: ${why} ${instead}`, { sql, code, start, end, why, instead })
  }

  #find(sql: string, edition: number): JudgedStatement {
    if (edition !== this.#knownEdition || this.#known.size >= KNOWN_MAX) {
      this.#known.clear()
      this.#knownEdition = edition
    }
    let judged = this.#known.get(sql)
    if (judged === undefined) {
      judged = this.#judgeAnew(sql, edition)
      this.#known.set(sql, judged)
    }
    return judged
  }

  #judgeAnew(sql: string, edition: number): JudgedStatement {
    const { safety, findings: all, writes, pureCalls } = this.#ask(sql, edition)
    const findings = all.map(({ code, start, end, through }) => ({
      code,
      start,
      end,
      ...(through === undefined ? {} : { through }),
    }))
    const policy = this.#policy
    const isSafe = safety === 'safe' || safety === 'context'
    const isRecorded = policy === 'record' && safety === 'record'
    const verdict = (isRepeatable: boolean): StatementVerdict => ({ safety, isRepeatable, findings })
    let names: readonly string[] | undefined
    return {
      edition,
      sql,
      writes,
      isData: kindOfStatement(sql) === 'data',
      isSure: writes && this.#isSure(sql),
      isRecorded,
      asksConnection: isRecorded && findings.some(({ code }) => code === 'CONNECTION_STATE'),
      verdict: verdict(isSafe || isRecorded || policy === 'raw'),
      otherwise: verdict(policy === 'raw'),
      refused: policy === 'reject' && !isSafe ? firstUnsafe(all) : undefined,
      pureCalls,
      names: () => (names ??= parameterNames(sql)),
    }
  }

  /** A judge that fails says nothing good of the statement. */
  #ask(sql: string, edition: number): Judgement {
    const saysChanges = (): boolean => CHANGES.test(sql) || this.#edition.says(CHANGES)
    try {
      if (!this.#asked.wouldDisturb(saysChanges)) return this.#judge.judge(sql, edition)
      // To be judged when it is next run.
      this.#edition.renew()
    } catch {
      // A judge that fails says nothing good of a statement.
    }
    const finding: JudgedFinding = { code: 'CONNECTION_STATE', safety: 'rows', start: 0, end: sql.length }
    return { safety: 'rows', findings: [finding], writes: true }
  }

  /** Where a row can be written over, it may be by one that is the same, and then no page is written. */
  #isSure(sql: string): boolean {
    const word = firstWord(sql)
    if (word === 'delete') return true
    return word === 'insert' && !/\b(?:replace|conflict)\b/i.test(sql) && !this.#edition.says(/\breplace\b/i)
  }
}

function firstUnsafe(findings: readonly JudgedFinding[]): StatementFinding | undefined {
  const unsafe = findings.filter(({ safety }) => safety !== 'safe' && safety !== 'context')
  return unsafe.find(({ code }) => code !== 'SQL_ERROR') ?? unsafe[0]
}

const CHANGES = /changes/i
const DATES = /\b(?:date|time|datetime|julianday|strftime|timediff|unixepoch)["'`\]]?\s*\(/i
const KNOWN_MAX = 10_000
const ROWID_MAX = 2n ** 63n - 1n
const ROWID_MAX_ROUNDED = Number(ROWID_MAX)
