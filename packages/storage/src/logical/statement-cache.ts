import type { SqliteConnection, SqliteStatement } from '../sqlite/driver.ts'

const STATEMENTS_MAX = 256
/** Longer texts, in UTF-16 code units, are scripts that run once. */
const LENGTH_MAX = 32 * 1024

/** A statement of the leader's, prepared on the copy. */
export interface CachedStatement {
  readonly statement: SqliteStatement
  /** True for INSERT, UPDATE, DELETE and REPLACE: `changes()` says something of no other. */
  readonly isCounted: boolean
}

/** Prepared statements by their text; the ones that ran last are kept. */
export class StatementCache {
  readonly #connection: SqliteConnection
  readonly #statements = new Map<string, CachedStatement>()
  #last: CachedStatement | undefined
  #lastSql = ''

  constructor(connection: SqliteConnection) {
    this.#connection = connection
  }

  /** @throws what the driver throws */
  get(sql: string): CachedStatement {
    if (sql === this.#lastSql && this.#last !== undefined) return this.#last
    let cached = this.#statements.get(sql)
    if (cached === undefined) cached = { statement: this.#connection.prepare(sql), isCounted: isCounted(sql) }
    else this.#statements.delete(sql)
    if (sql.length <= LENGTH_MAX) {
      this.#statements.set(sql, cached)
      if (this.#statements.size > STATEMENTS_MAX) this.#statements.delete(this.#statements.keys().next().value ?? '')
      this.#lastSql = sql
      this.#last = cached
    }
    return cached
  }
}

/** The first word of a statement, in upper case. */
export function firstWord(sql: string): string {
  return /^(?:\s|;|--[^\n]*(?:\n|$)|\/\*[^]*?\*\/)*([a-z]+)/i.exec(sql)?.[1]?.toUpperCase() ?? ''
}

function isCounted(sql: string): boolean {
  return ['INSERT', 'UPDATE', 'DELETE', 'REPLACE', 'WITH'].includes(firstWord(sql))
}
