import type { AskedConnections } from './asked-connections.ts'
import type { JudgeStatement } from './statement-judge.ts'

/** Knows by which schema statements are judged. */
export class SchemaEdition {
  readonly #asked: AskedConnections
  readonly #mainVersion: JudgeStatement
  readonly #tempVersion: JudgeStatement
  #schemaVersion: number | undefined
  #temp: number | undefined
  #number = 1
  #words: { readonly edition: number; readonly sql: string } | undefined

  constructor(asked: AskedConnections) {
    this.#asked = asked
    this.#mainVersion = asked.prepare('PRAGMA main.schema_version')
    this.#tempVersion = asked.prepare('PRAGMA temp.schema_version')
  }

  /** Another number whenever the schemas of main and TEMP, or anything else that verdicts hang on, may be others. */
  get number(): number {
    return this.#number
  }

  /** The schema cookie that is believed. */
  get schemaVersion(): number {
    if (this.#schemaVersion === undefined) this.refresh()
    return this.#schemaVersion!
  }

  /**
   * Reads what the schema is now.
   *
   * @returns true when the main database's is another one
   */
  refresh(): boolean {
    const main = versionIn(this.#mainVersion)
    const temp = versionIn(this.#tempVersion)
    const isOther = main !== this.#schemaVersion
    if (temp !== this.#temp)
      this.#asked.hasTemp = this.#asked.prepare('SELECT 1 FROM temp.sqlite_schema LIMIT 1').get() !== undefined
    if (isOther || temp !== this.#temp) this.#number++
    this.#schemaVersion = main
    this.#temp = temp
    return isOther
  }

  /** Something else that verdicts hang on has changed. */
  renew(): void {
    this.#number++
  }

  /** What is believed need not hold any more: it is read when it is next asked for. */
  forget(): void {
    this.#schemaVersion = undefined
    this.#temp = undefined
    this.#number++
  }

  /** Whether the SQL of anything in the schemas of main and TEMP says this. */
  says(what: RegExp): boolean {
    if (this.#words?.edition !== this.#number) {
      const sqlOf = (schema: string): unknown[] =>
        this.#asked.prepare(`SELECT sql FROM ${schema}.sqlite_schema WHERE sql IS NOT NULL`).raw().all()
      this.#words = { edition: this.#number, sql: [...sqlOf('main'), ...sqlOf('temp')].join('\n') }
    }
    return what.test(this.#words.sql)
  }
}

function versionIn(statement: JudgeStatement): number {
  return Number((statement.get() as { readonly schema_version: number | bigint }).schema_version)
}
