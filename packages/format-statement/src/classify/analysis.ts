import type { Select } from 'sqlite3-parser'
import type { SchemaFacts } from './schema-facts.ts'
import type { Scope } from './scope.ts'
import type { SelectFacts } from './select-facts.ts'
import type { Place, Report } from './verdict.ts'

/**
 * What the rows of a SELECT are for:
 * - `rows`: they are looked at one by one, in no order that counts;
 * - `list`: the same, and the caller asks whether their order is fixed;
 * - `set`: only which values there are counts, as in IN;
 * - `exists`: only whether there are any counts;
 * - `scalar`: only the first counts.
 */
export type Use = 'rows' | 'list' | 'set' | 'exists' | 'scalar'

/** What all rules share while one statement is looked at. */
export interface Analysis {
  readonly schema: SchemaFacts
  readonly userFunctions: ReadonlySet<string>
  readonly recordableFunctions: ReadonlySet<string>
  readonly report: Report
  /** The SQL that places are in: the statement's, a view's or a trigger's. */
  readonly text: string
  /** Functions that were seen in the SQL, so that those which only SQLite's program shows can be told. */
  readonly seenFunctions: Set<string>
  /** Tables that were read in a FROM clause or behind IN. */
  readonly reads: Set<string>
  /** Virtual tables that were read. */
  readonly virtualTables: Set<string>
  /** How often, and in which order, what is being looked at is worked out: a value that is drawn may come to another row. */
  readonly draws: 'once' | 'varying'
  /** The SQL is of the schema itself, which SQLite has accepted before. */
  readonly isSchema: boolean
  readonly depth: number
  /** Looks at a SELECT and says what is known of its rows. */
  select(analysis: Analysis, select: Select, place: { readonly outer: Scope | undefined; readonly use: Use }): SelectFacts
}

/** The same analysis, inside of something else that stands elsewhere. */
export function through(
  analysis: Analysis,
  what: string,
  { place, text }: { readonly place: Place; readonly text: string },
): Analysis {
  return { ...analysis, report: analysis.report.through(what, place), text, isSchema: true, depth: analysis.depth + 1 }
}

export function drawing(analysis: Analysis, draws: Analysis['draws']): Analysis {
  return analysis.draws === draws || analysis.draws === 'varying' ? analysis : { ...analysis, draws }
}
