import type { Run } from './run-cutter.ts'

/** The newest runs of a format, in memory: what followers that keep up ask for. */
export class RecentRuns {
  readonly #bytesMax: number
  #runs: Run[] = []
  /** Index of the oldest run that still counts; those before it are cut off now and then. */
  #head = 0
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  push(run: Run): void {
    this.#runs.push(run)
    this.#bytes += run.bytes.byteLength
    while (this.#bytes > this.#bytesMax) this.#bytes -= this.#runs[this.#head++]!.bytes.byteLength
    if (this.#head > 1_000 && this.#head * 2 > this.#runs.length) {
      this.#runs = this.#runs.slice(this.#head)
      this.#head = 0
    }
  }

  clear(): void {
    this.#runs = []
    this.#head = 0
    this.#bytes = 0
  }

  /** The runs that hold everything after a sequence; undefined when some of it is no longer in memory. */
  after(sequence: number): Iterable<Run> | undefined {
    const runs = this.#runs
    let low = this.#head
    if (low === runs.length || runs[low]!.first > sequence + 1) return undefined
    let high = runs.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (runs[middle]!.last > sequence) high = middle
      else low = middle + 1
    }
    return from(runs, low)
  }
}

function* from(runs: readonly Run[], index: number): Generator<Run> {
  for (let i = index; i < runs.length; i++) yield runs[i]!
}
