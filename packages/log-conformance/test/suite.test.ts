import { expect, test } from 'vitest'
import { LOG_FORMAT_RULES, judgeFormat, logFormatSuite, showVerdicts, type SuiteOptions } from '../src/index.ts'
import { plainRows } from './plain-formats.ts'

const READS_NOTHING = { ...plainRows, reads: [2] }
const SUMMARY = 'every known failure is a rule, and the summary'

/** Declares the suite for a runner that only writes down what it is given. */
function declare(options: Pick<SuiteOptions, 'format' | 'knownFailures'>): {
  readonly title: string
  readonly tests: ReadonlyMap<string, () => Promise<void>>
  readonly lines: readonly string[]
} {
  const tests = new Map<string, () => Promise<void>>()
  const lines: string[] = []
  let title = ''
  logFormatSuite({
    ...options,
    describe(each, body) {
      title = each
      body()
    },
    test: (each, body) => tests.set(each, body),
    print: (line) => lines.push(line),
  })
  return { title, tests, lines }
}

/** Runs the tests of these rules, then the summary. */
async function outcomesOf({ tests }: ReturnType<typeof declare>, ...ids: readonly string[]): Promise<string[]> {
  const chosen = [...tests].filter(([title]) => ids.some((id) => title.startsWith(`${id} `)) || title === SUMMARY)
  const outcomes: string[] = []
  for (const [, body] of chosen) {
    outcomes.push(
      await body().then(
        () => 'passed',
        (error: unknown) => (error as Error).message,
      ),
    )
  }
  return outcomes
}

test('a suite has a test for each rule that is for the format, by number and sentence, and a summary', () => {
  const { title, tests } = declare({ format: plainRows })
  expect(title).toBe('log format plain-rows')
  expect([...tests.keys()].slice(0, 2)).toEqual(LOG_FORMAT_RULES.slice(0, 2).map(({ id, says }) => `${id} ${says}`))
  expect([...tests.keys()].at(-1)).toBe(SUMMARY)
  expect([...tests.keys()].some((each) => each.startsWith('LF-37 '))).toBe(false)
})

test('a test of a broken rule fails, with its number and the seed', async () => {
  expect(await outcomesOf(declare({ format: READS_NOTHING }), 'LF-2')).toEqual([
    expect.stringMatching(/^LF-2 is broken \(SEED=\d+\): it writes version 1 and reads 2/),
    'passed',
  ])
})

test('a known failure passes as long as it fails, and is counted', async () => {
  const suite = declare({ format: READS_NOTHING, knownFailures: ['LF-2'] })
  expect(await outcomesOf(suite, 'LF-2')).toEqual(['passed', 'passed'])
  expect(suite.lines[0]).toBe('plain-rows: 0 passed, 6 not applicable, 1 known failures')
})

test('a known failure that passes fails', async () => {
  expect(await outcomesOf(declare({ format: plainRows, knownFailures: ['LF-2'] }), 'LF-2')).toEqual([
    'LF-2 passes: take it off the list of known failures',
    'passed',
  ])
})

test('a known failure that is no rule fails', async () => {
  expect(await outcomesOf(declare({ format: plainRows, knownFailures: ['LF-2000'] }))).toEqual([
    'known failures that are no rules: LF-2000',
  ])
})

test('rules that are not for the format are named with the reason', async () => {
  const suite = declare({ format: plainRows })
  await outcomesOf(suite)
  expect(suite.lines).toContain('  not applicable, since its view is rows: LF-20, LF-37, LF-38, LF-39, LF-40')
})

test('all rules can be tried without a test runner', async () => {
  const verdicts = await judgeFormat({ format: plainRows })
  expect([...verdicts.keys()]).toEqual(LOG_FORMAT_RULES.map(({ id }) => id))
  expect(showVerdicts('plain-rows', verdicts.values())).toBe('plain-rows: 34 passed, 6 not applicable, 0 known failures')
})
