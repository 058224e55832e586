import type { Key } from './table-facts.ts'
import type { NamedFacts } from './value-facts.ts'

/** What is known of the rows that a SELECT gives. */
export interface SelectFacts {
  readonly columns: readonly NamedFacts[]
  readonly keys: readonly Key[]
  /** It gives one row at most. */
  readonly isSingle: boolean
  /** Equal tables make it give equal rows in the same order, whatever indexes there are. */
  readonly isOrdered: boolean
  /** Its rows can't be listed: a virtual table, or itself in a recursive table. */
  readonly isOpen: boolean
}
