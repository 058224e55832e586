import type { PureContext } from '../function-recorder.ts'
import type { DriverValue, SqliteConnection, SqliteDriver, SqliteStatement } from '../../sqlite/driver.ts'

/** SQLite's date and time functions, and how many arguments they take; undefined for any number. */
export const DATE_FUNCTIONS: ReadonlyMap<string, number | undefined> = new Map([
  ['current_date', 0],
  ['current_time', 0],
  ['current_timestamp', 0],
  ['date', undefined],
  ['datetime', undefined],
  ['julianday', undefined],
  ['strftime', undefined],
  ['time', undefined],
  ['timediff', 2],
  ['unixepoch', undefined],
])

/** Those that are another function of now. SQLite does not take them for deterministic. */
const OF_NOW: ReadonlyMap<string, string> = new Map([
  ['current_date', 'date'],
  ['current_time', 'time'],
  ['current_timestamp', 'datetime'],
])

/** True when a function of this name gives the same for the same arguments within a statement, as SQLite sees it. */
export function isDeterministicDate(name: string): boolean {
  return !OF_NOW.has(name)
}

const NOW = /^now$/i
/** In the place of a time these mean now as well, and have fractions of a second shown. */
const NOW_WITH_FRACTION = /^subsec(?:ond)?$/i
const AUTO = /^auto$/i
const ZONE = /^(?:localtime|utc)$/i

/** A call as it is worked out once the clock is a text. */
export interface DateCall {
  readonly function: string
  /** Where a text of `now` goes, and the arguments before and behind it. */
  readonly arguments: readonly (DriverValue | typeof CLOCK)[]
  /** It asks the clock or the time zone of the process. */
  readonly asks: boolean
}

const CLOCK: unique symbol = Symbol('clock')

/** Sees what a call asks for besides its arguments. */
export function readDateCall(name: string, values: readonly DriverValue[]): DateCall {
  const ofNow = OF_NOW.get(name)
  if (ofNow !== undefined) return { function: ofNow, arguments: [CLOCK], asks: true }
  // The place of the time, and of the modifiers behind it.
  const first = name === 'strftime' ? 1 : 0
  const times = name === 'timediff' ? 2 : 1
  if (values.length === first) return { function: name, arguments: [...values, CLOCK], asks: values.length > 0 || first === 0 }
  let asks = false
  let fraction: number | undefined
  const told: (DriverValue | typeof CLOCK)[] = []
  for (const [i, value] of values.entries()) {
    const text = i < first ? undefined : textOf(value)
    const isTime = i < first + times
    if (text === undefined || (isTime ? !NOW.test(text) && !NOW_WITH_FRACTION.test(text) : !ZONE.test(text))) {
      told.push(value)
      continue
    }
    asks = true
    told.push(isTime ? CLOCK : value)
    if (isTime && times === 1 && NOW_WITH_FRACTION.test(text)) fraction = told.length
  }
  // 'auto' must be the first modifier, and 'utc' may forget what came before it.
  if (fraction !== undefined) told.splice(fraction + (AUTO.test(textOf(values[first + 1] ?? null) ?? '') ? 1 : 0), 0, 'subsec')
  return { function: name, arguments: told, asks }
}

/** A value as a date function reads text: up to the first NUL. A number is none of the words that count. */
function textOf(value: DriverValue): string | undefined {
  if (typeof value === 'string') return upToNul(value)
  if (!(value instanceof Uint8Array) || value.byteLength > 16) return undefined
  return upToNul(String.fromCharCode(...value))
}

function upToNul(text: string): string {
  const end = text.indexOf('\u0000')
  return end < 0 ? text : text.slice(0, end)
}

/** SQLite's date and time functions, by SQLite itself, for a clock that is given. */
export class DateFunctions {
  readonly #connection: SqliteConnection
  readonly #statements = new Map<string, SqliteStatement>()
  readonly #pureTables = new Map<string, PureTable>()

  constructor(driver: SqliteDriver) {
    this.#connection = driver.open(':memory:', { mustExist: false })
  }

  /**
   * @param now - milliseconds since 1970; asked at most once
   * @throws what SQLite throws
   */
  evaluate(call: DateCall, now: () => number): DriverValue {
    let clock: string | undefined
    const values = call.arguments.map((value) => (value === CLOCK ? (clock ??= new Date(now()).toISOString()) : value))
    const key = `${call.function} ${values.length}`
    let statement = this.#statements.get(key)
    if (statement === undefined) {
      statement = this.#connection.prepare(`SELECT ${call.function}(${values.map(() => '?').join(', ')}) AS value`)
      this.#statements.set(key, statement)
    }
    return statement.get(...values)?.['value'] ?? null
  }

  /**
   * Has SQLite work a call out in such a place. Words that ask do not always come to it: behind a time that is none, a modifier is not read.
   *
   * @throws what SQLite throws when the call asks clock or time zone
   */
  checkPure(name: string, values: readonly DriverValue[], context: PureContext): void {
    const key = `${context} ${name} ${values.length}`
    let table = this.#pureTables.get(key)
    if (table === undefined) {
      table = openPureTable(this.#connection, { table: `pure${this.#pureTables.size}`, name, count: values.length, context })
      this.#pureTables.set(key, table)
    }
    table.insert.run(...values)
    table.clear.run()
  }

  /** @throws what SQLite throws when it has no blobs of that length */
  checkBlobSize(length: bigint): void {
    // It is filled with zeros when somebody looks at it, which nobody does.
    this.evaluateSql('SELECT length(zeroblob(?)) AS value', length)
  }

  /** The integer that SQLite takes a value for. */
  integerOf(value: DriverValue): bigint {
    return this.evaluateSql('SELECT CAST(? AS INTEGER) AS value', value) as bigint
  }

  evaluateSql(sql: string, value: DriverValue): DriverValue {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#connection.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement.get(value)?.['value'] ?? null
  }

  close(): void {
    this.#connection.close()
  }
}

/** A table, empty at most times, whose rows have a call worked out where it may ask neither clock nor time zone. */
interface PureTable {
  readonly insert: SqliteStatement
  readonly clear: SqliteStatement
}

interface PureTableOptions {
  readonly table: string
  readonly name: string
  /** Arguments of the call. */
  readonly count: number
  readonly context: PureContext
}

function openPureTable(connection: SqliteConnection, { table, name, count, context }: PureTableOptions): PureTable {
  // Without types no value is converted. The last column is there for calls without arguments.
  const columns = Array.from({ length: count + 1 }, (_, i) => `a${i}`)
  const call = `${name}(${columns.slice(0, -1).join(', ')})`
  const own: Readonly<Record<PureContext, string>> = {
    check: `, CHECK (${call} IS NULL OR a${count} IS NULL)`,
    'generated-column': `, g AS (${call}) STORED`,
    index: '',
  }
  connection.exec(`CREATE TABLE ${table} (${columns.join(', ')}${own[context]})`)
  if (context === 'index') connection.exec(`CREATE INDEX ${table}_index ON ${table} (${call})`)
  const values = columns.map((_, i) => (i < count ? '?' : 'NULL')).join(', ')
  return {
    insert: connection.prepare(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${values})`),
    clear: connection.prepare(`DELETE FROM ${table}`),
  }
}
