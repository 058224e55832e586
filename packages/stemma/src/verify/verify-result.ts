import type { Position } from '@stemma/base'

/** What came of comparing a copy with its leader at one position. */
export type VerifyResult =
  | { readonly kind: 'same'; readonly position: Position; readonly tables: number; readonly rows: number }
  | ({ readonly kind: 'differs'; readonly position: Position } & FoundDifference)

/** The first difference that was found. */
export interface FoundDifference {
  /** The table, or another object of the schema; undefined for a copy by pages, whose pages are not looked into. */
  readonly name: string | undefined
  /** What is wrong, for people. */
  readonly what: string
  /** The row as the leader has it, as JSON by column names; undefined when it has none, or no row was told. */
  readonly leader?: string | undefined
  /** The row as the copy has it. */
  readonly copy?: string | undefined
}
