import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Bench } from '../bench.ts'
import { withChildren } from '../child-process.ts'
import { newRow, quantile, show, type Row } from '../result.ts'
import { lags } from './lag.ts'

interface Cost {
  readonly rate: number
  /** Microseconds for each commit. */
  readonly cpu: number
  readonly lag: number
}

/** The cost of a commit in a large database against that in a small one. */
export async function* measureSize(bench: Bench): AsyncGenerator<Row> {
  if (!bench.wants('size')) return
  const { runs, largeBytes } = bench.effort
  const costs: [small: Cost, large: Cost][] = []
  for (let run = 0; run < runs; run++) costs.push([await cost(bench, 0), await cost(bench, largeBytes)])
  const beside = (value: (cost: Cost) => number, unit: string): string =>
    `${costs.map(([, large]) => show(value(large))).join(' ')}; small ${costs.map(([small]) => show(value(small))).join(' ')} ${unit}`
  const ratios = (value: (cost: Cost) => number): number[] => costs.map(([small, large]) => value(large) / value(small))
  const [rate, cpu, lag] = [(each: Cost) => each.rate, (each: Cost) => each.cpu, (each: Cost) => each.lag]
  yield newRow({
    name: 'size.rate',
    unit: 'of small',
    goal: 0.9,
    better: 'higher',
    runs: ratios(rate),
    beside: beside(rate, 'tx/s'),
  })
  yield newRow({
    name: 'size.cpu',
    unit: 'of small',
    goal: 1.15,
    better: 'lower',
    runs: ratios(cpu),
    beside: beside(cpu, 'us/commit'),
  })
  yield newRow({ name: 'size.lag', unit: 'of small', goal: 1.25, better: 'lower', runs: ratios(lag), beside: beside(lag, 'ms') })
}

async function cost(bench: Bench, bytes: number): Promise<Cost> {
  const database = bench.newDatabase(bytes)
  try {
    const written = await withChildren(async (newChild) => {
      const [leader, sink] = [newChild(), newChild()]
      const { url } = await leader.run({ kind: 'open-leader', database, ship: 'synced', thread: 'worker' })
      await sink.run({ kind: 'open-sink', url })
      const before = await leader.run({ kind: 'facts' })
      const { commits, seconds } = await leader.run({ kind: 'write', workload: 'insert', seconds: bench.effort.seconds })
      await sink.run({ kind: 'reach', sequence: before.sequence + commits })
      const after = await leader.run({ kind: 'facts' })
      const cpu = after.cpuUs - before.cpuUs - (after.mainCpuUs - before.mainCpuUs)
      return { rate: commits / seconds, cpu: cpu / commits }
    })
    return { ...written, lag: quantile(await lags(bench, 'immediate', 200, bytes), 0.5) }
  } finally {
    bench.remove(database)
  }
}

/** `stemma serve` for which nothing is to be done, beside a small and a large database. */
export async function* measureIdle(bench: Bench): AsyncGenerator<Row> {
  if (!bench.wants('idle')) return
  const { idleSeconds, largeBytes } = bench.effort
  const databases = [bench.newDatabase(), bench.newDatabase(largeBytes)]
  // The first start strips types and keeps the outcome: from then on it runs as an installed one does.
  await stop(await serve(databases[0]!))
  const servers = await Promise.all(databases.map(serve))
  try {
    await pause(1)
    const before = servers.map((server) => usage(server).cpuSeconds)
    await pause(idleSeconds)
    const after = servers.map(usage)
    for (const [index, size] of ['small', 'large'].entries()) {
      const { cpuSeconds, rssBytes } = after[index]!
      const share = ((cpuSeconds - before[index]!) / idleSeconds) * 100
      yield newRow({ name: `idle.cpu.${size}`, unit: '% of core', goal: 0.5, better: 'lower', runs: [share] })
      yield newRow({ name: `idle.rss.${size}`, unit: 'MB', goal: 120, better: 'lower', runs: [rssBytes / 1e6] })
    }
    const growth = after[1]!.rssBytes / after[0]!.rssBytes
    yield newRow({ name: 'idle.rss.growth', unit: 'of small', goal: 1.15, better: 'lower', runs: [growth] })
  } finally {
    await Promise.all(servers.map(stop))
    for (const path of databases) bench.remove(path)
  }
}

const COMMAND = fileURLToPath(new URL('./cli/main.ts', import.meta.resolve('stemma')))

const COMPILE_CACHE = fileURLToPath(new URL('../node_modules/.cache', import.meta.url))

/** Resolves when it listens. */
async function serve(database: string): Promise<ChildProcess> {
  const server = spawn(process.execPath, [COMMAND, 'serve', database, '--listen', 'tcp://127.0.0.1:0', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE },
  })
  for await (const line of createInterface({ input: server.stdout! })) {
    if (line.includes('"listening"')) return server
  }
  throw new Error('stemma serve ended before it listened')
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return
  const gone = new Promise((resolve) => server.once('exit', resolve))
  server.kill('SIGTERM')
  await gone
}

/** What a process has used so far and holds, without waking it up. Linux only. */
function usage({ pid }: ChildProcess): { cpuSeconds: number; rssBytes: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  // User and system time in ticks of a hundredth of a second; VmRSS in KiB.
  const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / 100
  return { cpuSeconds, rssBytes: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024 }
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000))
}
