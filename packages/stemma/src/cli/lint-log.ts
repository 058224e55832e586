import { showPosition } from '@stemma/base'
import { lintLog, type LintedLog, type LoggedFindings } from '../lint/lint-log.ts'
import type { Context } from './context.ts'
import { EXIT, type ExitCode } from './exit-code.ts'
import { printFinding, shownFindings, type LintLevel } from './finding-text.ts'
import { showMany } from './quantity.ts'
import { openScreen, type Screen } from './screen.ts'

/** Says of the statements in a leader's log which were not safe to send as text, how often they ran and where first. */
export async function lintLogOf(
  database: string,
  level: LintLevel & { readonly json?: boolean },
  context: Context,
): Promise<ExitCode> {
  const screen = openScreen(context.output, level.json === true)
  const log = context.engine.readLog(database)
  let linted: LintedLog
  try {
    linted = await lintLog(database, log)
  } finally {
    log.close()
  }
  const tally = { statements: linted.distinct, complaints: 0, failures: 0 }
  for (const statement of linted.statements) {
    const { shown, fails } = shownFindings(statement.findings, level)
    tally.complaints += shown.length
    if (fails) tally.failures++
    if (shown.length > 0) print(screen, database, { ...statement, findings: shown })
  }
  const { commits, isCut } = linted
  screen.record({ event: 'done', ...tally, isCut, commits })
  screen.line(summary(linted, tally.failures))
  return tally.failures === 0 ? EXIT.fine : EXIT.differs
}

function print(screen: Screen, database: string, { sql, findings, times, first, sentAs }: LoggedFindings): void {
  for (const finding of findings) {
    printFinding(screen, {
      place: () => `${database} at ${showPosition(first)}`,
      about: `${times === 1 ? 'once' : `${times} times`}, sent as ${sentAs}`,
      record: { file: database, object: null, position: first, times, sentAs, statement: sql },
      text: sql,
      start: 0,
      sql,
      finding,
      isNote: false,
    })
  }
}

function summary({ distinct, isCut, commits: { text, rows, unknown } }: LintedLog, failures: number): string {
  const statements = `${showMany(distinct, 'statement')}${isCut ? ' and more' : ''}`
  const verdict = failures === 0 ? 'all safe to replicate as text' : `${failures} not safe to replicate as text`
  const parts = [`${text} as text`, `${rows} as rows because of a statement`, `${unknown} whose statements are not known`]
  return `${statements}, ${verdict}; ${showMany(text + rows + unknown, 'commit')}: ${parts.join(', ')}`
}
