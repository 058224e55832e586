import { median, quantile } from './result.ts'

export interface Written {
  readonly commits: number
  readonly seconds: number
  readonly medianMs: number
  readonly p999Ms: number
  readonly longestMs: number
  /** CPU time of this thread for a commit, in microseconds: what it costs, whatever else the machine does. */
  readonly cpuUs: number
}

/** Runs steps until there were so many, or so much time is over. */
export function write(step: () => void, count: number, seconds: number): Written {
  const latencies = new Float64Array(Math.min(count, 4_000_000))
  const cpu = process.threadCpuUsage()
  const start = performance.now()
  const end = start + seconds * 1000
  let commits = 0
  let before = start
  while (commits < latencies.length && before < end) {
    step()
    const after = performance.now()
    latencies[commits++] = after - before
    before = after
  }
  const { user, system } = process.threadCpuUsage(cpu)
  const sorted = latencies.subarray(0, commits).toSorted()
  return {
    commits,
    seconds: (before - start) / 1000,
    medianMs: median([quantile(sorted, 0.5)]),
    p999Ms: quantile(sorted, 0.999),
    longestMs: sorted.at(-1) ?? NaN,
    cpuUs: (user + system) / commits,
  }
}
