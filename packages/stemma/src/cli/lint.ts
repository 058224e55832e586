import { readFileSync } from 'node:fs'
import { StemmaError } from '@stemma/base'
import { type Linted, openLinter } from '../lint/linter.ts'
import type { Context } from './context.ts'
import { EXIT, type ExitCode } from './exit-code.ts'
import { printFinding, shownFindings, type LintLevel } from './finding-text.ts'
import { lintLogOf } from './lint-log.ts'
import { showMany } from './quantity.ts'
import { openScreen } from './screen.ts'
import { readTextFile } from './token.ts'

/** The options of `stemma lint`, as they were typed. */
export interface LintFlags extends LintLevel {
  readonly database?: string
  readonly log?: boolean
  readonly json?: boolean
}

/** Says of each statement whether it can be replicated as text, why not, and what to write instead. */
export async function lint(files: readonly string[], flags: LintFlags, context: Context): Promise<ExitCode> {
  const { database } = flags
  if (flags.log === true) {
    if (database !== undefined && files.length === 0) return await lintLogOf(database, flags, context)
    throw new StemmaError('BAD_ARGUMENT', '--log looks at what a leader has run: it goes with --database, and with no files')
  }
  if (files.length === 0 && database === undefined) {
    throw new StemmaError('BAD_ARGUMENT', 'nothing to look at: name SQL files, - for standard input, or --database', {})
  }
  const texts = files.map((file) => ({ file, text: file === '-' ? readFileSync(0, 'utf8') : readTextFile(file, 'stemma lint') }))
  const screen = openScreen(context.output, flags.json === true)
  const linter = openLinter(database)
  const tally = { statements: 0, complaints: 0, failures: 0 }
  const report = (linted: Linted, place: { readonly file: string; readonly text: string; readonly object?: string }): void => {
    const { sql, start, isNote } = linted
    const { file, text, object } = place
    const { shown, fails } = shownFindings(linted.findings, flags)
    tally.statements++
    tally.complaints += shown.length
    if (fails && !isNote) tally.failures++
    const what = `${file}${object === undefined ? '' : ` (${object})`}`
    const shownPlace = (line: number, column: number): string => `${what}:${line}:${column}`
    const record = { file, object: object ?? null }
    for (const finding of shown) printFinding(screen, { place: shownPlace, record, text, start, sql, finding, isNote })
  }
  try {
    for (const missing of linter.missing) context.errors.write(`stemma: not looked at: ${missing}\n`)
    // With nothing else to look at, the schema itself is what is asked about.
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

interface Tally {
  readonly statements: number
  readonly complaints: number
  readonly failures: number
}

function summary({ statements, complaints, failures }: Tally): string {
  if (complaints === 0) return `${showMany(statements, 'statement')}, all safe to replicate as text`
  return `${showMany(statements, 'statement')}, ${failures} not safe to replicate as text`
}
