import type { Timers } from '../src/timers.ts'

/** A clock that moves when a test says so. */
export class FakeTimers implements Timers {
  #now = 0
  #alarms: { readonly at: number; readonly run: () => void }[] = []

  now(): number {
    return this.#now
  }

  schedule(afterMs: number, run: () => void): () => void {
    const alarm = { at: this.#now + afterMs, run }
    this.#alarms.push(alarm)
    return () => {
      this.#alarms = this.#alarms.filter((other) => other !== alarm)
    }
  }

  /** How many alarms are set. */
  get waiting(): number {
    return this.#alarms.length
  }

  /** Lets time pass, and runs what is due, in order. */
  advance(ms: number): void {
    const until = this.#now + ms
    for (;;) {
      const next = this.#alarms.filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.#now = next.at
      this.#alarms = this.#alarms.filter((other) => other !== next)
      next.run()
    }
    this.#now = until
  }

  /** Stands still for a long time, as a process does that was stopped: what was due meanwhile runs once, late. */
  freeze(ms: number): void {
    this.#now += ms
    const due = this.#alarms.filter(({ at }) => at <= this.#now)
    this.#alarms = this.#alarms.filter(({ at }) => at > this.#now)
    for (const { run } of due) run()
  }
}
