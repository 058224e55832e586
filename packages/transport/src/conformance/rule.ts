import type { Bench } from './bench.ts'
import type { Transport } from './transport.ts'

/** One promise that every link keeps, and how it is tried. */
export interface Rule {
  /** Never changed, never given twice: issues, documents and other people's tests point at it. */
  readonly id: RuleId
  /** The promise in one sentence, as `SPEC.md` says it. */
  readonly says: string
  /** Why the rule is not for such a transport; undefined when it is. */
  notFor?(transport: Transport): string | undefined
  /** Tries it. Throws when the promise is broken. */
  check(bench: Bench): Promise<void>
}

/** The number of a rule. */
export type RuleId = `TR-${number}`
