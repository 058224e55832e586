import Database from 'better-sqlite3'
import { kindOfStatement } from '../statements/statement-kind.ts'
import type { CommitGate } from './commit-gate.ts'
import { type CallRecorder, Passage, type TransactionState } from './passage.ts'
import { newCall, runWatched, watchStatement } from './watched-statement.ts'

/**
 * Opens a database whose write transactions pass a gate, and that leaves checkpoints to whoever follows it.
 *
 * In all else it is better-sqlite3's own `Database`.
 */
export function openGatedDatabase(path: string, gate: CommitGate, options?: Database.Options): GatedDatabase {
  return new GatedDatabase(path, gate, options)
}

/** Sees what a database runs, and what else a program does with it. */
export interface DatabaseRecorder extends CallRecorder {
  /** A statement was prepared, which is enough for some PRAGMAs to take effect. */
  prepared(sql: string): void
  /** The statements of a script; undefined when it is to be run as a whole. */
  split(script: string): readonly ScriptPart[] | undefined
  /** A function comes. What is given back is registered in its place. */
  defining<F extends UserFunction>(name: string, fn: F, options: Database.RegistrationOptions): F
  /** An aggregate, module or extension comes. */
  extending(): void
  unsafeMode(isUnsafe: boolean): void
  closing(): void
  closed(): void
}

/** One statement of a script. */
export interface ScriptPart {
  readonly sql: string
  /** With what stands around it. */
  readonly text: string
}

// oxlint-disable-next-line typescript/no-explicit-any -- as better-sqlite3's types have it
export type UserFunction = (...parameters: any[]) => any

/** The connection itself, past the gate and unseen by the recorder. */
export interface PlainDatabase {
  readonly path: string
  prepare(sql: string): Database.Statement
  pragma(sql: string): unknown
  function(name: string, options: Database.RegistrationOptions, fn: UserFunction): void
}

/** See `openGatedDatabase`. */
export class GatedDatabase extends Database {
  readonly #gate: CommitGate
  readonly #passage: Passage
  readonly #recorder: DatabaseRecorder | undefined
  /** The value of `gate.followers` for which checkpoints are set up. */
  #followers = -1
  #steps: TransactionSteps | undefined

  constructor(
    path: string,
    gate: CommitGate,
    options?: Database.Options,
    openRecorder?: (plain: PlainDatabase, state: TransactionState) => DatabaseRecorder,
  ) {
    super(path, options)
    this.#gate = gate
    this.#passage = new Passage(
      gate,
      () => this.inTransaction,
      () => {
        if (gate.followers !== this.#followers) this.#followCheckpoints()
      },
    )
    if (!this.readonly) this.#followCheckpoints()
    const plain: PlainDatabase = {
      path,
      prepare: (sql) => super.prepare(sql),
      pragma: (sql) => super.pragma(sql, { simple: true }),
      function: (name, settings, fn) => void super.function(name, settings, fn),
    }
    this.#recorder = openRecorder?.(plain, this.#passage)
    this.#passage.recorder = this.#recorder
  }

