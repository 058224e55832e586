import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { TRANSPORT_RULES, transportSuite, tryTransport } from '../src/conformance/index.ts'
import { brokenTransports } from './broken-transports.ts'
import { memoryTransport, networkTransports } from './transports.ts'

for (const transport of [memoryTransport, ...networkTransports]) transportSuite({ transport, describe, test })

describe('a broken transport fails the rule that it breaks', () => {
  test.each(brokenTransports)('$rule, when it $title', async ({ rule: id, transport }) => {
    const rule = TRANSPORT_RULES.find((each) => each.id === id)!
    const trial = tryTransport(rule, transport, 500)
    await expect(trial).rejects.toThrow(`${id} is broken`)
    if (process.env['SHOW'] !== undefined) await trial.catch((error: Error) => console.log(error.message.slice(0, 200)))
  })
})

test('there is a broken transport for every rule', () => {
  const broken = new Set(brokenTransports.map(({ rule }) => rule))
  expect(TRANSPORT_RULES.map(({ id }) => id).filter((id) => !broken.has(id))).toEqual([])
})

test('rules are numbered in their order, each once, and SPEC.md says the same', () => {
  expect(TRANSPORT_RULES.map(({ id }) => id)).toEqual(TRANSPORT_RULES.map((_, i) => `TR-${i + 1}`))
  const spec = readFileSync(new URL('../SPEC.md', import.meta.url), 'utf8')
  expect(spec.match(/^- \*\*TR-.*$/gm)).toEqual(TRANSPORT_RULES.map(({ id, says }) => `- **${id}** ${says}`))
})

test('a suite leaves out the rules that are not for a transport, and says how many', async () => {
  const tests = new Map<string, () => Promise<void>>()
  const lines: string[] = []
  transportSuite({
    transport: memoryTransport,
    describe: (_title, body) => body(),
    test: (title, body) => tests.set(title, body),
    print: (line) => lines.push(line),
  })
  for (const body of tests.values()) await body()
  expect([...tests.keys()][0]).toBe(`TR-1 ${TRANSPORT_RULES[0]?.says}`)
  expect([...tests.keys()].some((title) => title.startsWith('TR-18 '))).toBe(false)
  expect(lines.join('\n').split('\n')[0]).toBe('memory: 17 passed, 0 failed, 4 not applicable')
})
