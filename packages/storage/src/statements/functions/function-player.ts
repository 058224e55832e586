import type { RecordedCall, RecordedValues } from '@stemma/log'
import type { DriverValue, SqliteConnection, SqliteDriver } from '../../sqlite/driver.ts'
import { DATE_FUNCTIONS, DateFunctions, isDeterministicDate, readDateCall } from './date-functions.ts'
import { RANDOM_FUNCTIONS, keyOfCall } from './recorded-calls.ts'

/** What functions give while a statement runs again. */
interface Playing {
  readonly recorded: RecordedValues
  readonly told: ReadonlyMap<string, RecordedCall>
  /** The next of the drawn calls. */
  next: number
}

const NOTHING: RecordedValues = { drawn: [], told: [], connection: undefined }

/**
 * Replaces SQLite's functions that ask dice, clock, time zone and the connection, and those of the program that were recorded, by what they gave on
 * the leader. A call that was not made there fails the statement.
 */
export class FunctionPlayer {
  readonly #connection: SqliteConnection
  readonly #dates: DateFunctions
  readonly #defined = new Set<string>()
  #playing: Playing = { recorded: NOTHING, told: new Map(), next: 0 }

  constructor(connection: SqliteConnection, driver: SqliteDriver) {
    this.#connection = connection
    this.#dates = new DateFunctions(driver)
    for (const [name, argumentCount] of RANDOM_FUNCTIONS) {
      this.#defined.add(name)
      connection.define(name, { argumentCount, isDeterministic: false }, () => this.#draw(name))
    }
    for (const [name, argumentCount] of DATE_FUNCTIONS) {
      this.#defined.add(name)
      const how = { argumentCount, isDeterministic: isDeterministicDate(name) }
      connection.define(name, how, (...values) => this.#date(name, values))
    }
    connection.define('total_changes', { argumentCount: 0, isDeterministic: false }, () => this.#totalChanges())
  }

  /** A statement is about to be prepared and run. Without recorded values, no function may ask for any. */
  begin(recorded: RecordedValues = NOTHING): void {
    const told = new Map<string, RecordedCall>()
    for (const call of recorded.told) {
      const isStrict = DATE_FUNCTIONS.has(call.function)
      if (!isStrict) this.#define(call.function, true)
      told.set(keyOfCall(call.function, call.arguments, isStrict), call)
    }
    for (const call of recorded.drawn) this.#define(call.function, false)
    this.#playing = { recorded, told, next: 0 }
  }

  /** @throws Error when the leader's statement drew more values than this one */
  end(): void {
    const { recorded, next } = this.#playing
    const call = recorded.drawn[next]
    if (call !== undefined)
      throw new Error(`${call.function}() was called ${next} times here, ${recorded.drawn.length} times there`)
  }

  close(): void {
    this.#dates.close()
  }

  /** Defines a function of the program's of which only the name is known: it was not called. False when it was defined before. */
  defineUncalled(name: string): boolean {
    if (this.#defined.has(name)) return false
    this.#define(name, false)
    return true
  }

  /** A function of the program's. */
  #define(name: string, isDeterministic: boolean): void {
    if (this.#defined.has(name)) return
    this.#defined.add(name)
    this.#connection.define(name, { argumentCount: undefined, isDeterministic }, (...values) => {
      const told = this.#playing.told.get(keyOfCall(name, values, false))
      return told === undefined ? this.#draw(name) : told.value
    })
  }

  #draw(name: string): DriverValue {
    const call = this.#playing.recorded.drawn[this.#playing.next++]
    if (call?.function === name) return call.value
    throw new Error(`${name}() is called here; on the leader ${call === undefined ? 'nothing more' : `${call.function}()`} was`)
  }

  #date(name: string, values: readonly DriverValue[]): DriverValue {
    const call = readDateCall(name, values)
    if (!call.asks) return this.#dates.evaluate(call, () => 0)
    const told = this.#playing.told.get(keyOfCall(name, values, true))
    if (told !== undefined) return told.value
    throw new Error(`${name}() asks clock or time zone with arguments that it did not have on the leader`)
  }

  #totalChanges(): DriverValue {
    const { connection } = this.#playing.recorded
    if (connection === undefined) throw new Error('total_changes() is called here, but was not recorded on the leader')
    return BigInt(connection.totalChanges)
  }
}
