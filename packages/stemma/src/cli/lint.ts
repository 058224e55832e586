import { readFileSync } from 'node:fs'
import { StemmaError } from '@stemma/base'
import { type Finding, SAFETIES, STATEMENT_CODES, type Safety } from '@stemma/format-statement'
import { type Linted, openLinter } from '../lint/linter.ts'
import type { Context } from './context.ts'
import { EXIT, type ExitCode } from './exit-code.ts'
import { showMany } from './quantity.ts'
import { type Screen, openScreen } from './screen.ts'
import { readTextFile } from './token.ts'

/** The options of `stemma lint`, as they were typed. */
export interface LintFlags {
  readonly database?: string
  readonly failOn: Safety
  readonly all?: boolean
  readonly json?: boolean
}

/** Says of each statement whether it can be replicated as text, why not, and what to write instead. */
export async function lint(files: readonly string[], flags: LintFlags, context: Context): Promise<ExitCode> {
  if (files.length === 0 && flags.database === undefined) {
    throw new StemmaError('BAD_ARGUMENT', 'nothing to look at: name SQL files, - for standard input, or --database', {})
  }
  const texts = files.map((file) => ({ file, text: file === '-' ? readFileSync(0, 'utf8') : readTextFile(file, 'stemma lint') }))
  const screen = openScreen(context.output, flags.json === true)
  const linter = openLinter(flags.database)
  const tally = { statements: 0, complaints: 0, failures: 0 }
  const report = (linted: Linted, place: { readonly file: string; readonly text: string; readonly object?: string }): void => {
    tally.statements++
    const shown = linted.findings.filter(({ safety }) => flags.all === true || isAtLeast(safety, 'record'))
    const fails = shown.filter(({ safety }) => !linted.isNote && isAtLeast(safety, flags.failOn))
    tally.complaints += shown.length
    if (fails.length > 0) tally.failures++
    for (const finding of shown) print(screen, { ...place, linted, finding })
  }
  try {
    for (const missing of linter.missing) context.errors.write(`stemma: not looked at: ${missing}\n`)
    // With nothing else to look at, the schema itself is what is asked about.
    const { database } = flags
    if (database !== undefined && files.length === 0) {
      for (const each of linter.lintSchema()) report(each, { file: database, text: each.sql, object: each.name })
    }
    for (const { file, text } of texts) for (const each of linter.lintScript(text)) report(each, { file, text })
  } finally {
    linter.close()
  }
  screen.record({ event: 'done', ...tally })
  screen.line(summary(tally))
  return tally.failures === 0 ? EXIT.fine : EXIT.differs
}

function isAtLeast(safety: Safety, least: Safety): boolean {
  return SAFETIES.indexOf(safety) >= SAFETIES.indexOf(least)
}

interface Complaint {
  readonly file: string
  readonly text: string
  readonly object?: string
  readonly linted: Linted
  readonly finding: Finding
}

function print(screen: Screen, { file, text, object, linted, finding }: Complaint): void {
  const { code, safety, through, detail } = finding
  const { why, instead } = STATEMENT_CODES[code]
  const from = lineAndColumn(text, linted.start + finding.start)
  const to = lineAndColumn(text, linted.start + finding.end)
  const excerpt = linted.sql.slice(finding.start, finding.end)
  screen.record({
    event: 'finding',
    file,
    object: object ?? null,
    line: from.line,
    column: from.column,
    endLine: to.line,
    endColumn: to.column,
    code,
    safety,
    note: linted.isNote,
    through: through ?? null,
    detail: detail ?? null,
    why,
    instead,
    sql: excerpt,
  })
  const place = `${file}${object === undefined ? '' : ` (${object})`}:${from.line}:${from.column}`
  const way = through === undefined ? '' : `, through ${through}`
  screen.line(`${place}: ${code} (${linted.isNote ? 'note' : safety}): ${firstLine(excerpt)}${way}`)
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

function summary({
  statements,
  complaints,
  failures,
}: {
  readonly statements: number
  readonly complaints: number
  readonly failures: number
}): string {
  if (complaints === 0) return `${showMany(statements, 'statement')}, all safe to replicate as text`
  return `${showMany(statements, 'statement')}, ${failures} not safe to replicate as text`
}
