import { AssertionError } from 'node:assert'
import { judgeRule, showVerdicts, type JudgeOptions } from './judge.ts'
import type { Verdict } from './rule.ts'
import { LOG_FORMAT_RULES } from './rules/rules.ts'
import { newSubject } from './subject.ts'

/** Which format is judged, and by which test runner. */
export interface SuiteOptions extends JudgeOptions {
  /** The test runner's: `import { describe, test } from 'vitest'`, or from `node:test`. */
  describe(title: string, body: () => void): unknown
  test(title: string, body: () => Promise<void>, timeoutMs: number): unknown
  /** Takes the lines of the summary; standard output by default. */
  print?(line: string): void
}

/**
 * Declares tests that judge a log format: one for each rule of the contract that is for such a format, with the rule's number and
 * sentence as its title, and one that prints how many rules passed, which are not for it and why, and which are known to fail.
 */
export function logFormatSuite(options: SuiteOptions): void {
  const { describe, test, knownFailures = [], print = (line: string) => void process.stdout.write(`${line}\n`) } = options
  const subject = newSubject(options.format, options.older)
  const { name } = subject.format
  const seed = options.seed ?? (Number(process.env['SEED']) || Math.floor(Math.random() * 2 ** 31))
  const verdicts = new Map<string, Verdict>()
  describe(`log format ${name}`, () => {
    for (const rule of LOG_FORMAT_RULES) {
      const why = rule.notFor?.(subject)
      if (why !== undefined) {
        verdicts.set(rule.id, { kind: 'not-applicable', why })
        continue
      }
      const body = async (): Promise<void> => {
        const verdict = await judgeRule(rule, { ...options, seed })
        verdicts.set(rule.id, verdict)
        mustBeExpected(rule.id, verdict, seed)
      }
      test(`${rule.id} ${rule.says}`, body, RULE_TIMEOUT)
    }
    const summary = (): Promise<void> => {
      print(showVerdicts(name, verdicts.values()))
      for (const line of showNotApplicable(verdicts)) print(`  ${line}`)
      const unknown = knownFailures.filter((id) => !LOG_FORMAT_RULES.some((rule) => rule.id === id))
      if (unknown.length === 0) return Promise.resolve()
      return Promise.reject(new AssertionError({ message: `known failures that are no rules: ${unknown.join(', ')}` }))
    }
    test('every known failure is a rule, and the summary', summary, RULE_TIMEOUT)
  })
}

/** Milliseconds: a rule takes a second or two, on a machine that has nothing else to do. */
const RULE_TIMEOUT = 60_000

function mustBeExpected(id: string, verdict: Verdict, seed: number): void {
  switch (verdict.kind) {
    case 'passed':
    case 'known-failure':
    case 'not-applicable':
      return
    case 'no-longer-failing':
      throw new AssertionError({ message: `${id} passes: take it off the list of known failures` })
    case 'failed':
      throw new Error(`${id} is broken (SEED=${seed}): ${messageOf(verdict.error)}`, { cause: verdict.error })
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The rules that are not for the format, by reason: `its view is rows: LF-20, LF-37`. */
function showNotApplicable(verdicts: ReadonlyMap<string, Verdict>): string[] {
  const byReason = new Map<string, string[]>()
  for (const [id, verdict] of verdicts) {
    if (verdict.kind !== 'not-applicable') continue
    const ids = byReason.get(verdict.why) ?? []
    ids.push(id)
    byReason.set(verdict.why, ids)
  }
  return Array.from(byReason, ([why, ids]) => `not applicable, since ${why}: ${ids.join(', ')}`)
}
