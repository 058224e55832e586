import type { LoggedStatement } from '@stemma/log'
import type { StatementSink } from '../statement-sink.ts'

/** A transaction as a sink was told of it. */
export interface ToldTransaction {
  readonly schemaVersion: number
  readonly isAutocommit: boolean
  readonly statements: LoggedStatement[]
  isOurs?: boolean
}

/** A sink that keeps what it is told, and holds the recorder to the contract. */
export class FakeSink implements StatementSink {
  isWanted: boolean
  news: number | undefined
  readonly committedOnes: ToldTransaction[] = []
  droppedCount = 0
  untoldCount = 0
  #open: ToldTransaction | undefined
  #isCommitting = false

  constructor(isWanted = true) {
    this.isWanted = isWanted
  }

  takeSchemaNews(): number | undefined {
    const { news } = this
    this.news = undefined
    return news
  }

  begin(schemaVersion: number, isAutocommit: boolean): void {
    if (this.#open !== undefined) throw new Error('begin within a transaction')
    this.#open = { schemaVersion, isAutocommit, statements: [] }
    this.#isCommitting = false
  }

  mark(): number {
    return this.#transaction().statements.length
  }

  truncate(mark: number): void {
    this.#transaction().statements.length = mark
  }

  add(statement: LoggedStatement): void {
    const { placed, named } = statement
    this.#transaction().statements.push({
      ...statement,
      placed: placed.map((value) => (value instanceof Uint8Array ? value.slice() : value)),
      named: named === undefined ? undefined : { ...named },
    })
  }

  committing(): void {
    if (this.#transaction().isAutocommit) throw new Error('committing under autocommit')
    this.#isCommitting = true
  }

  committed(isOurs: () => boolean): void {
    const transaction = this.#transaction()
    if (!transaction.isAutocommit && !this.#isCommitting) throw new Error('committed without committing')
    if (transaction.statements.length === 0) throw new Error('committed nothing')
    transaction.isOurs = isOurs()
    this.committedOnes.push(transaction)
    this.#open = undefined
  }

  dropped(): void {
    this.#transaction()
    this.droppedCount++
    this.#open = undefined
  }

  committedUntold(): void {
    if (this.#open !== undefined) throw new Error('a transaction is open')
    this.untoldCount++
  }

  #transaction(): ToldTransaction {
    if (this.#open === undefined) throw new Error('no transaction has begun')
    return this.#open
  }
}
