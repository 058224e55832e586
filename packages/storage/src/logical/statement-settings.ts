import type { StatementSettings } from '@stemma/log'
import type { SqliteConnection } from '../sqlite/driver.ts'

/** The PRAGMAs that can be set at any time. `foreign_keys` takes effect outside of transactions only. */
const PRAGMAS: readonly (readonly [keyof StatementSettings, string])[] = [
  ['deferForeignKeys', 'defer_foreign_keys'],
  ['recursiveTriggers', 'recursive_triggers'],
  ['caseSensitiveLike', 'case_sensitive_like'],
  ['ignoreCheckConstraints', 'ignore_check_constraints'],
  ['reverseUnorderedSelects', 'reverse_unordered_selects'],
]

/** Brings a connection's settings to what statements need. */
export class ConnectionSettings {
  readonly #connection: SqliteConnection
  /** What it has now. */
  #now: Record<keyof StatementSettings, boolean>
  /** What was asked for last: most often the same again. */
  #last: StatementSettings | undefined

  /** Sets all that it keeps track of. Not within a transaction. */
  constructor(connection: SqliteConnection) {
    this.#connection = connection
    this.#now = {
      foreignKeys: false,
      deferForeignKeys: false,
      recursiveTriggers: false,
      caseSensitiveLike: false,
      ignoreCheckConstraints: false,
      reverseUnorderedSelects: false,
    }
    this.#pragma('foreign_keys', false)
    for (const [, pragma] of PRAGMAS) this.#pragma(pragma, false)
  }

  get foreignKeys(): boolean {
    return this.#now.foreignKeys
  }

  /** Not within a transaction. */
  setForeignKeys(on: boolean): void {
    if (on === this.#now.foreignKeys) return
    this.#pragma('foreign_keys', on)
    this.#now.foreignKeys = on
  }

  /** Before each statement: all but `foreignKeys`. */
  bringTo(settings: StatementSettings): void {
    if (settings === this.#last) return
    for (const [name, pragma] of PRAGMAS) {
      if (settings[name] === this.#now[name]) continue
      this.#pragma(pragma, settings[name])
      this.#now[name] = settings[name]
    }
    this.#last = settings
  }

  /** A transaction ended: `defer_foreign_keys` is off again. */
  ended(): void {
    if (!this.#now.deferForeignKeys) return
    this.#now.deferForeignKeys = false
    this.#last = undefined
  }

  #pragma(pragma: string, on: boolean): void {
    this.#connection.exec(`PRAGMA ${pragma} = ${on ? 'ON' : 'OFF'}`)
  }
}
