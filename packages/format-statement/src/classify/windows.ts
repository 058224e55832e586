import type { Expr, Over, Window, WindowDef } from 'sqlite3-parser'
import type { Scope } from './scope.ts'
import { fold } from './syntax.ts'

export interface WindowTerms {
  /** What rows are partitioned and ordered by. */
  readonly terms: readonly Expr[]
  /** The frame is so many rows, whether or not they tie. */
  readonly countsRows: boolean
}

const DEFINITIONS = new WeakMap<Scope, readonly WindowDef[]>()

/** Makes the WINDOW clause of a SELECT known to the calls in it. */
export function defineWindows(scope: Scope, definitions: readonly WindowDef[] | undefined): void {
  if (definitions !== undefined) DEFINITIONS.set(scope, definitions)
}

/** @returns undefined when the window is not defined. */
export function windowTerms(over: Over, scope: Scope): WindowTerms | undefined {
  return over.type === 'WindowOver' ? termsOf(over.window, scope) : named(over.name.text, scope)
}

function named(name: string, scope: Scope): WindowTerms | undefined {
  const found = DEFINITIONS.get(scope)?.find((each) => fold(each.name.text) === fold(name))
  return found === undefined ? undefined : termsOf(found.window, scope)
}

function termsOf({ base, partitionBy = [], orderBy = [], frameClause }: Window, scope: Scope): WindowTerms | undefined {
  const below = base === undefined ? { terms: [], countsRows: false } : named(base.text, scope)
  if (below === undefined) return undefined
  const terms = [...below.terms, ...partitionBy, ...orderBy.map(({ expr }) => expr)]
  // Without a peer the rows of a frame can be told by value; EXCLUDE CURRENT ROW tells ties apart.
  const countsRows = frameClause?.mode === 'Rows' || frameClause?.exclude === 'CurrentRow' || frameClause?.exclude === 'Ties'
  return { terms, countsRows: below.countsRows || countsRows }
}
