import { Bench } from './bench.ts'
import type { Rule } from './rule.ts'
import { TRANSPORT_RULES } from './rules.ts'
import type { Transport } from './transport.ts'

/** What is judged, and by which test runner. */
export interface TransportSuiteOptions {
  readonly transport: Transport
  /** The test runner's: `import { describe, test } from 'vitest'`, or from `node:test`. */
  describe(title: string, body: () => void): unknown
  test(title: string, body: () => Promise<void>): unknown
  /** Takes the lines of the summary; standard output by default. */
  print?(line: string): void
}

/** Milliseconds: how long a rule waits for what must come. */
const PATIENCE_MS = 20_000

/**
 * Declares tests that judge a transport: one for each rule that is for it, with the rule's number and sentence as its title, and one
 * that prints how many passed.
 */
export function transportSuite(options: TransportSuiteOptions): void {
  const { transport, describe, test, print = (line: string) => void process.stdout.write(`${line}\n`) } = options
  const counts = { passed: 0, failed: 0, 'not applicable': 0 }
  const reasons = new Set<string>()
  describe(`transport ${transport.name}`, () => {
    for (const rule of TRANSPORT_RULES) {
      const why = rule.notFor?.(transport)
      if (why !== undefined) {
        counts['not applicable']++
        reasons.add(`${rule.id}: ${why}`)
        continue
      }
      test(`${rule.id} ${rule.says}`, async () => {
        counts.failed++
        await tryTransport(rule, transport)
        counts.failed--
        counts.passed++
      })
    }
    test('the summary', () => {
      const told = Object.entries(counts).map(([what, count]) => `${count} ${what}`)
      print([`${transport.name}: ${told.join(', ')}`, ...reasons].join('\n  '))
      return Promise.resolve()
    })
  })
}

/**
 * Tries one rule, without a test runner. Rejects when the transport breaks it.
 *
 * @param patienceMs - how long it waits for what must come
 */
export async function tryTransport(rule: Rule, transport: Transport, patienceMs: number = PATIENCE_MS): Promise<void> {
  const bench = new Bench(transport, patienceMs)
  try {
    await rule.check(bench)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new Error(`${rule.id} is broken: ${message}`, { cause: error })
  } finally {
    await bench.close()
  }
}
