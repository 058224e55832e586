import { writeFileSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'

/** How a run of tests went. */
export interface Tally {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** The line that a run ends with: `12 passed, 0 failed`, and `, 3 skipped` when some were. */
export function showTally({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

/**
 * Counts tests. A file that could not be loaded, and an error that no test caught, count as one failure each, so that a
 * broken run can't look like a short one.
 */
export function tallyOf(modules: readonly TestModule[], errorsOutsideTests: number): Tally {
  const tally = { passed: 0, failed: errorsOutsideTests, skipped: 0 }
  for (const module of modules) {
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed') tally.passed++
      else if (state === 'skipped') tally.skipped++
      else tally.failed++
    }
    tally.failed += module.errors().length
  }
  return tally
}

/**
 * A reporter that prints the closing line last of all, and also writes it to the file that STEMMA_TALLY names, where
 * `.ci/run` picks it up.
 */
// oxlint-disable-next-line import/no-default-export -- vitest loads reporters by their default export
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const tally = tallyOf(modules, errors.length)
    const file = process.env['STEMMA_TALLY']
    if (file !== undefined) writeFileSync(file, JSON.stringify(tally))
    process.once('exit', () => process.stdout.write(`${showTally(tally)}\n`))
  }
}
