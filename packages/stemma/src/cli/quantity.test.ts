import { StemmaError } from '@stemma/base'
import { expect, test } from 'vitest'
import { parseBytes, parseSpan, showBytes, showCount, showMany, showSeconds } from './quantity.ts'

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1536, '1.5 KiB'],
  [200 * 1024 ** 2, '200 MiB'],
  [5 * 1024 ** 4, '5.0 TiB'],
])('%d bytes are shown as %s', (bytes, want) => {
  expect(showBytes(bytes)).toBe(want)
})

test.each([
  [0, '0'],
  [999, '999'],
  [1_000, '1,000'],
  [12_345_678, '12,345,678'],
])('the count %d is shown as %s', (count, want) => {
  expect(showCount(count)).toBe(want)
})

test('one thing is not many', () => {
  expect([0, 1, 2].map((count) => showMany(count, 'commit'))).toEqual(['0 commits', '1 commit', '2 commits'])
})

test.each([
  [0.04, '0.0 s'],
  [42.4, '42 s'],
  [185, '3:05'],
  [7210, '2:00:10'],
])('%d seconds are shown as %s', (seconds, want) => {
  expect(showSeconds(seconds)).toBe(want)
})

test.each([
  ['512', 512],
  ['512MiB', 512 * 1024 ** 2],
  ['2g', 2 * 1024 ** 3],
  ['1.5 KB', 1536],
])('the size %s is %d bytes', (text, want) => {
  expect(parseBytes(text)).toBe(want)
})

test.each([
  ['30s', 30_000],
  ['15m', 900_000],
  ['7d', 604_800_000],
])('the span %s is %d milliseconds', (text, want) => {
  expect(parseSpan(text)).toBe(want)
})

test.each([
  [parseBytes, 'much'],
  [parseBytes, '-1'],
  [parseSpan, '7'],
  [parseSpan, 'a week'],
])('%o refuses %s', (parse, text) => {
  expect(() => parse(text)).toThrow(StemmaError)
})
