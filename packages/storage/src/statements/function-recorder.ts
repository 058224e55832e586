import type { RecordedValues } from '@stemma/log'
import type { UserFunction } from '../source/gated-database.ts'

/**
 * A place where SQLite takes only what gives the same again: its date and time functions fail there once they ask clock or time zone.
 *
 * @see sqlite3NotPureFunc in SQLite's vdbeaux.c
 */
export type PureContext = 'check' | 'generated-column' | 'index'

/** Functions by name, in lower case, that a statement calls in such places only. */
export type PureCalls = ReadonlyMap<string, PureContext>

/** Knows what functions gave while a statement ran, and changes nothing about what they give. */
export interface FunctionRecorder {
  /** SQLite's own functions that it has put itself in front of, in lower case. */
  readonly names: ReadonlySet<string>
  /** What runs from here on calls these only where SQLite's own may ask neither clock nor time zone: they fail as those do. */
  guard(calls: PureCalls | undefined): void
  /** A statement is about to run. */
  begin(): void
  /** It has run, or failed; `connection` is left undefined. Undefined when that is not enough to run it again. */
  take(): RecordedValues | undefined
  /**
   * Has calls of a function of the program recorded too.
   *
   * @param isDeterministic - as it is registered
   */
  wrap<F extends UserFunction>(name: string, fn: F, isDeterministic: boolean): F
  close(): void
}
