import type { Bench } from '../bench.ts'
import { withChildren } from '../child-process.ts'
import type { Format } from '../child.ts'
import { newRow, quantile, type Row } from '../result.ts'
import { ROWS, type Workload } from '../workload.ts'

const GOALS = { immediate: [0.5, 4], synced: [1, 6] } as const
const RATES = [200, 1000]

/** From the return of a commit until a reader of the copy sees it. */
export async function* measureLag(bench: Bench): AsyncGenerator<Row> {
  for (const ship of ['immediate', 'synced'] as const) {
    for (const perSecond of RATES) {
      const name = `lag.${ship}.${perSecond}`
      if (!bench.wants(name)) continue
      const runs: Float64Array[] = []
      for (let run = 0; run < bench.effort.runs; run++) runs.push(await lags(bench, ship, perSecond))
      const [p50, p99] = GOALS[ship]
      yield newRow({
        name: `${name}.p50`,
        unit: 'ms',
        goal: p50,
        better: 'lower',
        runs: runs.map((sorted) => quantile(sorted, 0.5)),
      })
      yield newRow({
        name: `${name}.p99`,
        unit: 'ms',
        goal: p99,
        better: 'lower',
        runs: runs.map((sorted) => quantile(sorted, 0.99)),
      })
    }
  }
}

/** In milliseconds, in order. */
export async function lags(bench: Bench, ship: 'immediate' | 'synced', perSecond: number, bytes = 0): Promise<Float64Array> {
  const [database, copy] = [bench.newDatabase(bytes), bench.newPath()]
  // What comes first finds nothing warm.
  const warmUp = perSecond
  const count = Math.ceil(perSecond * bench.effort.seconds) + warmUp
  try {
    return await withChildren(async (newChild) => {
      const [leader, follower] = [newChild(), newChild()]
      const { url } = await leader.run({ kind: 'open-leader', database, ship, thread: 'worker' })
      await follower.run({ kind: 'open-follower', url, database: copy, merge: true })
      const watching = follower.run({ kind: 'watch', firstId: ROWS + 1, count })
      const committed = await leader.run({ kind: 'write-paced', workload: 'insert', count, perSecond })
      const seen = await watching
      return seen
        .map((moment, i) => Math.max(0, moment - committed[i]!))
        .slice(warmUp)
        .toSorted()
    })
  } finally {
    bench.remove(database)
    bench.remove(copy)
  }
}

const WIRE = { insert: 385, update: 100 } as const

/** Bytes that a commit takes on the network, headers and all, when each is sent on its own. */
export async function* measureWire(bench: Bench): AsyncGenerator<Row> {
  for (const workload of ['insert', 'update'] as const) {
    if (!bench.wants(`wire.${workload}`)) continue
    const runs = [await bytesPerCommit(bench, { workload, format: 'wal' })]
    yield newRow({ name: `wire.${workload}`, unit: 'bytes', goal: WIRE[workload], better: 'lower', runs })
  }
}

/** What a sink receives of paced commits, for each. */
export async function bytesPerCommit(
  bench: Bench,
  { workload, ...how }: { readonly workload: Workload; readonly format: Format; readonly rowImage?: 'full' | 'changed' },
): Promise<number> {
  const database = bench.newDatabase()
  const count = Math.ceil(1000 * bench.effort.seconds)
  try {
    return await withChildren(async (newChild) => {
      const [leader, sink] = [newChild(), newChild()]
      const { url } = await leader.run({ kind: 'open-leader', database, ship: 'immediate', thread: 'worker', ...how })
      await sink.run({ kind: 'open-sink', url, format: how.format })
      const before = await sink.run({ kind: 'facts' })
      await leader.run({ kind: 'write-paced', workload, count, perSecond: 1000 })
      await sink.run({ kind: 'reach', sequence: before.sequence + count })
      return ((await sink.run({ kind: 'facts' })).bytesReceived - before.bytesReceived) / count
    })
  } finally {
    bench.remove(database)
  }
}
