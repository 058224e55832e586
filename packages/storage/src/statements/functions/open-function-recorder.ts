import type { RecordedCall, RecordedValues } from '@stemma/log'
import { betterSqlite3 } from '../../sqlite/better-sqlite3.ts'
import type { DriverValue, SqliteDriver } from '../../sqlite/driver.ts'
import type { PureCalls } from '../function-recorder.ts'
import { DATE_FUNCTIONS, DateFunctions, isDeterministicDate, readDateCall } from './date-functions.ts'
import { RandomValues } from './random-values.ts'
import { CALLS_MAX, CALL_BYTES_MAX, RANDOM_FUNCTIONS, bytesOfCall, keptValue, keyOfCall } from './recorded-calls.ts'

/** A connection whose functions can be replaced, in the manner of better-sqlite3. */
export interface FunctionTarget {
  function(
    name: string,
    options: { readonly varargs?: boolean; readonly deterministic?: boolean; readonly safeIntegers?: boolean },
    call: (...values: DriverValue[]) => DriverValue,
  ): void
}

/** By what results of functions are recorded. */
export interface FunctionRecorderOptions {
  readonly driver?: SqliteDriver
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/** A function of a program, as it gives it to its connection. */
// oxlint-disable-next-line typescript/no-explicit-any
type ProgramFunction = (...values: any[]) => any

/** What a statement has called so far. */
interface Recording {
  readonly drawn: RecordedCall[]
  readonly told: Map<string, RecordedCall>
  bytes: number
  /** More was called than is recorded, or something that can't be. */
  isLost: boolean
  now: number | undefined
}

/**
 * Replaces SQLite's functions that ask dice, clock and time zone on one connection by others that give just the same, and can tell afterwards
 * what they gave while a statement ran.
 *
 * SQLite itself works out dates, on a connection of ours, with the moment in the place of 'now'. A statement has one moment, as it has with
 * SQLite; outside of `begin` and `take` each call has its own.
 */
export function openFunctionRecorder(target: FunctionTarget, options: FunctionRecorderOptions = {}): OpenFunctionRecorder {
  return new OpenFunctionRecorder(target, options)
}

/** See `openFunctionRecorder`. */
export class OpenFunctionRecorder {
  /** SQLite's own functions that were replaced, in lower case. */
  readonly names: ReadonlySet<string> = new Set([...DATE_FUNCTIONS.keys(), ...RANDOM_FUNCTIONS.keys()])
  readonly #now: () => number
  readonly #dates: DateFunctions
  readonly #random = new RandomValues()
  #recording: Recording | undefined
  #pureCalls: PureCalls | undefined

  constructor(target: FunctionTarget, { driver = betterSqlite3, now = Date.now }: FunctionRecorderOptions) {
    this.#now = now
    this.#dates = new DateFunctions(driver)
    target.function('random', { safeIntegers: true }, () => this.#drawn('random', [], this.#random.integer()))
    target.function('randomblob', { safeIntegers: true }, (length: DriverValue) =>
      this.#drawn(
        'randomblob',
        [length],
        this.#random.blob(this.#dates.integerOf(length), (size) => this.#dates.checkBlobSize(size)),
      ),
    )
    for (const [name, count] of DATE_FUNCTIONS) {
      const call = (...values: DriverValue[]): DriverValue => this.#date(name, values)
      Object.defineProperty(call, 'length', { value: count ?? 0 })
      const how = { varargs: count === undefined, deterministic: isDeterministicDate(name), safeIntegers: true }
      target.function(name, how, call)
    }
  }

  /** What runs from here on calls these only where SQLite's own may ask neither clock nor time zone: they fail as those do. */
  guard(calls: PureCalls | undefined): void {
    this.#pureCalls = calls
  }

  /** A statement is about to run. */
  begin(): void {
    this.#recording = { drawn: [], told: new Map(), bytes: 0, isLost: false, now: undefined }
  }

  /** It has run, or failed. Undefined when what was recorded is not enough to run it again. */
  take(): RecordedValues | undefined {
    const recording = this.#recording
    this.#recording = undefined
    if (recording === undefined || recording.isLost) return undefined
    return { drawn: recording.drawn, told: [...recording.told.values()], connection: undefined }
  }

  /**
   * Has the calls of a function of the program recorded too.
   *
   * @param isDeterministic - as it is registered: the same arguments then give the same, so its calls need not be told in order
   */
  wrap<F extends ProgramFunction>(name: string, fn: F, isDeterministic = false): F {
    const lower = name.toLowerCase()
    const wrapped = (...values: unknown[]): unknown => {
      const result: unknown = fn(...values)
      const recording = this.#recording
      if (recording === undefined) return result
      const kept = [...values, result].map(keptValue)
      if (kept.includes(undefined)) recording.isLost = true
      else {
        const call = { function: lower, arguments: kept.slice(0, -1) as DriverValue[], value: kept.at(-1) as DriverValue }
        if (isDeterministic) this.#tell(recording, keyOfCall(lower, values, false), call)
        else this.#draw(recording, call)
      }
      return result
    }
    return Object.defineProperty(wrapped, 'length', { value: fn.length }) as F
  }

  close(): void {
    this.#dates.close()
  }

  #drawn(name: string, values: readonly DriverValue[], value: DriverValue): DriverValue {
    const recording = this.#recording
    if (recording !== undefined)
      this.#draw(recording, { function: name, arguments: values.map((each) => keptValue(each) ?? null), value })
    return value
  }

  #date(name: string, values: readonly DriverValue[]): DriverValue {
    const call = readDateCall(name, values)
    const context = call.asks ? this.#pureCalls?.get(name) : undefined
    if (context !== undefined) this.#dates.checkPure(name, values, context)
    const recording = this.#recording
    if (recording === undefined || !call.asks) return this.#dates.evaluate(call, this.#now)
    const value = this.#dates.evaluate(call, () => (recording.now ??= this.#now()))
    const told = { function: name, arguments: values.map((each) => keptValue(each) ?? null), value }
    this.#tell(recording, keyOfCall(name, values, true), told)
    return value
  }

  #draw(recording: Recording, call: RecordedCall): void {
    if (this.#fits(recording, call)) recording.drawn.push(call)
  }

  #tell(recording: Recording, key: string, call: RecordedCall): void {
    if (recording.told.has(key) || !this.#fits(recording, call)) return
    recording.told.set(key, call)
  }

  #fits(recording: Recording, call: RecordedCall): boolean {
    recording.bytes += bytesOfCall(call)
    const count = recording.drawn.length + recording.told.size
    if (count >= CALLS_MAX || recording.bytes > CALL_BYTES_MAX) recording.isLost = true
    return !recording.isLost
  }
}
