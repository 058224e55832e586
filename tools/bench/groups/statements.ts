import { measureApplying, type ApplyCost } from '../apply-cost.ts'
import type { Bench } from '../bench.ts'
import { withChildren } from '../child-process.ts'
import type { Policy } from '../child.ts'
import { CLASSIFIED, classifyCosts } from '../classify-cost.ts'
import { newRow, show, type Row } from '../result.ts'
import { BULK_ROWS, measureEntries, type EntrySizes } from '../statement-sizes.ts'
import type { Written } from '../write.ts'
import { catchUpBesidePlain, writeRatesBesidePlain } from './beside-plain.ts'
import { bytesPerCommit } from './lag.ts'

/** The log of statements, beside plain SQLite and beside the logs of rows and pages. */
export async function* measureStatements(bench: Bench): AsyncGenerator<Row> {
  yield* measureStatementWrites(bench)
  for (const backlog of CATCH_UPS) yield* catchUpBesidePlain(bench, backlog)
  yield* measureBulk(bench)
  yield* measureStatementSizes(bench)
  yield* measureClassifying(bench)
}

const POLICIES = ['mixed', 'record'] as const
const RATE_GOALS = { insert: 0.95, hundred: 1 } as const

/** `statements.write.*`: the leader's write rate with statements seen and sent to a sink, of plain SQLite's. All of them are safe. */
async function* measureStatementWrites(bench: Bench): AsyncGenerator<Row> {
  for (const workload of ['insert', 'hundred'] as const) {
    yield* writeRatesBesidePlain<Policy>(bench, {
      group: 'statements.write',
      workload,
      manners: POLICIES,
      goals: { mixed: RATE_GOALS[workload] },
      measure: (policy) => measureWrite(bench, workload, policy),
    })
  }
}

/** Transactions before those that count: on a busy machine the compiler would else be at work for most of the time that is measured. */
const WARM_UP = { insert: 3_000, hundred: 100 } as const

async function measureWrite(bench: Bench, workload: keyof typeof WARM_UP, policy: Policy | undefined): Promise<Written> {
  const database = bench.newDatabase()
  try {
    return await withChildren(async (newChild) => {
      const writer = newChild()
      if (policy === undefined) await writer.run({ kind: 'open-plain', database })
      else {
        const how = { ship: 'synced', thread: 'worker', format: 'statement', policy } as const
        const { url } = await writer.run({ kind: 'open-leader', database, ...how })
        await newChild().run({ kind: 'open-sink', url, format: 'statement' })
      }
      await writer.run({ kind: 'write-count', workload, count: WARM_UP[workload] })
      return await writer.run({ kind: 'write', workload, seconds: bench.effort.seconds })
    })
  } finally {
    bench.remove(database)
  }
}

const CATCH_UPS = [
  { name: 'statements.catch-up.insert', format: 'statement', workload: 'insert', goal: 1.5, share: 1 },
  { name: 'statements.catch-up.hundred', format: 'statement', workload: 'hundred', goal: undefined, share: 0.02 },
] as const

/** `statements.apply.bulk`: how long a follower takes for an UPDATE of many rows, of what plain SQLite does; beside one by rows. */
async function* measureBulk(bench: Bench): AsyncGenerator<Row> {
  if (!bench.wants('statements.apply.bulk')) return
  const costs: ApplyCost[] = []
  for (let run = 0; run < bench.effort.runs; run++) costs.push(await measureApplying(bench.newFolder()))
  const told = (value: (cost: ApplyCost) => number): string => costs.map((cost) => show(value(cost))).join(' ')
  yield newRow({
    name: 'statements.apply.bulk',
    unit: 'of plain time',
    goal: undefined,
    better: 'lower',
    runs: costs.map(({ statementMs, plainMs }) => statementMs / plainMs),
    beside: `${told((cost) => cost.statementMs)}; plain ${told((cost) => cost.plainMs)}; by rows ${told((cost) => cost.rowMs)} ms`,
  })
}

/** `statements.bytes.*`: an entry in the log and on the wire, beside those of rows and pages; `statements.wire.*`: with all headers, one by one. */
async function* measureStatementSizes(bench: Bench): AsyncGenerator<Row> {
  if (bench.wants('statements.bytes')) {
    const { insert, bulk } = await measureEntries(bench.newPath())
    const beside = ({ row, wal }: EntrySizes): string => `rows ${show(row)}, pages ${show(wal)}`
    const row = { unit: 'bytes', goal: 200, better: 'lower' } as const
    yield newRow({ ...row, name: 'statements.bytes.insert', runs: [insert.statement], beside: beside(insert) })
    const bulkBeside = `an UPDATE of ${BULK_ROWS} rows; ${beside(bulk)}`
    yield newRow({ ...row, name: 'statements.bytes.bulk', runs: [bulk.statement], beside: bulkBeside })
  }
  if (!bench.wants('statements.wire.insert')) return
  const runs = [await bytesPerCommit(bench, { workload: 'insert', format: 'statement' })]
  yield newRow({ name: 'statements.wire.insert', unit: 'bytes', goal: undefined, better: 'lower', runs })
}

/** `statements.classify.*`: what a verdict costs the first time, and when it is known. */
async function* measureClassifying(bench: Bench): AsyncGenerator<Row> {
  for (const name of CLASSIFIED) {
    const row = `statements.classify.${name}`
    if (!bench.wants(row)) continue
    const costs = Array.from({ length: bench.effort.runs }, () => classifyCosts(name))
    const explain = costs.map(({ explainUs }) => show(explainUs)).join(' ')
    yield newRow({
      name: `${row}.first`,
      unit: 'us',
      goal: 200,
      better: 'lower',
      runs: costs.map(({ firstUs }) => firstUs),
      beside: `of these EXPLAIN ${explain}`,
    })
    yield newRow({ name: `${row}.cached`, unit: 'us', goal: 1, better: 'lower', runs: costs.map(({ cachedUs }) => cachedUs) })
  }
}
