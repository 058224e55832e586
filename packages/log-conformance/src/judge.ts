import type { LogFormat } from '@stemma/log'
import { Lab } from './lab/lab.ts'
import type { Rule, Verdict } from './rule.ts'
import { LOG_FORMAT_RULES } from './rules/rules.ts'
import { newSubject, type FormatOrMaker } from './subject.ts'

/** Which format is judged, and what it is allowed to fail. */
export interface JudgeOptions {
  /**
   * What is judged: a format, or a function that makes one. With a function, what a leader's format remembers can not reach the format of
   * its copies by other ways than payloads.
   */
  readonly format: FormatOrMaker
  /** The same format as it was when it wrote older versions of its payloads, for each that it still reads. */
  readonly older?: readonly LogFormat[] | undefined
  /** Rules that are known to be broken. They are tried all the same, and must fail: so the list can only get shorter. */
  readonly knownFailures?: readonly string[] | undefined
  /** Where the damage to payloads is drawn from: the same seed damages the same bytes. */
  readonly seed?: number | undefined
}

/** Why a rule is not for a format, by what that says of itself; undefined when it is. */
export function whyNotFor(rule: Rule, { format, older }: Pick<JudgeOptions, 'format' | 'older'>): string | undefined {
  return rule.notFor?.(newSubject(format, older))
}

/** Tries one rule. Never fails: what was thrown is in the verdict. */
export async function judgeRule(rule: Rule, options: JudgeOptions): Promise<Verdict> {
  const subject = newSubject(options.format, options.older)
  const why = rule.notFor?.(subject)
  if (why !== undefined) return { kind: 'not-applicable', why }
  const isKnown = options.knownFailures?.includes(rule.id) === true
  const lab = new Lab(subject, options.seed ?? 1)
  try {
    await rule.check(lab)
    return { kind: isKnown ? 'no-longer-failing' : 'passed' }
  } catch (error) {
    return { kind: isKnown ? 'known-failure' : 'failed', error }
  } finally {
    await lab.close()
  }
}

/** Tries all rules, without a test runner. */
export async function judgeFormat(options: JudgeOptions): Promise<ReadonlyMap<string, Verdict>> {
  const verdicts = new Map<string, Verdict>()
  for (const rule of LOG_FORMAT_RULES) verdicts.set(rule.id, await judgeRule(rule, options))
  return verdicts
}

/** How many rules came to what, in a line: `wal: 33 passed, 6 not applicable, 0 known failures`. */
export function showVerdicts(name: string, verdicts: Iterable<Verdict>): string {
  const counts: Record<Verdict['kind'], number> = {
    passed: 0,
    failed: 0,
    'known-failure': 0,
    'no-longer-failing': 0,
    'not-applicable': 0,
  }
  for (const { kind } of verdicts) counts[kind]++
  const failed = counts.failed + counts['no-longer-failing']
  const parts = [
    `${counts.passed} passed`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    `${counts['not-applicable']} not applicable`,
    `${counts['known-failure']} known failures`,
  ]
  return `${name}: ${parts.join(', ')}`
}
