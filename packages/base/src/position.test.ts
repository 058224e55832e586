import { expect, test } from 'vitest'
import { StemmaError } from './error.ts'
import { comparePositions, parsePosition, showPosition } from './position.ts'

test.each([
  ['1:0', 1, 0],
  ['1:42', 1, 42],
  ['7:9007199254740991', 7, 9007199254740991],
])('%s is a position, and is written as it was read', (text, epoch, sequence) => {
  expect(parsePosition(text)).toEqual({ epoch, sequence })
  expect(showPosition({ epoch, sequence })).toBe(text)
})

test.each(['', '1', '1:', ':1', '0:1', '1:-1', '1:1.5', '1:9007199254740993', ' 1:1', '1:1\n', '99999999999:1'])(
  '%j is no position',
  (text) => {
    expect(() => parsePosition(text)).toThrow(StemmaError)
  },
)

test.each<[string, string, number]>([
  ['1:1', '1:1', 0],
  ['1:1', '1:2', -1],
  ['1:9', '2:1', -1],
  ['2:1', '1:9', 1],
])('comparing %s with %s gives the sign of %d', (a, b, sign) => {
  expect(Math.sign(comparePositions(parsePosition(a), parsePosition(b)))).toBe(sign)
})
