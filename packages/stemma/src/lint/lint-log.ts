import { StemmaError, type Position } from '@stemma/base'
import { STATEMENT_CODES, type Finding, type StatementCode } from '@stemma/format-statement'
import type { StatementFinding, StatementFormat } from '@stemma/log'
import { loadIfKnown } from '../formats.ts'
import { entriesOf } from '../log/log-entries.ts'
import type { LogReader } from '../log/log-file.ts'

/** A statement of a log, however often it ran, with what its leader found when it first ran so. */
export interface LoggedFindings {
  readonly sql: string
  readonly findings: readonly Finding[]
  /** `text`: it was sent as it is; `rows`: it is why its commit was sent as rows. */
  readonly sentAs: 'text' | 'rows'
  readonly times: number
  readonly first: Position
}

/** What a log holds, and what there is to say of it. */
export interface LintedLog {
  /** Those that something was found of, in the order in which they first ran. */
  readonly statements: readonly LoggedFindings[]
  /** Statements that differ in their text, safe ones too. */
  readonly distinct: number
  /** There are more that differ than are told apart: those behind are in no count of statements. */
  readonly isCut: boolean
  readonly commits: {
    readonly text: number
    /** Sent as rows because of a statement. */
    readonly rows: number
    /** Sent as rows, or not at all, with no statement to blame: another program wrote, or its text was lost. */
    readonly unknown: number
  }
}

/** So many statements are told apart. */
const DISTINCT_MAX = 100_000

/**
 * Reads what a leader found of the statements in its log. Nothing is judged again: it knew the schema of the moment.
 *
 * @throws StemmaError NO_LOG when no statements are kept; DAMAGED_ENTRY
 */
export async function lintLog(database: string, log: LogReader): Promise<LintedLog> {
  const kept = new Map<string, LoggedFindings>()
  const commits = { text: 0, rows: 0, unknown: 0 }
  let isCut = false
  const take = (
    statement: Omit<LoggedFindings, 'times' | 'findings'> & { readonly findings: readonly StatementFinding[] },
  ): void => {
    const { sql, sentAs, findings } = statement
    const key = `${sentAs}\n${findings.map(({ code, start, end, through = '' }) => `${code} ${start} ${end} ${through}`).join('\n')}\n${sql}`
    const before = kept.get(key)
    if (before === undefined && kept.size >= DISTINCT_MAX) {
      isCut = true
      return
    }
    const times = (before?.times ?? 0) + 1
    kept.set(key, before === undefined ? { ...statement, findings: findings.flatMap(knownFinding), times } : { ...before, times })
  }
  for (const format of await statementFormats(database, log)) {
    for (const { barrier, payload, formatVersion, position } of entriesOf(log, format.name, 0)) {
      const decoded = barrier ? undefined : format.decode(payload, formatVersion)
      if (decoded?.kind === 'statements') {
        commits.text++
        for (const { sql, verdict } of decoded.statements.statements)
          take({ sql, findings: verdict.findings, sentAs: 'text', first: position })
      } else if (decoded?.because === undefined) commits.unknown++
      else {
        commits.rows++
        take({ ...decoded.because, sentAs: 'rows', first: position })
      }
    }
  }
  const statements = [...kept.values()].filter(({ findings }) => findings.length > 0)
  return { statements, distinct: new Set(Array.from(kept.values(), ({ sql }) => sql)).size, isCut, commits }
}

async function statementFormats(database: string, log: LogReader): Promise<StatementFormat[]> {
  const names = log.formats.map(({ format }) => format)
  const formats = await Promise.all(names.map(loadIfKnown))
  const found = formats.flatMap((format) => (format?.view === 'statements' ? [format] : []))
  if (found.length > 0) return found
  const what = names.length === 0 ? 'is empty' : `is kept as ${names.join(', ')}`
  throw new StemmaError('NO_LOG', `the log of ${database} ${what}, so no statements are in it`, { database, formats: names })
}

/** A code that only a newer Stemma knows can't be explained. */
function knownFinding({ code, ...place }: StatementFinding): Finding[] {
  if (!Object.hasOwn(STATEMENT_CODES, code)) return []
  const known = code as StatementCode
  return [{ code: known, safety: STATEMENT_CODES[known].safety, ...place }]
}
