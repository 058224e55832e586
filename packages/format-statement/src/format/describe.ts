import {
  escapeControls,
  type CommitStatements,
  type EntryDescription,
  type LoggedStatement,
  type RecordedCall,
  type RowsReason,
  type StatementFinding,
  type StatementValue,
} from '@stemma/log'
import { SETTINGS, USUAL_SETTINGS } from './layout.ts'

/** No more statements get lines of their own. */
const STATEMENTS_TOLD = 256
/** No more of a statement is told, in characters; nor of a value, nor of recorded calls. */
const SQL_TOLD = 400
const VALUE_TOLD = 80
const CALLS_TOLD = 16

/** Explains statements to people: each on a line, and what goes with it on lines below. */
export function describeStatements({ statements, timeZone }: CommitStatements, byteLength: number): EntryDescription {
  const details = statements.slice(0, STATEMENTS_TOLD).flatMap(showStatement)
  if (statements.length > STATEMENTS_TOLD) details.push(`${statements.length - STATEMENTS_TOLD} more statements`)
  if (timeZone !== 'UTC') details.push(`time zone: ${timeZone}`)
  const first = statements.length === 1 ? oneLine(statements[0]!.sql, VALUE_TOLD) : `${statements.length} statements`
  return { summary: escapeControls(`${first}; ${byteLength} bytes`), details: details.map(escapeControls) }
}

/** Says why a commit travels as rows. */
export function describeReason(because: RowsReason | undefined): string[] {
  if (because === undefined) return []
  const lines = [
    `as rows because of: ${oneLine(because.sql, SQL_TOLD)}`,
    ...because.findings.map((each) => `  ${showFinding(each, because.sql)}`),
  ]
  return lines.map(escapeControls)
}

function showStatement(statement: LoggedStatement): string[] {
  const { sql, placed, named, outcome, verdict, recorded } = statement
  const values = [
    ...placed.map((value) => showStatementValue(value)),
    ...Object.entries(named ?? {}).map(([name, value]) => `${name}=${showStatementValue(value)}`),
  ]
  const settings = SETTINGS.flatMap((name, i) => {
    const isUsual = (USUAL_SETTINGS & (1 << i)) !== 0
    return statement.settings[name] === isUsual ? [] : [`${name} ${isUsual ? 'off' : 'on'}`]
  })
  const lines = [`${oneLine(sql, SQL_TOLD)}${values.length === 0 ? '' : ` [${values.join(', ')}]`}`]
  const came = [`${outcome.changes} ${outcome.changes === 1 ? 'row' : 'rows'} changed`]
  if (outcome.lastInsertRowid !== undefined) came.push(`last rowid ${outcome.lastInsertRowid}`)
  if (outcome.error !== undefined) came.push(`failed with ${outcome.error}`)
  lines.push(`  ${came.join(', ')}`)
  if (settings.length > 0) lines.push(`  settings: ${settings.join(', ')}`)
  if (verdict.safety !== 'safe') lines.push(`  ${verdict.safety}${verdict.isRepeatable ? '' : ', logged all the same'}`)
  for (const finding of verdict.findings) lines.push(`  ${showFinding(finding, sql)}`)
  if (recorded === undefined) return lines
  const calls = [...recorded.drawn, ...recorded.told]
  for (const call of calls.slice(0, CALLS_TOLD)) lines.push(`  recorded: ${showCall(call)}`)
  if (calls.length > CALLS_TOLD) lines.push(`  ${calls.length - CALLS_TOLD} more recorded calls`)
  const { connection } = recorded
  if (connection !== undefined) {
    const { lastInsertRowid, changes, totalChanges } = connection
    lines.push(`  recorded: last_insert_rowid() ${lastInsertRowid}, changes() ${changes}, total_changes() ${totalChanges}`)
  }
  return lines
}

function showCall(call: RecordedCall): string {
  return `${call.function}(${call.arguments.map(showStatementValue).join(', ')}) = ${showStatementValue(call.value)}`
}

function showFinding({ code, start, end, through }: StatementFinding, sql: string): string {
  const place = oneLine(sql.slice(start, end), VALUE_TOLD)
  return `${code}${place === '' ? '' : ` at ${place}`}${through === undefined ? '' : `, through ${through}`}`
}

/** A value as SQL would write it. */
export function showStatementValue(value: StatementValue): string {
  if (value === null) return 'NULL'
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) < 1e15 ? `${value}.0` : String(value)
  if (typeof value === 'string') return `'${oneLine(value, VALUE_TOLD).replaceAll("'", "''")}'`
  const told = [...value.subarray(0, VALUE_TOLD / 2)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return `x'${told}${value.byteLength > VALUE_TOLD / 2 ? '…' : ''}'`
}

function oneLine(text: string, length: number): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length > length ? `${line.slice(0, length - 1)}…` : line
}
