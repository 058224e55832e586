import { type Finding, SAFETIES, STATEMENT_CODES, type Safety } from '@stemma/format-statement'
import type { Screen } from './screen.ts'

/** Which findings are shown, and which count. */
export interface LintLevel {
  readonly failOn: Safety
  readonly all?: boolean
}

/** The findings to be shown, and whether one of them is as bad as what the exit code tells. */
export function shownFindings(
  findings: readonly Finding[],
  { failOn, all }: LintLevel,
): { readonly shown: readonly Finding[]; readonly fails: boolean } {
  const shown = findings.filter(({ safety }) => all === true || isAtLeast(safety, 'record'))
  return { shown, fails: shown.some(({ safety }) => isAtLeast(safety, failOn)) }
}

function isAtLeast(safety: Safety, least: Safety): boolean {
  return SAFETIES.indexOf(safety) >= SAFETIES.indexOf(least)
}

/** One finding, and where it was found. */
export interface PlacedFinding {
  /** Such as a file with line and column, both from 1. */
  readonly place: (line: number, column: number) => string
  /** More to say of the place. */
  readonly about?: string
  /** The fields of its record that are about the place. */
  readonly record: Readonly<Record<string, unknown>>
  /** What lines and columns are counted in. */
  readonly text: string
  /** Where the statement begins in it, in UTF-16 code units. */
  readonly start: number
  readonly sql: string
  readonly finding: Finding
  readonly isNote: boolean
}

/** Prints a finding: its place and code, why it is one, and what to write instead. */
export function printFinding(screen: Screen, { place, about, record, text, start, sql, finding, isNote }: PlacedFinding): void {
  const { code, safety, through, detail } = finding
  const { why, instead } = STATEMENT_CODES[code]
  const from = lineAndColumn(text, start + finding.start)
  const to = lineAndColumn(text, start + finding.end)
  const excerpt = sql.slice(finding.start, finding.end)
  screen.record({
    event: 'finding',
    ...record,
    line: from.line,
    column: from.column,
    endLine: to.line,
    endColumn: to.column,
    code,
    safety,
    note: isNote,
    through: through ?? null,
    detail: detail ?? null,
    why,
    instead,
    sql: excerpt,
  })
  const way = through === undefined ? '' : `, through ${through}`
  screen.line(`${place(from.line, from.column)}: ${code} (${isNote ? 'note' : safety}): ${firstLine(excerpt)}${way}`)
  if (about !== undefined) screen.line(`    ${firstLine(sql)} (${about})`)
  screen.line(`    ${why}${detail === undefined || code !== 'SQL_ERROR' ? '' : ` (${detail})`}`)
  screen.line(`    instead: ${instead}`)
}

/** How much of a statement is shown. */
const EXCERPT_MAX = 60

function firstLine(sql: string): string {
  const line = sql.replace(/\s+/g, ' ').trim()
  return line.length <= EXCERPT_MAX ? line : `${line.slice(0, EXCERPT_MAX - 1)}…`
}

/** From 1, columns in UTF-16 code units, as editors count them. */
function lineAndColumn(text: string, at: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, at)
  return { line: before.split('\n').length, column: at - before.lastIndexOf('\n') }
}
