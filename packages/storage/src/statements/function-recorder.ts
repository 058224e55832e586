import type { RecordedValues } from '@stemma/log'
import type { UserFunction } from '../source/gated-database.ts'

/** Knows what functions gave while a statement ran, and changes nothing about what they give. */
export interface FunctionRecorder {
  /** SQLite's own functions that it has put itself in front of, in lower case. */
  readonly names: ReadonlySet<string>
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
