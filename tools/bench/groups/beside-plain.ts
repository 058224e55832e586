import type { Bench } from '../bench.ts'
import type { Format } from '../child.ts'
import { newRow, show, type Row } from '../result.ts'
import type { Workload } from '../workload.ts'
import type { Written } from '../write.ts'
import { catchUpRates } from './catch-up.ts'

/** Write rates of one workload, in manners of which each is a row. */
export interface WriteRates<Manner extends string> {
  /** The beginning of the rows' names. */
  readonly group: string
  readonly workload: Workload
  readonly manners: readonly Manner[]
  readonly goals: Readonly<Partial<Record<Manner, number | undefined>>>
  /** Plain SQLite without a manner. */
  measure(manner: Manner | undefined): Promise<Written>
}

/** Measures them in turns with plain SQLite: what they are of its rate. */
export async function* writeRatesBesidePlain<Manner extends string>(
  bench: Bench,
  { group, workload, manners, goals, measure }: WriteRates<Manner>,
): AsyncGenerator<Row> {
  const wanted = manners.filter((manner) => bench.wants(`${group}.${workload}.${manner}`))
  if (wanted.length === 0) return
  const plain: Written[] = []
  const trials = new Map<Manner, Written[]>(wanted.map((manner) => [manner, []]))
  for (let run = 0; run < bench.effort.runs; run++) {
    plain.push(await measure(undefined))
    for (const manner of wanted) trials.get(manner)!.push(await measure(manner))
  }
  const [plainRates, plainCpu] = [plain.map(rateOf), plain.map(({ cpuUs }) => cpuUs)]
  for (const [manner, runs] of trials) {
    const name = `${group}.${workload}.${manner}`
    const rates = runs.map(rateOf)
    yield besidePlain(rates, plainRates, { name, goal: goals[manner] })
    yield newRow({
      name: `${name}.cpu`,
      unit: 'of plain',
      goal: undefined,
      better: 'lower',
      runs: runs.map(({ cpuUs }, run) => cpuUs / plainCpu[run]!),
      beside: `${runs.map(({ cpuUs }) => show(cpuUs)).join(' ')}; plain ${plainCpu.map(show).join(' ')} us/tx on the writer's thread`,
    })
  }
}

function rateOf({ commits, seconds }: Written): number {
  return commits / seconds
}

/** A backlog of one format. */
export interface FormatBacklog {
  readonly name: string
  readonly format: Format
  readonly workload: Workload
  readonly goal: number | undefined
  /** Of the benchmark's usual backlog. */
  readonly share: number
}

/** A follower that was away, against the rate at which plain SQLite makes such commits; and the CPU time that a commit takes it. */
export async function* catchUpBesidePlain(bench: Bench, of: FormatBacklog): AsyncGenerator<Row> {
  const { name, format, workload, goal, share } = of
  if (!bench.wants(name)) return
  const backlog = Math.ceil(bench.effort.backlog * share)
  const { plain, rates, cpu } = await catchUpRates(bench, { format, workload, backlog, manners: ['merged'] })
  yield besidePlain(rates.merged, plain, { name, goal })
  yield newRow({ name: `${name}.cpu`, unit: 'us/commit', goal: undefined, better: 'lower', runs: cpu.merged })
}

function besidePlain(rates: readonly number[], plain: readonly number[], { name, goal }: Pick<Row, 'name' | 'goal'>): Row {
  return newRow({
    name,
    unit: 'of plain',
    goal,
    better: 'higher',
    runs: rates.map((rate, run) => rate / plain[run]!),
    beside: `${rates.map(show).join(' ')}; plain ${plain.map(show).join(' ')} tx/s`,
  })
}
