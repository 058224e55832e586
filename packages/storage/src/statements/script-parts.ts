import type { ScriptPart } from '../source/gated-database.ts'
import type { StatementJudge } from './statement-judge.ts'

/**
 * Splits a script into its statements, so that run one by one they do what the script would do, errors included: each takes along what follows it up to the
 * next one.
 *
 * @param mayBeWhole - rows may be sent for what a long script does, such as a dump: judging each of its statements would take longer than running it
 * @returns undefined when the script is to be run as a whole
 */
export function splitScript(
  script: string,
  split: StatementJudge['split'],
  mayBeWhole: () => boolean,
): readonly ScriptPart[] | undefined {
  const semicolon = script.indexOf(';')
  const isOne = semicolon < 0 || /^;\s*$/.test(script.slice(semicolon))
  if (isOne) return [{ sql: script, text: script }]
  try {
    const parts = split(script)
    if (parts.length > STATEMENTS_MAX && mayBeWhole()) return undefined
    if (parts.length === 0) return [{ sql: script, text: script }]
    return parts.map(({ sql, start }, at) => ({ sql, text: script.slice(at === 0 ? 0 : start, parts[at + 1]?.start) }))
  } catch {
    return undefined
  }
}

const STATEMENTS_MAX = 1000
