import { largestWal, type Bench } from '../bench.ts'
import { withChildren, type Child } from '../child-process.ts'
import { newRow, show, type Row } from '../result.ts'
import { WORKLOADS, type Workload } from '../workload.ts'
import type { Written } from '../write.ts'

/** Who writes, and who listens. */
type Setting =
  | 'plain' // better-sqlite3 as it comes
  | 'own' // the writer in our process, a sink that receives and drops
  | 'other' // the writer in another process that knows nothing of us, a sink
  | 'followed' // the writer in our process, a whole follower

const SETTINGS: readonly Setting[] = ['plain', 'own', 'other', 'followed']

interface Trial extends Written {
  readonly walBytes: number
  /** Microseconds for each commit. */
  readonly leaderCpu: number
  readonly followerCpu: number
  /** How long the receiver took to have everything after the writer had stopped, in seconds. */
  readonly drainSeconds: number
}

/** The leader's write rate, what a writer waits for, the WAL, and CPU time: all from the same runs. */
export async function* measureWrites(bench: Bench): AsyncGenerator<Row> {
  for (const workload of WORKLOADS) {
    const settings = SETTINGS.filter((setting) => setting === 'plain' || bench.wants(`write.${workload}.${setting}`))
    if (settings.length === 1) continue
    const trials = new Map<Setting, Trial[]>(settings.map((setting) => [setting, []]))
    for (let run = 0; run < bench.effort.runs; run++) {
      for (const setting of settings) trials.get(setting)!.push(await measure(bench, setting, workload))
    }
    for (const setting of settings)
      if (setting !== 'plain') yield* rowsOf(workload, setting, trials.get('plain')!, trials.get(setting)!)
  }
}

const RATE_GOALS = { own: 1, other: 0.9, followed: 0.8 } as const

function* rowsOf(
  workload: Workload,
  setting: Exclude<Setting, 'plain'>,
  plain: readonly Trial[],
  trials: readonly Trial[],
): Generator<Row> {
  const name = `write.${workload}.${setting}`
  const each = (value: (trial: Trial, plain: Trial) => number): number[] => trials.map((trial, run) => value(trial, plain[run]!))
  const told = (value: (trial: Trial) => number): string => `${list(trials.map(value))}; plain ${list(plain.map(value))}`
  const rate = (trial: Trial): number => trial.commits / trial.seconds
  yield newRow({
    name: `${name}.rate`,
    unit: 'of plain',
    goal: RATE_GOALS[setting],
    better: 'higher',
    runs: each((trial, beside) => rate(trial) / rate(beside)),
    beside: `${told(rate)} tx/s`,
  })
  const isFollowed = setting === 'followed'
  yield newRow({
    name: `${name}.p999`,
    unit: 'of plain',
    goal: isFollowed ? undefined : 1,
    better: 'lower',
    runs: each((trial, beside) => trial.p999Ms / beside.p999Ms),
    beside: `${told(({ p999Ms }) => p999Ms)} ms`,
  })
  yield newRow({
    name: `${name}.longest`,
    unit: 'ms',
    goal: isFollowed ? undefined : 50,
    better: 'lower',
    runs: each(({ longestMs }) => longestMs),
    beside: `${told(({ longestMs }) => longestMs)} ms`,
  })
  const mebibytes = ({ walBytes }: Trial): number => walBytes / 2 ** 20
  yield newRow({
    name: `${name}.wal`,
    unit: 'MiB',
    goal: 64,
    better: 'lower',
    runs: each(mebibytes),
    beside: `${told(mebibytes)} MiB`,
  })
  yield newRow({
    name: `${name}.cpu.leader`,
    unit: 'us/commit',
    goal: undefined,
    better: 'lower',
    runs: each(({ leaderCpu }) => leaderCpu),
  })
  if (isFollowed) {
    yield newRow({
      name: `${name}.cpu.follower`,
      unit: 'us/commit',
      goal: undefined,
      better: 'lower',
      runs: each(({ followerCpu }) => followerCpu),
    })
  }
  yield newRow({
    name: `${name}.drain`,
    unit: 's',
    goal: undefined,
    better: 'lower',
    runs: each(({ drainSeconds }) => drainSeconds),
  })
}

function list(values: readonly number[]): string {
  return values.map(show).join(' ')
}

async function measure(bench: Bench, setting: Setting, workload: Workload): Promise<Trial> {
  const database = bench.newDatabase()
  const copy = bench.newPath()
  try {
    return await withChildren(async (newChild) => {
      const writer = newChild()
      if (setting === 'plain') {
        await writer.run({ kind: 'open-plain', database })
        return await trial(bench, { database, workload, writer })
      }
      const leader = setting === 'other' ? newChild() : writer
      const thread = setting === 'other' ? 'same' : 'worker'
      const { url } = await leader.run({ kind: 'open-leader', database, ship: 'synced', thread })
      if (setting === 'other') await writer.run({ kind: 'open-plain', database })
      const receiver = newChild()
      if (setting === 'followed') await receiver.run({ kind: 'open-follower', url, database: copy, merge: true })
      else await receiver.run({ kind: 'open-sink', url })
      return await trial(bench, { database, workload, writer, leader, receiver })
    })
  } finally {
    bench.remove(database)
    bench.remove(copy)
  }
}

interface Parts {
  readonly database: string
  readonly workload: Workload
  readonly writer: Child
  readonly leader?: Child
  readonly receiver?: Child
}

async function trial(bench: Bench, { database, workload, writer, leader, receiver }: Parts): Promise<Trial> {
  const leaderBefore = await leader?.run({ kind: 'facts' })
  const receiverBefore = await receiver?.run({ kind: 'facts' })
  let written!: Written
  let drainSeconds = 0
  const walBytes = await largestWal(database, async () => {
    written = await writer.run({ kind: 'write', workload, seconds: bench.effort.seconds })
    if (receiver === undefined || leader === undefined) return
    const start = performance.now()
    const { sequence } = await leader.run({ kind: 'facts' })
    await receiver.run({ kind: 'reach', sequence })
    drainSeconds = (performance.now() - start) / 1000
  })
  const leaderAfter = await leader?.run({ kind: 'facts' })
  const receiverAfter = await receiver?.run({ kind: 'facts' })
  const engine = (facts: { cpuUs: number; mainCpuUs: number } | undefined): number =>
    facts === undefined ? 0 : facts.cpuUs - (leader === writer ? facts.mainCpuUs : 0)
  return {
    ...written,
    walBytes,
    leaderCpu: (engine(leaderAfter) - engine(leaderBefore)) / written.commits,
    followerCpu: ((receiverAfter?.cpuUs ?? 0) - (receiverBefore?.cpuUs ?? 0)) / written.commits,
    drainSeconds,
  }
}
