import type { StatementSettings } from '@stemma/log'
import Database from 'better-sqlite3'
import type { PlainDatabase } from '../source/gated-database.ts'
import type { TransactionState } from '../source/passage.ts'
import type { JudgeConnection, JudgeStatement } from './statement-judge.ts'

/**
 * Answers questions about the database without disturbing the program's connection. Most go to a second one, which only reads:
 *
 * - EXPLAIN sets `changes()` to 0 for a statement that changes rows;
 * - whatever reads the main database within a transaction that has only been begun makes it read from there on, and a write that follows is refused where it
 *   would have waited.
 *
 * The program's own connection is asked for what only it sees: tables that its transaction has made, TEMP, attached databases, modules.
 */
export class AskedConnections implements JudgeConnection {
  readonly #plain: PlainDatabase
  readonly #state: TransactionState
  #second: Database.Database | undefined
  #settings: StatementSettings | undefined
  readonly #functions: FunctionStub[] = []
  readonly #changes: JudgeStatement
  /** The transaction that is open holds the write lock. */
  isLocked = false
  /** The transaction that is open has changed the schema. */
  hasNewSchema = false
  /** The program has aggregates, modules or databases that a second connection has not. */
  hasOwnThings = false
  /** There is something in TEMP. */
  hasTemp = false

  constructor(plain: PlainDatabase, state: TransactionState) {
    this.#plain = plain
    this.#state = state
    this.#changes = plain.prepare('SELECT changes()').pluck() as unknown as JudgeStatement
  }

  prepare(sql: string): JudgeStatement {
    if (EXPLAIN.test(sql)) return this.#isOwnNeeded() ? this.#own(sql) : this.#other(sql)
    if (SCHEMA.test(sql)) return this.#isOwnNeeded() && this.#mayRead() ? this.#own(sql) : this.#other(sql)
    return MAIN.test(sql) ? this.#routed(sql, false) : this.#own(sql)
  }

  /** Whether EXPLAIN would make a statement that says this see another value of `changes()` than it should. */
  wouldDisturb(says: () => boolean): boolean {
    return this.#isOwnNeeded() && Number(this.#changes.get()) !== 0 && says()
  }

  /** The program has a function of its own. Nobody calls the one that stands for it. */
  define(name: string, argumentCount: number, options: Database.RegistrationOptions): void {
    const stub = { name, argumentCount, options }
    this.#functions.push(stub)
    if (this.#second !== undefined) defineStub(this.#second, stub)
  }

  /** The settings that are to hold for EXPLAIN. */
  set settings(settings: StatementSettings) {
    this.#settings = settings
    if (this.#second !== undefined) applySettings(this.#second, settings)
  }

  /** Somebody else changed the schema: the program's connection loads it now. No transaction is open. */
  reload(): void {
    this.#own('SELECT 1 FROM main.sqlite_schema LIMIT 1').get()
  }

  close(): void {
    this.#second?.close()
    this.#second = undefined
  }

  #isOwnNeeded(): boolean {
    return this.hasNewSchema || this.hasOwnThings || this.hasTemp
  }

  /** To read the main database by the program's connection changes nothing. */
  #mayRead(): boolean {
    return !this.#state.inTransaction || this.isLocked || this.#state.pausedCount > 0
  }

  #own(sql: string): JudgeStatement {
    return this.#plain.prepare(sql) as unknown as JudgeStatement
  }

  #other(sql: string): JudgeStatement {
    if (this.#second === undefined) {
      // Not as one that is read-only by itself: SQLite leaves the CHECKs of such a database out of its programs.
      this.#second = new Database(this.#plain.path, { fileMustExist: true })
      this.#second.pragma('query_only = ON')
      if (this.#settings !== undefined) applySettings(this.#second, this.#settings)
      for (const stub of this.#functions) defineStub(this.#second, stub)
    }
    return this.#second.prepare(sql) as unknown as JudgeStatement
  }

  /** It may be kept, and the connection to be asked is another one each time. */
  #routed(sql: string, isRaw: boolean): JudgeStatement {
    let own: JudgeStatement | undefined
    const prepared = (statement: JudgeStatement): JudgeStatement => (isRaw ? statement.raw() : statement)
    const statement = (): JudgeStatement => (this.#mayRead() ? (own ??= prepared(this.#own(sql))) : prepared(this.#other(sql)))
    return {
      all: (...parameters) => statement().all(...parameters),
      get: (...parameters) => statement().get(...parameters),
      raw: () => this.#routed(sql, true),
    }
  }
}

interface FunctionStub {
  readonly name: string
  readonly argumentCount: number
  readonly options: Database.RegistrationOptions
}

const EXPLAIN = /^explain\b/i
const SCHEMA = /\bmain\.sqlite_schema\b/
const MAIN = /\bmain\./

function applySettings(database: Database.Database, settings: StatementSettings): void {
  database.pragma(`foreign_keys = ${settings.foreignKeys}`)
  database.pragma(`recursive_triggers = ${settings.recursiveTriggers}`)
  database.pragma(`ignore_check_constraints = ${settings.ignoreCheckConstraints}`)
  database.pragma(`case_sensitive_like = ${settings.caseSensitiveLike}`)
}

function defineStub(database: Database.Database, { name, argumentCount, options }: FunctionStub): void {
  const stub = Object.defineProperty((): null => null, 'length', { value: argumentCount })
  try {
    database.function(name, { ...options }, stub)
  } catch {
    // The program's own definition fails as well.
  }
}
