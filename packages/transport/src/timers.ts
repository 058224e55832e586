import type { Milliseconds } from '@stemma/base'

/** A clock and its alarms, as an argument, so that tests need not wait. */
export interface Timers {
  /** Milliseconds of a clock that never goes back. Only differences mean anything. */
  now(): Milliseconds
  /** Runs `run` once, `afterMs` from now. Returns what calls it off. */
  schedule(afterMs: Milliseconds, run: () => void): () => void
}

/** The machine's own clock. */
export const systemTimers: Timers = {
  now: () => performance.now(),
  schedule(afterMs, run) {
    const timer = setTimeout(run, afterMs)
    return () => clearTimeout(timer)
  },
}