  override prepare<BindParameters extends unknown[] | {} = unknown[], Result = unknown>(
    source: string,
  ): Database.Statement<BindParameters, Result> {
    const statement = super.prepare<BindParameters, Result>(source)
    const kind = kindOfStatement(source)
    this.#recorder?.prepared(source)
    // SQLite calls BEGIN, COMMIT and their like read-only; they return no rows.
    if (!statement.readonly || !statement.reader || kind === 'pragma' || kind === 'explain')
      watchStatement(statement, { watch: this.#passage, call: newCall(source, kind, true) })
    return statement
  }

  override exec(source: string): this {
    const parts = typeof source === 'string' ? this.#recorder?.split(source) : undefined
    if (parts === undefined) runWatched(this.#passage, newCall(source, 'script'), () => super.exec(source))
    else for (const { sql, text } of parts) runWatched(this.#passage, newCall(sql), () => super.exec(text))
    return this
  }

  override pragma(source: string, options?: Database.PragmaOptions): unknown {
    return runWatched(this.#passage, newCall(`PRAGMA ${source}`, 'pragma'), () => super.pragma(source, options))
  }

  /** Under EXPLAIN some PRAGMAs take effect. */
  explain(source: string): unknown {
    const plain = (Database.prototype as unknown as { explain(source: string): unknown }).explain
    return runWatched(this.#passage, newCall(`EXPLAIN ${source}`, 'explain'), () => plain.call(this, source))
  }

  /** As better-sqlite3's own, whose inner handle nobody can watch. */
  override transaction<F extends UserFunction>(fn: F): Database.Transaction<F> {
    if (typeof fn !== 'function') throw new TypeError('Expected first argument to be a function')
    const steps = (this.#steps ??= this.#prepareSteps())
    const wrap = (begin: Step): { value: object } => ({ value: wrapTransaction(this, fn, { ...steps, begin }) })
    const properties = {
      default: wrap(steps.begin),
      deferred: wrap(steps.deferred),
      immediate: wrap(steps.immediate),
      exclusive: wrap(steps.exclusive),
      database: { value: this, enumerable: true },
    }
    for (const kind of TRANSACTION_KINDS) Object.defineProperties(properties[kind].value, properties)
    return properties.default.value as Database.Transaction<F>
  }

  override function(name: string, ...rest: [unknown, unknown?]): this {
    const fn = rest.findIndex((each) => typeof each === 'function')
    if (this.#recorder !== undefined && typeof name === 'string' && fn >= 0) {
      const options = fn === 0 ? {} : ((rest[0] ?? {}) as Database.RegistrationOptions)
      rest[fn] = this.#recorder.defining(name, rest[fn] as UserFunction, options)
    }
    return (super.function as (...parameters: unknown[]) => this)(name, ...rest)
  }

  override aggregate<T>(...parameters: Parameters<typeof Database.prototype.aggregate<T>>): this {
    this.#recorder?.extending()
    return super.aggregate<T>(...parameters)
  }

  override table(...parameters: Parameters<Database.Database['table']>): this {
    this.#recorder?.extending()
    return super.table(...parameters)
  }

  override loadExtension(...parameters: Parameters<Database.Database['loadExtension']>): this {
    this.#recorder?.extending()
    return super.loadExtension(...parameters)
  }

  override unsafeMode(...parameters: Parameters<Database.Database['unsafeMode']>): this {
    super.unsafeMode(...parameters)
    this.#recorder?.unsafeMode(parameters[0] ?? true)
    return this
  }

  override close(): this {
    this.#recorder?.closing()
    super.close()
    this.#recorder?.closed()
    this.#passage.close()
    return this
  }

  /** Whoever follows the database checkpoints it. When nobody does, SQLite does it as it always did. */
  #followCheckpoints(): void {
    if (this.readonly || this.inTransaction) return
    this.#followers = this.#gate.followers
    super.pragma(`wal_autocheckpoint = ${(this.#followers & 1) === 1 ? 0 : SQLITE_DEFAULT}`)
  }

  #prepareSteps(): TransactionSteps {
    const step = (sql: string): Step => this.prepare(sql)
    return {
      begin: step('BEGIN'),
      deferred: step('BEGIN DEFERRED'),
      immediate: step('BEGIN IMMEDIATE'),
      exclusive: step('BEGIN EXCLUSIVE'),
      commit: step('COMMIT'),
      rollback: step('ROLLBACK'),
      savepoint: step(`SAVEPOINT ${SAVEPOINT}`),
      release: step(`RELEASE ${SAVEPOINT}`),
      rollbackTo: step(`ROLLBACK TO ${SAVEPOINT}`),
    }
  }
}

const SQLITE_DEFAULT = 1000
/** The name that better-sqlite3 uses. */
const SAVEPOINT = '`\t_bs3.\t`'
const TRANSACTION_KINDS = ['default', 'deferred', 'immediate', 'exclusive'] as const

interface Step {
  run(): unknown
}

interface TransactionSteps {
  readonly begin: Step
  readonly deferred: Step
  readonly immediate: Step
  readonly exclusive: Step
  readonly commit: Step
  readonly rollback: Step
  readonly savepoint: Step
  readonly release: Step
  readonly rollbackTo: Step
}

function wrapTransaction(database: Database.Database, fn: UserFunction, steps: TransactionSteps): object {
  return function sqliteTransaction(this: unknown, ...parameters: unknown[]): unknown {
    const isNested = database.inTransaction
    const after = isNested ? steps.release : steps.commit
    const undo = isNested ? steps.rollbackTo : steps.rollback
    ;(isNested ? steps.savepoint : steps.begin).run()
    try {
      const result: unknown = fn.apply(this, parameters)
      if (typeof (result as { then?: unknown } | undefined | null)?.then === 'function')
        throw new TypeError('Transaction function cannot return a promise')
      after.run()
      return result
    } catch (error) {
      if (database.inTransaction) {
        undo.run()
        if (isNested) after.run()
      }
      throw error
    }
  }
}
