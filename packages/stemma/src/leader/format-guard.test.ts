import { StemmaError } from '@stemma/base'
import type { Commit, FeedFormat } from '@stemma/log'
import { expect, test } from 'vitest'
import { FORMAT_LIMITS, FormatGuard, type FormatLimits } from './format-guard.ts'

const MEBIBYTE = new Uint8Array(1024 * 1024)
const BYTES = Uint8Array.of(1)

function aFormat(encode: (commit: Commit) => unknown): FeedFormat {
  const describe = () => ({ summary: '', details: [] })
  return { name: 'own', version: 1, reads: [1], view: 'rows', isFeedOnly: true, encode: encode as FeedFormat['encode'], describe }
}

function aCommit(sequence: number, rows: Commit['rows'] = () => ({}) as ReturnType<Commit['rows']>): Commit {
  return { position: { epoch: 1, sequence }, rows } as Commit
}

/** A guard whose format takes so long at each commit, by a clock of its own. */
function aSlowGuard(tookMs: readonly number[], gives: Uint8Array = BYTES): FormatGuard {
  let now = 0
  const format = aFormat(({ position }) => {
    now += tookMs[position.sequence - 1] ?? 0
    return gives
  })
  return new FormatGuard(format, FORMAT_LIMITS, () => now)
}

test.each<[title: string, tookMs: readonly number[], gives: Uint8Array, suspendedAt: number | undefined]>([
  ['one long call is forgiven', [9_000, 1, 1], BYTES, undefined],
  ['a call that is longer than the overdraft is the last', [10_200, 1], BYTES, 1],
  ['being slow at every commit adds up', Array.from({ length: 200 }, () => 200), BYTES, 101],
  ['what was paid back is forgotten', [9_000, ...Array.from({ length: 95 }, () => 0), 9_000], BYTES, undefined],
  ['just within what a commit may take goes on for ever', Array.from({ length: 1_000 }, () => 100), BYTES, undefined],
  ['large payloads may take longer', Array.from({ length: 100 }, () => 1_000), MEBIBYTE, undefined],
])('%s', (_, tookMs, gives, suspendedAt) => {
  const guard = aSlowGuard(tookMs, gives)
  let found: number | undefined
  for (let sequence = 1; sequence <= tookMs.length && found === undefined; sequence++) {
    expect(guard.encode(aCommit(sequence))).toBe(gives)
    if (guard.suspended !== undefined) found = sequence
  }
  expect(found).toBe(suspendedAt)
  if (found === undefined) return
  expect(guard.suspended).toMatchObject({ code: 'FORMAT_SUSPENDED', details: { format: 'own', position: { sequence: found } } })
  expect(() => guard.encode(aCommit(found + 1))).toThrow(guard.suspended)
})

const QUICK: FormatLimits = { ...FORMAT_LIMITS, encodeMs: 50 }

test('a call that never ends is ended, whatever it catches, and the format is called no more', () => {
  let calls = 0
  const guard = new FormatGuard(
    aFormat(() => {
      calls++
      for (;;) {
        try {
          for (;;);
        } catch {
          // Goes on all the same.
        }
      }
    }),
    QUICK,
  )
  for (const sequence of [1, 2]) expect(() => guard.encode(aCommit(sequence))).toThrow(/FORMAT_SUSPENDED/)
  expect(calls).toBe(1)
})

test('what a format throws comes through, and so does what a commit throws at it', () => {
  const guard = new FormatGuard(
    aFormat((commit) => commit.rows()),
    QUICK,
  )
  const error = new StemmaError('ROWS_UNKNOWN', 'nobody saw it')
  const rows = (): never => {
    throw error
  }
  expect(() => guard.encode(aCommit(1, rows))).toThrow(error)
  expect(guard.suspended).toBeUndefined()
})
