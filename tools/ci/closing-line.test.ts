import { expect, test } from 'vitest'
import { showTally } from './closing-line.ts'

test.each([
  [{ passed: 12, failed: 0, skipped: 0 }, '12 passed, 0 failed'],
  [{ passed: 12, failed: 1, skipped: 3 }, '12 passed, 1 failed, 3 skipped'],
])('%o is shown as "%s"', (tally, want) => {
  expect(showTally(tally)).toBe(want)
})
