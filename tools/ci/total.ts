import { readFileSync } from 'node:fs'
import { showTally, type Tally } from './closing-line.ts'

// Usage: total.ts <tally file> [name of a check that failed]...
// Prints the closing line of .ci/run; its exit code is that of the whole run.

const [file = '', ...failures] = process.argv.slice(2)
const tests = readTally(file)
const others = failures.filter((name) => name !== 'test' || tests.failed === 0).length
const total = { ...tests, failed: tests.failed + others }
console.log(showTally(total))
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1

/** A run that ended before it could count has failed. */
function readTally(path: string): Tally {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Tally
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }
  }
}
