import type { Workload } from './shop.ts'

/** How often a batch of transactions runs, in milliseconds. */
const TICK_MS = 20

/** Writes at a steady rate until it is stopped, or has written what it was to write. */
export interface Load {
  /** Transactions so far. */
  readonly transactions: number
  /** Milliseconds that they took, all together, and the longest of them. */
  readonly tookMs: number
  readonly slowestMs: number
  /** Resolves when it has ended; rejects with what a transaction threw. */
  readonly ended: Promise<void>
  stop(): void
}

/**
 * @param rate - transactions a second; 0 as fast as it goes
 * @param total - how many in all
 */
export function startLoad(work: Workload, { rate, total = Infinity }: { rate: number; total?: number }): Load {
  const startedAt = performance.now()
  const ended = Promise.withResolvers<void>()
  let [transactions, tookMs, slowestMs] = [0, 0, 0]
  const stop = (): void => {
    clearInterval(timer)
    ended.resolve()
  }
  const turn = (): void => {
    const until = performance.now() + TICK_MS
    const due = rate === 0 ? total : Math.floor(((performance.now() - startedAt) / 1000) * rate) + 1
    // What could not be done in time is not made up for at once, so that the process stays responsive.
    while (transactions < Math.min(due, total) && performance.now() < until) {
      const before = performance.now()
      work()
      const took = performance.now() - before
      tookMs += took
      slowestMs = Math.max(slowestMs, took)
      transactions++
    }
    if (transactions >= total) stop()
  }
  const timer = setInterval(() => {
    try {
      turn()
    } catch (error) {
      clearInterval(timer)
      ended.reject(error as Error)
    }
  }, TICK_MS)
  return {
    get transactions() {
      return transactions
    },
    get tookMs() {
      return tookMs
    },
    get slowestMs() {
      return slowestMs
    },
    ended: ended.promise,
    stop,
  }
}
