import type { ConnectionState, StatementSettings } from '@stemma/log'
import type { PlainDatabase } from '../source/gated-database.ts'
import type { JudgeStatement } from './statement-judge.ts'

/**
 * What the program's connection says of itself. Asking it neither begins a read of the main database within a transaction of the program's, nor changes
 * anything else that could be noticed.
 */
export class ConnectionFacts {
  readonly #plain: PlainDatabase
  readonly #counters: JudgeStatement
  readonly #dataVersionStatement: RunnableReader
  #settings: StatementSettings | undefined
  /** A statement of the program's could have left another one. */
  #isRowidKnown = false
  #rowid: number | bigint = 0
  #dataVersion: unknown
  isUnsafe = false

  constructor(plain: PlainDatabase) {
    this.#plain = plain
    this.#counters = plain.prepare('SELECT last_insert_rowid(), changes(), total_changes()').safeIntegers().raw()
    this.#dataVersionStatement = plain.prepare('PRAGMA main.data_version').pluck() as unknown as RunnableReader
  }

  /** As they are now. The same object as long as they are the same. */
  get settings(): StatementSettings {
    return (this.#settings ??= this.#readSettings())
  }

  /** A PRAGMA may have changed settings. */
  forgetSettings(): void {
    this.#settings = undefined
  }

  /** A transaction has ended, and with it what held for it alone. */
  transactionEnded(): void {
    if (this.#settings?.deferForeignKeys === true) this.#settings = undefined
  }

  /** `last_insert_rowid()`, `changes()` and `total_changes()`. */
  counters(): ConnectionState {
    const [lastInsertRowid, changes, totalChanges] = this.#counters.get() as [bigint, bigint, bigint]
    return { lastInsertRowid, changes: Number(changes), totalChanges: Number(totalChanges) }
  }

  /** A statement of which nothing more is known may have inserted a row. */
  forgetRowid(): void {
    this.#isRowidKnown = false
  }

  /** To be called before a statement whose rowid is wanted. */
  learnRowid(): void {
    if (this.#isRowidKnown) return
    this.#rowid = this.counters().lastInsertRowid
    this.#isRowidKnown = true
  }

  /** @returns the rowid that a statement has left, if it is another one than before. */
  noteRowid(rowid: number | bigint): bigint | undefined {
    if (rowid === this.#rowid) return undefined
    if (typeof rowid === 'number' && typeof this.#rowid === 'number' && Number.isSafeInteger(rowid)) {
      this.#rowid = rowid
      this.#isRowidKnown = true
      return BigInt(rowid)
    }
    const exact =
      typeof rowid === 'bigint' ? rowid : Number.isSafeInteger(rowid) ? BigInt(rowid) : this.counters().lastInsertRowid
    const before = this.#rowid
    this.#rowid = typeof rowid === 'number' && Number.isSafeInteger(rowid) ? rowid : exact
    this.#isRowidKnown = true
    return exact === BigInt(before) ? undefined : exact
  }

  /**
   * Whether no other connection has committed since this was last asked, as far as SQLite knows of it. To be called when no transaction is open.
   *
   * While rows of some statement are being iterated over, SQLite goes on seeing the database as it was, so it is not known then.
   *
   * @param isQuiet - it is known that nothing is being iterated over
   */
  isAlone(isQuiet: boolean): boolean {
    if (this.isUnsafe || (!isQuiet && this.#isIterating())) return false
    const before = this.#dataVersion
    this.#dataVersion = this.#dataVersionStatement.get()
    return this.#dataVersion === before
  }

  /** From here on `isAlone` looks at what others do. No transaction is open. */
  watchOthers(): void {
    this.#dataVersion = this.#dataVersionStatement.get()
  }

  /** `run` is refused then. */
  #isIterating(): boolean {
    try {
      this.#dataVersionStatement.run()
      return false
    } catch {
      return true
    }
  }

  #readSettings(): StatementSettings {
    // They are read when a statement is prepared, so it has to be a new one.
    const isOn = (pragma: string): boolean => Number(this.#plain.prepare(`PRAGMA ${pragma}`).pluck().get()) === 1
    return {
      foreignKeys: isOn('foreign_keys'),
      deferForeignKeys: isOn('defer_foreign_keys'),
      recursiveTriggers: isOn('recursive_triggers'),
      caseSensitiveLike: Number(this.#plain.prepare("SELECT 'a' LIKE 'A'").pluck().get()) === 0,
      ignoreCheckConstraints: isOn('ignore_check_constraints'),
      reverseUnorderedSelects: isOn('reverse_unordered_selects'),
    }
  }
}

interface RunnableReader {
  run(): unknown
  get(): unknown
}
