import type { Bench } from '../bench.ts'
import { withChildren } from '../child-process.ts'
import { newRow, type Row } from '../result.ts'
import type { SourceCost, SourceTask } from '../source-cost.ts'
import { logByTriggers, type Workload } from '../workload.ts'
import type { Written } from '../write.ts'
import { catchUpBesidePlain, writeRatesBesidePlain } from './beside-plain.ts'
import { bytesPerCommit } from './lag.ts'

/** The logical log, beside what others do to know which rows changed. */
export async function* measureRows(bench: Bench): AsyncGenerator<Row> {
  yield* measureRowWrites(bench)
  yield* measureDecoding(bench)
  for (const backlog of CATCH_UPS) yield* catchUpBesidePlain(bench, backlog)
  yield* measureRowWire(bench)
}

/** Who looks at a writer's changes. */
type Capture =
  | 'sink' // a leader by rows, and a sink that receives and drops
  | 'followed' // a leader by rows, and a whole follower
  | 'trigger' // triggers that write old and new row into a log table
  | 'session' // node:sqlite's session, its changeset written into a table

const CAPTURES: readonly Capture[] = ['sink', 'followed', 'trigger', 'session']

/** `rows.write.*`: the write rate, of plain SQLite's. */
async function* measureRowWrites(bench: Bench): AsyncGenerator<Row> {
  for (const workload of ['insert', 'hundred'] as const) {
    yield* writeRatesBesidePlain<Capture>(bench, {
      group: 'rows.write',
      workload,
      manners: CAPTURES,
      goals: workload === 'insert' ? { sink: 1.05, followed: 0.75 } : {},
      measure: (capture) => measureWrite(bench, workload, capture),
    })
  }
}

async function measureWrite(bench: Bench, workload: Workload, capture: Capture | undefined): Promise<Written> {
  const [database, copy] = [bench.newDatabase(), bench.newPath()]
  if (capture === 'trigger') logByTriggers(database)
  try {
    return await withChildren(async (newChild) => {
      const writer = newChild(capture === 'session' ? 'capture-child.ts' : 'child.ts')
      if (capture === 'session') await writer.run({ kind: 'open-sessions', database })
      else if (capture === undefined || capture === 'trigger') await writer.run({ kind: 'open-plain', database })
      else {
        const { url } = await writer.run({ kind: 'open-leader', database, ship: 'synced', thread: 'worker', format: 'row' })
        const receiver = newChild()
        if (capture === 'sink') await receiver.run({ kind: 'open-sink', url, format: 'row' })
        else await receiver.run({ kind: 'open-follower', url, database: copy, merge: true, format: 'row' })
      }
      return await writer.run({ kind: 'write', workload, seconds: bench.effort.seconds })
    })
  } finally {
    bench.remove(database)
    bench.remove(copy)
  }
}

const DECODINGS = [
  { name: 'rows.decode.insert', workload: 'insert', unit: 'us/commit', goal: 12, share: 0.1, per: 'commits' },
  { name: 'rows.decode.update', workload: 'update', unit: 'us/commit', goal: 12, share: 0.1, per: 'commits' },
  { name: 'rows.decode.hundred', workload: 'hundred', unit: 'us/row', goal: 1.5, share: 0.004, per: 'rows' },
] as const

/** `rows.decode.*`: CPU time that a source takes more when it tells rows; and `rows.memory`. */
async function* measureDecoding(bench: Bench): AsyncGenerator<Row> {
  const bytesPerPage: number[] = []
  for (const { name, workload, unit, goal, share, per } of DECODINGS) {
    if (!bench.wants(name) && !bench.wants('rows.memory')) continue
    const runs: number[] = []
    for (let run = 0; run < bench.effort.runs; run++) {
      const count = Math.ceil(bench.effort.backlog * share)
      const pages = await costOf(bench, { workload, count, rows: false })
      const rows = await costOf(bench, { workload, count, rows: true })
      runs.push((rows.cpuUs - pages.cpuUs) / rows[per])
      bytesPerPage.push(rows.mapBytes / rows.pageCount)
    }
    yield newRow({ name, unit, goal, better: 'lower', runs })
  }
  if (bytesPerPage.length === 0) return
  yield newRow({ name: 'rows.memory', unit: 'bytes/page', goal: 8, better: 'lower', runs: bytesPerPage })
}

async function costOf(bench: Bench, task: Omit<SourceTask, 'database'>): Promise<SourceCost> {
  const database = bench.newDatabase()
  try {
    return await withChildren((newChild) => newChild().run({ kind: 'measure-source', database, ...task }))
  } finally {
    bench.remove(database)
  }
}

const CATCH_UPS = [
  { name: 'rows.catch-up.insert', format: 'row', workload: 'insert', goal: 2.3, share: 1 },
  { name: 'rows.catch-up.hundred', format: 'row', workload: 'hundred', goal: 1.5, share: 0.02 },
] as const

const WIRES = [
  { name: 'rows.wire.insert', workload: 'insert', rowImage: 'full', goal: 200 },
  { name: 'rows.wire.update', workload: 'update', rowImage: 'full', goal: 300 },
  { name: 'rows.wire.update.changed', workload: 'update', rowImage: 'changed', goal: 80 },
] as const

/** `rows.wire.*`: bytes that a commit takes on the network. */
async function* measureRowWire(bench: Bench): AsyncGenerator<Row> {
  for (const { name, workload, rowImage, goal } of WIRES) {
    if (!bench.wants(name)) continue
    const runs = [await bytesPerCommit(bench, { workload, format: 'row', rowImage })]
    yield newRow({ name, unit: 'bytes', goal, better: 'lower', runs })
  }
}
