import type { Expr } from 'sqlite3-parser'
import type { StatementCode } from './codes.ts'
import { factsOf } from './expression-facts.ts'
import { kindOfFunction } from './functions.ts'
import type { Scope } from './scope.ts'
import { bare, fold } from './syntax.ts'

const ALWAYS_NOW: ReadonlySet<string> = new Set(['current_date', 'current_time', 'current_timestamp'])
/** Modifiers and formats that not every version of SQLite knows; those that don't give NULL and no error. */
const NEWER_MODIFIER = /^(?:subsec|subsecond|floor|ceiling|auto)$/i
const NEWER_FORMAT = /%[eFGgIklpPRTuUV]/
/** As the time, the last two mean now as well, with fractions of a second. */
const MEANS_NOW = /^(?:now|subsec|subsecond)$/i
/** With these as the first modifier the time must be a number, so 'now' gives NULL. */
const TAKES_NUMBER = /^(?:unixepoch|julianday)$/i

/** What the call of a date function hangs on besides its arguments. */
export function judgeDate(name: string, args: readonly Expr[], scope: Scope): StatementCode[] {
  if (ALWAYS_NOW.has(name)) return ['CLOCK']
  const first = name === 'strftime' ? 1 : 0
  const times = args.slice(first, name === 'timediff' ? 2 : first + 1)
  const modifiers = name === 'timediff' ? [] : args.slice(first + 1)
  const codes: StatementCode[] = modifiers.flatMap(judgeModifier)
  if (times.length === 0) codes.push('CLOCK')
  const takesNumber = modifiers[0] !== undefined && TAKES_NUMBER.test(literal(modifiers[0]) ?? '')
  if (!takesNumber) codes.push(...times.flatMap((time) => judgeTime(time, scope)))
  const format = name === 'strftime' && args[0] !== undefined ? literal(args[0]) : undefined
  if (name === 'timediff' || (format !== undefined && NEWER_FORMAT.test(format))) codes.push('SQLITE_VERSION')
  return codes
}

function judgeTime(expr: Expr, scope: Scope): StatementCode[] {
  const text = literal(expr)
  if (text !== undefined) return MEANS_NOW.test(text) ? ['CLOCK'] : []
  const inner = bare(expr)
  if (inner.type === 'NullLiteral' || inner.type === 'NumericLiteral' || factsOf(inner, scope).isInteger) return []
  if (inner.type === 'CurrentTimestampLiteral' || inner.type === 'CurrentDateLiteral' || inner.type === 'CurrentTimeLiteral')
    return []
  // What a date function gives is never 'now'; the call inside is judged for itself.
  if (inner.type === 'FunctionCallExpr' && kindOfFunction(fold(inner.name.name)) === 'clock') return []
  return ['CLOCK_HIDDEN']
}

function judgeModifier(expr: Expr): StatementCode[] {
  const text = literal(expr)
  if (text === undefined) return ['TIME_ZONE', 'SQLITE_VERSION']
  if (/^(?:localtime|utc)$/i.test(text)) return ['TIME_ZONE']
  return NEWER_MODIFIER.test(text) ? ['SQLITE_VERSION'] : []
}

function literal(expr: Expr): string | undefined {
  const inner = bare(expr)
  return inner.type === 'StringLiteral' ? inner.value : undefined
}
