import { expect, test } from 'vitest'
import { aFollower, parseInput } from '../test/play.ts'
import type { FollowerInput } from './follower-io.ts'
import { lagOf, stepFollower } from './follower.ts'

const FOLLOWING = ['connected', '< welcome tip=2:9, time=1000', '< verdict verdict=go-on()']

test('P-35: lag is the commits up to the tip, and the age of the newest that can be read', () => {
  expect(lagOf(aFollower(), 0)).toBeUndefined()
  const behind = after(
    ...FOLLOWING,
    '< entries first=8, last=8, bytes=<40 bytes>',
    'applied position=2:8 digest=#8 committedAt=400',
  )
  expect(lagOf(behind, 250)).toEqual({ commits: 1, milliseconds: 850 })
  const there = after(
    ...FOLLOWING,
    '< entries first=8, last=9, bytes=<40 bytes>',
    'applied position=2:9 digest=#9 committedAt=400',
  )
  expect(lagOf(there, 250)).toEqual({ commits: 0, milliseconds: 0 })
  const empty = aFollower({ held: { kind: 'empty' } })
  expect(lagOf(stepFollower(empty, { kind: 'connected' }, 0).follower, 0)).toBeUndefined()
})

test('P-38: a step leaves the follower passed in as it was', () => {
  const follower = after(...FOLLOWING)
  const before = { ...follower }
  const input = parseInput('< entries first=8, last=8, bytes=<40 bytes>') as FollowerInput
  const once = stepFollower(follower, input, 5)
  expect(stepFollower(follower, input, 5)).toEqual(once)
  expect(follower).toEqual(before)
  expect(once.follower.received).toBe(8)
})

test('P-17: what is kept to know the credit stays small, however many entries wait', () => {
  const lines = Array.from({ length: 500 }, (_, i) => `< entries first=${8 + i}, last=${8 + i}, bytes=<1 bytes>`)
  expect(after(...FOLLOWING, ...lines).marks.length).toBeLessThanOrEqual(8)
})

test('P-18: an entry in very many small parts is not collected', () => {
  const parts = Array.from({ length: 4097 }, (_, i) => `< entry-part sequence=8, offset=${i}, total=9999, bytes=<1 bytes>`)
  expect(after(...FOLLOWING, ...parts.slice(0, 4096)).phase).toBe('following')
  expect(after(...FOLLOWING, ...parts).phase).toBe('offline')
})

function after(...lines: readonly string[]): ReturnType<typeof aFollower> {
  return lines.reduce((follower, line) => stepFollower(follower, parseInput(line) as FollowerInput, 0).follower, aFollower())
}
