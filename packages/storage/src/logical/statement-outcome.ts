import { StemmaError, showPosition, type Position } from '@stemma/base'
import type { LoggedStatement, StatementOutcome, StatementValue } from '@stemma/log'
import { sqliteCode, type DriverValue } from '../sqlite/driver.ts'
import { showHeld } from './row-difference.ts'

/** What came of a statement on the copy. */
export interface OutcomeHere {
  /** What SQLite threw. */
  readonly error: unknown
  /** Undefined where `changes()` and `last_insert_rowid()` say nothing of it. */
  readonly changes: number | undefined
  readonly lastInsertRowid: bigint | undefined
}

/** Codes of what goes wrong with a machine, whatever the statement. */
const OF_THE_MACHINE =
  /^SQLITE_(?:BUSY|LOCKED|NOMEM|READONLY|INTERRUPT|IOERR|CORRUPT|FULL|CANTOPEN|PROTOCOL|NOTADB|PERM|NOLFS)(?:_|$)/

const SQL_SHOWN = 500
const VALUES_SHOWN = 20

/** True when a failure says something of the statement, not of the machine that it ran on. */
export function isOfStatement(error: unknown): boolean {
  const code = sqliteCode(error)
  if (code === undefined) return !StemmaError.is(error) && !(error instanceof Error && 'code' in error && 'syscall' in error)
  return !OF_THE_MACHINE.test(code)
}

/** True when the copy did what the leader did, as far as can be told. */
export function isSameOutcome(leader: StatementOutcome, here: OutcomeHere): boolean {
  // Which constraint comes first may differ; that it was refused may not.
  if ((leader.error === undefined) !== (here.error === undefined)) return false
  if (here.changes === undefined) return true
  if (here.changes !== leader.changes) return false
  return leader.lastInsertRowid === undefined || leader.lastInsertRowid === here.lastInsertRowid
}

/** The error that stops a copy at a statement. */
export function statementDiffers(statement: LoggedStatement, here: OutcomeHere, position: Position): StemmaError {
  const { sql, outcome } = statement
  const leader = showOutcome(here.changes === undefined && here.error === undefined ? here : outcome, outcome.error)
  const copy = showOutcome(here, here.error === undefined ? undefined : errorText(here.error))
  const shown = `${shorten(sql)}${showValues(statement)}`
  return new StemmaError(
    'STATEMENT_DIFFERS',
    `the commit at ${showPosition(position)} ran ${shown}: on the leader ${leader}, on the copy ${copy}`,
    { sql: shorten(sql), leader, copy, position },
    here.error,
  )
}

function showOutcome(
  { changes, lastInsertRowid }: Pick<OutcomeHere, 'changes' | 'lastInsertRowid'>,
  error: string | undefined,
): string {
  const parts = error === undefined ? [] : [`it failed (${error})`]
  if (changes !== undefined) parts.push(changes === 1 ? '1 row changed' : `${changes} rows changed`)
  if (lastInsertRowid !== undefined) parts.push(`the last rowid was ${lastInsertRowid}`)
  return parts.length === 0 ? 'it ran' : parts.join(', ')
}

function errorText(error: unknown): string {
  const code = sqliteCode(error)
  const message = error instanceof Error ? error.message : String(error)
  return code === undefined ? message : `${code}: ${message}`
}

function showValues({ placed, named }: LoggedStatement): string {
  const pairs = Object.entries(named ?? {})
  const shown = [...placed.map(showValue), ...pairs.map(([name, value]) => `${name}=${showValue(value)}`)]
  if (shown.length === 0) return ''
  const more = shown.length > VALUES_SHOWN ? `, and ${shown.length - VALUES_SHOWN} more` : ''
  return ` [${shown.slice(0, VALUES_SHOWN).join(', ')}${more}]`
}

function showValue(value: StatementValue): string {
  const held: DriverValue = typeof value === 'string' ? Buffer.from(value) : value
  return showHeld({ isText: typeof value === 'string', value: held })
}

function shorten(sql: string): string {
  const line = sql.replaceAll(/\s+/g, ' ').trim()
  return line.length > SQL_SHOWN ? `${line.slice(0, SQL_SHOWN)}…` : line
}
