import { expect, test } from 'vitest'
import { main } from './main.ts'
import { isReached, median, newRow, quantile, toJson, toLine } from './result.ts'

test('the middle of an even number of runs is between the two in the middle', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5)
  expect(median([9, 1, 3])).toBe(3)
  expect(quantile([1, 2, 3, 4], 0.99)).toBe(4)
})

test.each<[string, number, number | undefined, 'higher' | 'lower', boolean]>([
  ['above a goal that is to be reached', 1.1, 1, 'higher', true],
  ['below it', 0.9, 1, 'higher', false],
  ['below a goal that is to be kept', 40, 50, 'lower', true],
  ['above it', 60, 50, 'lower', false],
  ['without a goal', 60, undefined, 'lower', true],
  ['that could not be measured', NaN, 1, 'lower', false],
])('a value %s', (_name, value, goal, better, want) => {
  expect(isReached(newRow({ name: 'x', unit: 's', goal, better, runs: [value] }))).toBe(want)
})

test('a row is one line, of JSON for programs', () => {
  const row = newRow({ name: 'lag.p50', unit: 'ms', goal: 0.5, better: 'lower', runs: [0.3, 0.123456, 0.2], beside: 'plain 1' })
  expect(toJson(row)).toBe(
    '{"name":"lag.p50","value":0.2,"unit":"ms","goal":0.5,"better":"lower","ok":true,"runs":[0.3,0.12346,0.2]}',
  )
  expect(toLine(row)).toMatch(/^ok lag\.p50 +0\.200 ms +<= 0\.5 +plain 1$/)
})

test.each(['wire.update', 'rows.wire.insert', 'statements.wire.insert'])(
  'the benchmark %s runs from end to end, if it is a tiny one',
  async (name) => {
    const lines: string[] = []
    const code = await main([name, '--json', '--seconds', '0.05'], (line) => lines.push(line))
    const rows = lines.map((line) => JSON.parse(line) as { readonly name: string; readonly value: number; readonly ok: boolean })
    expect(rows).toEqual([expect.objectContaining({ name, ok: true })])
    expect(rows[0]!.value).toBeGreaterThan(40)
    expect(code).toBe(0)
  },
)
