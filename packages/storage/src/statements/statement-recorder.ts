import type { ConnectionState, RecordedValues } from '@stemma/log'
import type Database from 'better-sqlite3'
import type { DatabaseRecorder, PlainDatabase, ScriptPart, UserFunction } from '../source/gated-database.ts'
import type { TransactionState } from '../source/passage.ts'
import type { WatchedCall } from '../source/watched-statement.ts'
import { sqliteCode } from '../sqlite/driver.ts'
import { AskedConnections } from './asked-connections.ts'
import { type BoundValues, readBoundValues } from './bound-values.ts'
import { ConnectionFacts } from './connection-facts.ts'
import type { FunctionRecorder } from './function-recorder.ts'
import { type JudgedStatement, JudgedStatements, type StatementPolicy } from './judged-statements.ts'
import { SchemaEdition } from './schema-edition.ts'
import { splitScript } from './script-parts.ts'
import type { OpenJudge, StatementJudge } from './statement-judge.ts'
import { type TransactionControl, firstWord, kindOfStatement, mayWrite, readControl } from './statement-kind.ts'
import type { StatementSink } from './statement-sink.ts'
import { TransactionRecord } from './transaction-record.ts'

/** Where statements go, and what is done with those that are not safe to run again. */
export interface RecorderOptions {
  readonly sink: StatementSink
  readonly policy: StatementPolicy
  readonly openJudge: OpenJudge
  /** For the policy `record`. */
  readonly openFunctions?: (plain: PlainDatabase) => FunctionRecorder
  /** Functions of the program whose results may be replayed. */
  readonly recordable?: Iterable<string>
}

/** A statement that may write, from before it runs until it has come to its end. */
interface Running {
  readonly judged: JudgedStatement
  readonly values: BoundValues
  /** A transaction was open before it. */
  readonly isInTransaction: boolean
  readonly connection: ConnectionState | undefined
  recorded: RecordedValues | undefined
}

/** Sees what a program does with its database, and puts the statements of each transaction that writes into a sink. */
export class StatementRecorder implements DatabaseRecorder {
  readonly #plain: PlainDatabase
  readonly #state: TransactionState
  readonly #sink: StatementSink
  readonly #policy: StatementPolicy
  readonly #judge: StatementJudge
  readonly #judged: JudgedStatements
  readonly #asked: AskedConnections
  readonly #edition: SchemaEdition
  readonly #facts: ConnectionFacts
  readonly #record: TransactionRecord
  readonly #functions: FunctionRecorder | undefined
  /** SQLite's names that mean what SQLite's functions mean, in spite of being registered. */
  readonly #own: Set<string>
  readonly #recordable: ReadonlySet<string>
  #running: Running | undefined
  readonly #paused = new Map<WatchedCall, Running | undefined>()
  #wasWanted = false
  #wasInTransaction = false

