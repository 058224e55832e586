import Database from 'better-sqlite3'
import type { CommitGate } from './commit-gate.ts'

/**
 * Opens a database whose write transactions pass a gate, and that leaves checkpoints to whoever follows it.
 *
 * In all else it is better-sqlite3's own `Database`.
 */
export function openGatedDatabase(path: string, gate: CommitGate, options?: Database.Options): GatedDatabase {
  return new GatedDatabase(path, gate, options)
}

/** See `openGatedDatabase`. */
export class GatedDatabase extends Database {
  readonly #gate: CommitGate
  /** The value of `gate.followers` for which checkpoints are set up. */
  #followers = -1
  /** Between `enter` and `leave`: a transaction may be open. */
  #isInside = false
  /** A call is under way; those that it makes in turn are part of it. */
  #isRunning = false

  constructor(path: string, gate: CommitGate, options?: Database.Options) {
    super(path, options)
    this.#gate = gate
    if (!this.readonly) this.#followCheckpoints()
  }

  override prepare<BindParameters extends unknown[] | {} = unknown[], Result = unknown>(
    source: string,
  ): Database.Statement<BindParameters, Result> {
    const statement = super.prepare<BindParameters, Result>(source)
    // SQLite calls BEGIN, COMMIT and their like read-only; they return no rows.
    if (!statement.readonly || !statement.reader) gateStatement(statement as unknown as Runnable, this.#pass)
    return statement
  }

  override exec(source: string): this {
    return this.#pass(() => super.exec(source))
  }

  override pragma(source: string, options?: Database.PragmaOptions): unknown {
    return this.#pass(() => super.pragma(source, options))
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- as better-sqlite3's types have it
  override transaction<F extends (...parameters: any[]) => unknown>(fn: F): Database.Transaction<F> {
    const plain = super.transaction(fn) as unknown as Record<TransactionKind, (...parameters: unknown[]) => unknown>
    const pass = this.#pass
    const gated = (kind: TransactionKind): { value: object } => ({
      value(this: unknown, ...parameters: unknown[]): unknown {
        return pass(() => plain[kind].apply(this, parameters))
      },
    })
    const properties = {
      default: gated('default'),
      deferred: gated('deferred'),
      immediate: gated('immediate'),
      exclusive: gated('exclusive'),
      database: { value: this, enumerable: true },
    }
    for (const kind of TRANSACTION_KINDS) Object.defineProperties(properties[kind].value, properties)
    return properties.default.value as Database.Transaction<F>
  }

  override close(): this {
    super.close()
    if (this.#isInside) this.#gate.leave()
    this.#isInside = false
    return this
  }

  readonly #pass = <T>(work: () => T): T => {
    const isOutermost = !this.#isRunning
    if (isOutermost) this.#enter()
    try {
      return work()
    } finally {
      if (isOutermost) this.#leave()
    }
  }

  #enter(): void {
    this.#isRunning = true
    if (this.#isInside) return
    this.#isInside = true
    this.#gate.enter()
    if (this.#gate.followers !== this.#followers) this.#followCheckpoints()
  }

  /** A transaction that is still open is left by the statement that ends it. */
  #leave(): void {
    this.#isRunning = false
    if (this.inTransaction) return
    this.#isInside = false
    this.#gate.leave()
  }

  /** Whoever follows the database checkpoints it. When nobody does, SQLite does it as it always did. */
  #followCheckpoints(): void {
    if (this.readonly || this.inTransaction) return
    this.#followers = this.#gate.followers
    super.pragma(`wal_autocheckpoint = ${(this.#followers & 1) === 1 ? 0 : SQLITE_DEFAULT}`)
  }
}

const SQLITE_DEFAULT = 1000

const TRANSACTION_KINDS = ['default', 'deferred', 'immediate', 'exclusive'] as const
type TransactionKind = (typeof TRANSACTION_KINDS)[number]

interface Runnable {
  run(...parameters: unknown[]): unknown
  get(...parameters: unknown[]): unknown
  all(...parameters: unknown[]): unknown
  iterate(...parameters: unknown[]): IterableIterator<unknown>
}

type Pass = <T>(work: () => T) => T

function gateStatement(statement: Runnable, pass: Pass): void {
  const { run, get, all, iterate } = statement
  Object.defineProperties(statement, {
    run: { value: (...parameters: unknown[]) => pass(() => run.apply(statement, parameters)), ...HIDDEN },
    get: { value: (...parameters: unknown[]) => pass(() => get.apply(statement, parameters)), ...HIDDEN },
    all: { value: (...parameters: unknown[]) => pass(() => all.apply(statement, parameters)), ...HIDDEN },
    iterate: { value: (...parameters: unknown[]) => gateIterator(iterate.apply(statement, parameters), pass), ...HIDDEN },
  })
}

const HIDDEN = { writable: true, configurable: true, enumerable: false }

/** SQLite writes at the first step, and commits with the last one. */
function gateIterator(plain: IterableIterator<unknown>, pass: Pass): IterableIterator<unknown> {
  return {
    next: () => pass(() => plain.next()),
    return: (value?: unknown) => pass(() => plain.return!(value)),
    [Symbol.iterator]() {
      return this
    },
  }
}
