import type { Workload } from './shop.ts'

/** How often a batch of transactions runs, in milliseconds. */
const TICK_MS = 5

/** Writes at a steady rate until it is stopped. */
export interface Load {
  /** Transactions so far. */
  readonly commits: number
  /** The longest that one took, in milliseconds. */
  readonly slowestMs: number
  stop(): void
}

/** @param rate - transactions a second */
export function startLoad(work: Workload, rate: number): Load {
  const startedAt = performance.now()
  let commits = 0
  let slowestMs = 0
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * rate)
    // What could not be done in time is not made up for at once, so that the program stays responsive.
    for (let left = Math.min(due - commits, rate / 20); left > 0; left--) {
      const before = performance.now()
      work()
      slowestMs = Math.max(slowestMs, performance.now() - before)
      commits++
    }
  }, TICK_MS)
  return {
    get commits() {
      return commits
    },
    get slowestMs() {
      return slowestMs
    },
    stop: () => clearInterval(timer),
  }
}
