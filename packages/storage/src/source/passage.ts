import type Database from 'better-sqlite3'
import type { CommitGate } from './commit-gate.ts'
import type { CallWatch, WatchedCall } from './watched-statement.ts'

/** What a connection is in the midst of. */
export interface TransactionState {
  /** BEGIN or SAVEPOINT has run, and nothing has ended it. */
  readonly inTransaction: boolean
  /** Neither a transaction is open, nor has a statement begun to write without having come to its end. */
  readonly isOver: boolean
  /** Statements that have begun to write and wait to be gone on with. */
  readonly pausedCount: number
}

/** Sees each call, within the gate. */
export interface CallRecorder {
  /** As `CallWatch`; not told when a call that was paused goes on. */
  before(call: WatchedCall, parameters: readonly unknown[]): void
  paused(call: WatchedCall): void
  after(call: WatchedCall, result: Database.RunResult | undefined): void
  failed(call: WatchedCall, error: unknown): void
  /** Something ran of which nothing is told. */
  unseen(): void
}

/** Lets calls pass the gate, transaction by transaction, and has them recorded on their way. */
export class Passage implements CallWatch, TransactionState {
  readonly #gate: CommitGate
  readonly #isInTransaction: () => boolean
  readonly #entered: () => void
  /** Set once, if calls are recorded. */
  recorder: CallRecorder | undefined
  inTransaction = false
  /** Between `enter` and `leave`: a transaction may be open. */
  #isInside = false
  /** A call is under way; those that it makes in turn are part of it. */
  #isRunning = false
  readonly #paused = new Set<WatchedCall>()

  /** @param entered - is called each time that the gate was passed */
  constructor(gate: CommitGate, isInTransaction: () => boolean, entered: () => void) {
    this.#gate = gate
    this.#isInTransaction = isInTransaction
    this.#entered = entered
  }

  get isOver(): boolean {
    return !this.inTransaction && this.#paused.size === 0
  }

  get pausedCount(): number {
    return this.#paused.size
  }

  before(call: WatchedCall, parameters: readonly unknown[]): boolean {
    if (this.#isRunning) {
      this.recorder?.unseen()
      return false
    }
    this.#isRunning = true
    if (!this.#isInside) {
      this.#isInside = true
      this.#gate.enter()
      this.#entered()
    }
    if (this.recorder === undefined || this.#paused.has(call)) return true
    try {
      this.recorder.before(call, parameters)
    } catch (error) {
      this.#leave()
      throw error
    }
    return true
  }

  paused(call: WatchedCall): void {
    if (call.kind === 'data' && !this.#paused.has(call)) {
      this.#paused.add(call)
      this.recorder?.paused(call)
    }
    this.#leave()
  }

  after(call: WatchedCall, result: Database.RunResult | undefined): void {
    if (this.#paused.size > 0) this.#paused.delete(call)
    // A statement that changes rows and succeeds leaves a transaction as it was.
    if (call.kind !== 'data') this.inTransaction = this.#isInTransaction()
    this.recorder?.after(call, result)
    this.#leave()
  }

  failed(call: WatchedCall, error: unknown): void {
    this.#paused.delete(call)
    this.inTransaction = this.#isInTransaction()
    this.recorder?.failed(call, error)
    this.#leave()
  }

  /** The connection was closed. */
  close(): void {
    this.#paused.clear()
    this.inTransaction = false
    this.#leave()
  }

  /** A transaction that is still open is left by the statement that ends it. */
  #leave(): void {
    this.#isRunning = false
    if (!this.#isInside || !this.isOver) return
    this.#isInside = false
    this.#gate.leave()
  }
}
