import { describe, expect, test } from 'vitest'
import { LOG_FORMAT_RULES, judgeRule, logFormatSuite } from '../src/index.ts'
import { brokenFormats } from './broken-formats.ts'
import { plainFeed, plainPages, plainRows, plainRowsOfTwo, plainStatements } from './plain-formats.ts'

for (const format of [plainPages, plainRows, plainStatements, plainFeed])
  logFormatSuite({ format: () => ({ ...format }), describe, test })

describe('a broken format fails the rule that it breaks', () => {
  test.each(brokenFormats)('$rule, when it $title', async ({ rule: id, ...options }) => {
    const rule = LOG_FORMAT_RULES.find((each) => each.id === id)!
    const verdict = await judgeRule(rule, options)
    expect(verdict.kind, showError(verdict)).toBe('failed')
    if (process.env['SHOW'] !== undefined) console.log(`${id}: ${showError(verdict)}`)
  })
})

test('a format that reads an older version as well is judged by payloads of both', async () => {
  const rule = LOG_FORMAT_RULES.find(({ id }) => id === 'LF-32')!
  expect(await judgeRule(rule, { format: plainRowsOfTwo, older: [plainRows] })).toEqual({ kind: 'passed' })
})

test('there is a broken format for every rule', () => {
  const broken = new Set(brokenFormats.map(({ rule }) => rule))
  expect(LOG_FORMAT_RULES.map(({ id }) => id).filter((id) => !broken.has(id))).toEqual([])
})

test('rules are numbered in their order, each once', () => {
  expect(LOG_FORMAT_RULES.map(({ id }) => id)).toEqual(LOG_FORMAT_RULES.map((_, i) => `LF-${i + 1}`))
})

function showError(verdict: object): string {
  return 'error' in verdict && verdict.error instanceof Error ? verdict.error.message.slice(0, 200) : ''
}
