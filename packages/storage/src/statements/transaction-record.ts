import type { LoggedStatement } from '@stemma/log'
import type { StatementSink } from './statement-sink.ts'

/** A savepoint that is open. */
interface Savepoint {
  readonly name: string
  /** Statements that had been counted. */
  readonly count: number
  /** The sink's; undefined when the transaction had not begun there. */
  readonly mark: number | undefined
}

/**
 * The statements of the transaction that is open, as they will be committed: what savepoints take back is taken back.
 *
 * Nothing is said to the sink before the first statement that may write.
 */
export class TransactionRecord {
  readonly #sink: StatementSink
  /** `ignored`: nobody wanted statements when it began. `given-up`: rows will be sent, and the sink knows. */
  #phase: 'none' | 'begun' | 'ignored' | 'given-up' = 'none'
  #start = 0
  /** Statements so far, those that were taken back included. */
  #count = 0
  /** The first statements, of those that were not taken back, of which this can be said; Infinity when there is none. */
  #untold = Infinity
  #unrepeatable = Infinity
  #sure = Infinity
  readonly #savepoints: Savepoint[] = []
  #isBegunBySavepoint = false

  constructor(sink: StatementSink) {
    this.#sink = sink
  }

  /** True from `begin` until the transaction's end. */
  get isBegun(): boolean {
    return this.#phase !== 'none'
  }

  /** What is added is kept: there still is a chance that the statements will be sent. */
  get isTelling(): boolean {
    return this.#phase === 'begun' && this.#untold === Infinity && this.#unrepeatable === Infinity
  }

  /** The first statement that may write is about to run. */
  begin(schemaVersion: number, isAutocommit: boolean): void {
    if (!this.#sink.isWanted) {
      this.#phase = 'ignored'
      return
    }
    this.#sink.begin(schemaVersion, isAutocommit)
    this.#start = this.#sink.mark()
    this.#phase = 'begun'
  }

  /**
   * A statement has run, and its effects stand.
   *
   * @param isSure - it surely wrote
   */
  add(statement: LoggedStatement, isSure: boolean): void {
    this.#count++
    if (isSure && this.#sure === Infinity) this.#sure = this.#count
    // What follows one that can't be run again is of no use, and if that one is taken back, so is what follows it.
    if (!this.isTelling) return
    this.#sink.add(statement)
    if (!statement.verdict.isRepeatable) this.#unrepeatable = this.#count
  }

  /** Something has run of which can't be told what it did. */
  addUntold(): void {
    this.#count++
    if (this.#untold === Infinity) this.#untold = this.#count
  }

  /** Something has run of which nothing at all is known: the whole transaction can't be told any more, whatever is taken back. */
  lose(): void {
    if (this.#phase === 'begun') this.#giveUp()
    else if (this.#phase === 'none') this.#phase = 'ignored'
  }

  savepoint(name: string, isFirst: boolean): void {
    if (isFirst) this.#isBegunBySavepoint = true
    this.#savepoints.push({ name, count: this.#count, mark: this.#phase === 'begun' ? this.#sink.mark() : undefined })
  }

  /** Whether RELEASE of this savepoint commits. */
  isOutermost(name: string): boolean {
    return this.#isBegunBySavepoint && this.#find(name) === 0
  }

  release(name: string): void {
    const at = this.#find(name)
    if (at >= 0) this.#savepoints.length = at
  }

  rollbackTo(name: string): void {
    const at = this.#find(name)
    const savepoint = this.#savepoints[at]
    if (savepoint === undefined) return
    this.#savepoints.length = at + 1
    const isLeft = (statement: number): number => (statement > savepoint.count ? Infinity : statement)
    this.#untold = isLeft(this.#untold)
    this.#unrepeatable = isLeft(this.#unrepeatable)
    this.#sure = isLeft(this.#sure)
    if (this.#phase === 'begun') this.#sink.truncate(savepoint.mark ?? this.#start)
  }

  /** COMMIT comes next. */
  committing(): void {
    if (this.#phase !== 'begun') return
    if (this.#isTold()) this.#sink.committing()
    else this.#giveUp()
  }

  /** @param isAlone - whether no other connection has committed, as far as is known */
  committed(isAlone: () => boolean): void {
    if (this.#phase !== 'begun') this.#sink.committedUntold()
    else if (this.#isTold()) this.#sink.committed(this.#sure === Infinity ? isAlone : isSurelyOurs)
    else this.#sink.dropped()
    this.#end()
  }

  dropped(): void {
    if (this.#phase === 'begun') this.#sink.dropped()
    else this.#sink.committedUntold()
    this.#end()
  }

  #isTold(): boolean {
    return this.#untold === Infinity && this.#sink.mark() > this.#start
  }

  #giveUp(): void {
    this.#sink.dropped()
    this.#phase = 'given-up'
  }

  #end(): void {
    this.#phase = 'none'
    this.#count = 0
    this.#untold = Infinity
    this.#unrepeatable = Infinity
    this.#sure = Infinity
    if (this.#savepoints.length > 0) this.#savepoints.length = 0
    this.#isBegunBySavepoint = false
  }

  /** The innermost savepoint of a name. */
  #find(name: string): number {
    return this.#savepoints.findLastIndex((savepoint) => savepoint.name === name)
  }
}

function isSurelyOurs(): boolean {
  return true
}