  constructor(plain: PlainDatabase, state: TransactionState, options: RecorderOptions) {
    this.#plain = plain
    this.#state = state
    this.#sink = options.sink
    this.#policy = options.policy
    this.#asked = new AskedConnections(plain, state)
    this.#edition = new SchemaEdition(this.#asked)
    this.#facts = new ConnectionFacts(plain)
    this.#record = new TransactionRecord(options.sink)
    this.#functions = options.policy === 'record' ? options.openFunctions?.(plain) : undefined
    this.#own = new Set(this.#functions?.names)
    this.#recordable = new Set(this.#functions === undefined ? [] : [...(options.recordable ?? [])].map(fold))
    this.#judge = options.openJudge(this.#asked, { own: this.#own, recordable: this.#recordable })
    this.#judged = new JudgedStatements({
      judge: this.#judge,
      edition: this.#edition,
      asked: this.#asked,
      policy: options.policy,
    })
  }

  before(call: WatchedCall, parameters: readonly unknown[]): void {
    this.#running = undefined
    if (call.kind === 'control') this.#beforeControl(call)
    else if (mayWrite(call.kind)) {
      const isSeen = this.#isSeen()
      // What SQLite refuses is refused, whether anybody wants statements or not.
      if (!isSeen && this.#functions === undefined) return
      const schemaVersion = this.#edition.schemaVersion
      const judged = this.#judged.of(call, this.#facts.settings)
      if (isSeen) this.#beforeStatement(judged, schemaVersion, call.bound ?? parameters)
      this.#functions?.guard(judged.pureCalls)
    }
  }

  paused(call: WatchedCall): void {
    this.#functions?.guard(undefined)
    if (this.#running?.judged.isRecorded === true) this.#running.recorded = this.#functions?.take()
    this.#paused.set(call, this.#running)
  }

  after(call: WatchedCall, result: Database.RunResult | undefined): void {
    const running = this.#takeRunning(call)
    switch (call.kind) {
      case 'control':
        this.#afterControl(call)
        return
      case 'data':
        if (running === undefined) this.#facts.forgetRowid()
        else this.#add(running, result, false)
        break
      case 'pragma':
        this.#facts.forgetSettings()
        if (running !== undefined) this.#add(running, result, this.#refreshSchema(running))
        break
      case 'other':
        this.#afterOther(call, running, result)
        break
      case 'script':
        this.unseen()
        break
      case 'explain':
        this.#facts.forgetSettings()
        break
      case 'read':
    }
    if (this.#state.isOver) this.#committed(result !== undefined || !call.isPrepared)
  }

  failed(call: WatchedCall, error: unknown): void {
    const running = this.#takeRunning(call)
    this.#facts.forgetRowid()
    if (call.kind === 'pragma' || call.kind === 'explain') this.#facts.forgetSettings()
    if (call.kind === 'script') this.unseen()
    const hasLeft = running !== undefined && this.#hasLeftSomething(running, error)
    if (hasLeft) this.#addFailed(running, error)
    if (!this.#state.isOver) return
    if (hasLeft && !running.isInTransaction) this.#committed(false)
    else this.#dropped()
  }

  unseen(): void {
    this.#record.lose()
    this.#facts.forgetRowid()
    this.#facts.forgetSettings()
    this.#edition.forget()
  }

  prepared(sql: string): void {
    const kind = kindOfStatement(sql)
    if (kind === 'pragma' || kind === 'explain') this.#facts.forgetSettings()
  }

  split(script: string): readonly ScriptPart[] | undefined {
    return splitScript(
      script,
      (text) => this.#judge.split(text),
      () => this.#judged.mayBeWhole(script),
    )
  }

  defining<F extends UserFunction>(name: string, fn: F, options: Database.RegistrationOptions): F {
    this.#edition.renew()
    this.#asked.define(name, fn.length, options)
    const folded = fold(name)
    this.#own.delete(folded)
    if (this.#functions === undefined || !this.#recordable.has(folded)) return fn
    return this.#functions.wrap(folded, fn, options.deterministic === true)
  }

  extending(): void {
    this.#edition.renew()
    this.#asked.hasOwnThings = true
  }

  unsafeMode(isUnsafe: boolean): void {
    this.#facts.isUnsafe = isUnsafe
  }

  closing(): void {
    this.#asked.close()
  }

  closed(): void {
    this.#functions?.close()
    this.#paused.clear()
    this.#dropped()
  }

  /** Whether statements are to be looked at now. */
  #isSeen(): boolean {
    if (this.#record.isBegun) return this.#policy === 'reject' || this.#record.isTelling
    const { inTransaction } = this.#state
    if (!inTransaction) this.#hear()
    if (this.#wasWanted || this.#policy === 'reject') return true
    // Should somebody want statements before it ends, this one would be missing.
    if (inTransaction) this.#record.lose()
    return false
  }

  /** Gets to know what happened since the last transaction. None is open, so the database may be read. */
  #hear(): void {
    const { isWanted } = this.#sink
    const hasNews = isWanted && (!this.#wasWanted || this.#sink.takeSchemaNews() !== undefined)
    if (isWanted && !this.#wasWanted) this.#facts.watchOthers()
    this.#wasWanted = isWanted
    // Who refuses statements must not go by what is no longer true, and there is no news for nobody.
    const isTrusting = this.#policy !== 'reject' && (isWanted || this.#functions === undefined)
    if (!hasNews && isTrusting) return
    if (this.#edition.refresh()) this.#asked.reload()
  }

  #beforeStatement(judged: JudgedStatement, schemaVersion: number, parameters: readonly unknown[]): void {
    if (judged.refused !== undefined) this.#refuse(judged)
    if (!judged.writes) return
    const isInTransaction = this.#state.inTransaction
    if (!this.#record.isBegun) this.#record.begin(schemaVersion, !isInTransaction)
    // Which of two statements that write at the same time does what first is not known.
    if (this.#state.pausedCount > 0) this.#record.lose()
    if (this.#record.isTelling) this.#facts.learnRowid()
    this.#running = {
      judged,
      values: readBoundValues(parameters, judged.names),
      isInTransaction,
      connection: judged.asksConnection ? this.#facts.counters() : undefined,
      recorded: undefined,
    }
    if (judged.isRecorded) this.#functions?.begin()
  }

  /** @throws StemmaError STATEMENT_REFUSED; or what SQLite says when it refuses the statement itself */
  #refuse(judged: JudgedStatement): void {
    if (judged.verdict.findings.some(({ code }) => code === 'SQL_ERROR')) this.#plain.prepare(judged.sql)
    this.#judged.refuse(judged)
  }

  #takeRunning(call: WatchedCall): Running | undefined {
    this.#functions?.guard(undefined)
    if (this.#paused.size === 0 || !this.#paused.has(call)) {
      const running = this.#running
      if (running?.judged.isRecorded === true) running.recorded = this.#functions?.take()
      return running
    }
    const running = this.#paused.get(call)
    this.#paused.delete(call)
    return running
  }

  #add(running: Running, result: Database.RunResult | undefined, isSchemaOther: boolean): void {
    if (this.#state.inTransaction) this.#asked.isLocked = true
    if (!this.#record.isTelling) return this.#facts.forgetRowid()
    const { judged, values, connection, recorded } = running
    let changes: number
    let rowid: number | bigint
    if (result === undefined) {
      const counters = this.#facts.counters()
      changes = judged.isData ? counters.changes : 0
      rowid = counters.lastInsertRowid
    } else ({ changes, lastInsertRowid: rowid } = result)
    const lastInsertRowid = this.#facts.noteRowid(rowid)
    const isCovered = !judged.isRecorded || recorded !== undefined
    this.#record.add(
      {
        sql: judged.sql,
        placed: values.placed,
        named: values.named,
        settings: this.#facts.settings,
        outcome: { error: undefined, changes, lastInsertRowid },
        verdict: isCovered ? judged.verdict : judged.otherwise,
        recorded: recorded === undefined || connection === undefined ? recorded : { ...recorded, connection },
      },
      isSchemaOther || (judged.isSure && changes > 0),
    )
    if (lastInsertRowid !== undefined) this.#judged.noteRowid(rowid)
  }

  #afterOther(call: WatchedCall, running: Running | undefined, result: Database.RunResult | undefined): void {
    if (this.#state.inTransaction) this.#asked.hasNewSchema = true
    if (firstWord(call.sql) === 'attach') this.#asked.hasOwnThings = true
    this.#edition.renew()
    if (running === undefined) {
      this.#edition.forget()
      return
    }
    this.#add(running, result, this.#refreshSchema(running))
  }

  /** @returns true when the schema of the main database is another one now. */
  #refreshSchema({ isInTransaction }: Running): boolean {
    if (isInTransaction) this.#asked.isLocked = true
    return this.#edition.refresh()
  }

  #beforeControl(call: WatchedCall): void {
    const control = controlOf(call)
    const { inTransaction } = this.#state
    this.#wasInTransaction = inTransaction
    if (!inTransaction) {
      if (control.kind === 'begin' || control.kind === 'savepoint') this.#hear()
      return
    }
    if (control.kind === 'commit' || (control.kind === 'release' && this.#record.isOutermost(control.name)))
      this.#record.committing()
  }

  #afterControl(call: WatchedCall): void {
    const control = controlOf(call)
    const { isOver } = this.#state
    switch (control.kind) {
      case 'begin':
        // An error of a SELECT can have ended the transaction before without a word.
        this.#dropped()
        this.#asked.isLocked = control.locks
        return
      case 'savepoint':
        if (!this.#wasInTransaction) this.#dropped()
        this.#record.savepoint(control.name, !this.#wasInTransaction)
        return
      case 'commit':
        if (isOver) this.#committed(true)
        return
      case 'release':
        if (isOver) this.#committed(true)
        else this.#record.release(control.name)
        return
      case 'rollback':
        this.#dropped()
        return
      case 'rollback-to':
        this.#record.rollbackTo(control.name)
        if (this.#asked.hasNewSchema) this.#edition.forget()
    }
  }

  /** @param isQuiet - nothing is being iterated over */
  #committed(isQuiet: boolean): void {
    this.#record.committed(() => this.#facts.isAlone(isQuiet))
    this.#ended()
  }

  #dropped(): void {
    this.#record.dropped()
    if (this.#asked.hasNewSchema) this.#edition.forget()
    this.#ended()
  }

  #ended(): void {
    this.#facts.transactionEnded()
    this.#asked.isLocked = false
    this.#asked.hasNewSchema = false
  }

  /** Under FAIL the rows that came before the one that failed stay. */
  #hasLeftSomething({ judged, isInTransaction }: Running, error: unknown): boolean {
    const code = sqliteCode(error)
    // A value of another type than a STRICT table takes: SQLite has not expected that this can fail, and can't take back what came before it.
    if (code === 'SQLITE_CONSTRAINT_DATATYPE' && isInTransaction) return true
    if (code?.startsWith('SQLITE_CONSTRAINT') !== true) return false
    return FAIL.test(judged.sql) || this.#edition.says(FAIL)
  }

  #addFailed({ judged, values, isInTransaction }: Running, error: unknown): void {
    // Run again within a transaction, ROLLBACK would take back more than it did here.
    const mayRollBack = !isInTransaction && (ROLLBACK.test(judged.sql) || this.#edition.says(ROLLBACK))
    if (this.#policy !== 'raw' || mayRollBack) return this.#record.addUntold()
    const { changes, lastInsertRowid } = this.#facts.counters()
    this.#record.add(
      {
        sql: judged.sql,
        placed: values.placed,
        named: values.named,
        settings: this.#facts.settings,
        outcome: { error: sqliteCode(error), changes, lastInsertRowid: this.#facts.noteRowid(lastInsertRowid) },
        verdict: judged.verdict,
        recorded: undefined,
      },
      false,
    )
  }
}

const FAIL = /\bfail\b/i
const ROLLBACK = /\brollback\b/i

/** Names are compared without regard to the case of ASCII letters, as SQLite does. */
function fold(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

function controlOf(call: WatchedCall): TransactionControl {
  call.memo ??= readControl(call.sql)
  return call.memo as TransactionControl
}
