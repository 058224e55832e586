import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, copyFileSync, fdatasyncSync, openSync, renameSync, rmSync } from 'node:fs'
import type { Bench } from '../bench.ts'
import type { Format, Opened } from '../child.ts'
import { withChildren } from '../child-process.ts'
import { newRow, show, type Row } from '../result.ts'
import type { Workload } from '../workload.ts'

const MANNERS = ['merged', 'unmerged'] as const
const GOALS = { merged: 5, unmerged: 1.5 } as const

type Manner = (typeof MANNERS)[number]

/** A follower that was away while many one-row commits were made, against the rate at which plain SQLite makes them. */
export async function* measureCatchUp(bench: Bench): AsyncGenerator<Row> {
  const manners = MANNERS.filter((manner) => bench.wants(`catch-up.${manner}`))
  if (manners.length === 0) return
  const { backlog } = bench.effort
  const { plain, rates, cpu } = await catchUpRates(bench, { format: 'wal', workload: 'insert', backlog, manners })
  for (const manner of manners) {
    yield newRow({
      name: `catch-up.${manner}`,
      unit: 'of plain',
      goal: GOALS[manner],
      better: 'higher',
      runs: rates[manner].map((rate, run) => rate / plain[run]!),
      beside: `${rates[manner].map(show).join(' ')}; plain ${plain.map(show).join(' ')} tx/s`,
    })
    yield newRow({ name: `catch-up.${manner}.cpu`, unit: 'us/commit', goal: undefined, better: 'lower', runs: cpu[manner] })
  }
}

interface Backlog {
  readonly format: Format
  readonly workload: Workload
  /** Commits. */
  readonly backlog: number
  readonly manners: readonly Manner[]
}

/** Commits a second, and CPU time for each in microseconds: of each run, in turns. */
export async function catchUpRates(
  bench: Bench,
  options: Backlog,
): Promise<{ plain: number[]; rates: Record<Manner, number[]>; cpu: Record<Manner, number[]> }> {
  const { format, workload, backlog, manners } = options
  const [database, start, copy] = [bench.newDatabase(), bench.newPath(), bench.newPath()]
  const plain: number[] = []
  const rates = { merged: [] as number[], unmerged: [] as number[] }
  const cpu = { merged: [] as number[], unmerged: [] as number[] }
  await withChildren(async (newChild) => {
    const leader = newChild()
    const { url } = await leader.run({ kind: 'open-leader', database, ship: 'synced', thread: 'worker', format })
    await withChildren((newFollower) => newFollower().run({ kind: 'open-follower', url, database: start, merge: true, format }))
    await leader.run({ kind: 'write-count', workload, count: backlog })
    for (let run = 0; run < bench.effort.runs; run++) {
      plain.push(await plainRate(bench, options))
      for (const manner of manners) {
        bench.copy(start, copy)
        await withChildren(async (newFollower) => {
          const follower = newFollower()
          const before = await follower.run({ kind: 'facts' })
          const merge = manner === 'merged'
          const opened = await follower.run({ kind: 'open-follower', url, database: copy, merge, format })
          if (opened.tookSnapshot) throw new Error('the follower took a snapshot instead of the backlog')
          const after = await follower.run({ kind: 'facts' })
          rates[manner].push((backlog / opened.caughtUpMs) * 1000)
          cpu[manner].push((after.cpuUs - before.cpuUs) / backlog)
        })
      }
    }
  })
  for (const path of [database, start, copy]) bench.remove(path)
  return { plain, rates, cpu }
}

async function plainRate(bench: Bench, { workload, backlog }: Backlog): Promise<number> {
  const database = bench.newDatabase()
  try {
    return await withChildren(async (newChild) => {
      const writer = newChild()
      await writer.run({ kind: 'open-plain', database })
      const { commits, seconds } = await writer.run({ kind: 'write-count', workload, count: backlog })
      return commits / seconds
    })
  } finally {
    bench.remove(database)
  }
}

const MANNERS_OF_COPY = [
  // The leader proves who it is: each page's sum and the digest of all.
  { name: 'snapshot', goal: 0.5, token: randomBytes(32) },
  // Anybody could have sent it: SQLite looks through its structure as well.
  { name: 'snapshot.unknown-leader', goal: undefined, token: undefined },
] as const

/**
 * A new follower's first copy, from the connection until it is checked, durable and caught up, against `cp` of the file. `cp` leaves what it wrote
 * in memory; ours ends with a sync, so a second row compares with `cp` and a sync of what it wrote.
 */
export async function* measureSnapshot(bench: Bench): AsyncGenerator<Row> {
  for (const { name, goal, token } of MANNERS_OF_COPY) {
    if (!bench.wants(name)) continue
    const { plain, ours } = await copyTimes(bench, token)
    const all = (times: readonly number[]): string => times.map(show).join(' ')
    const synced = plain.map(({ cpMs, syncMs }) => cpMs + syncMs)
    yield newRow({
      name,
      unit: "of cp's speed",
      goal,
      better: 'higher',
      runs: ours.map(({ caughtUpMs }, run) => plain[run]!.cpMs / caughtUpMs),
      beside:
        `${all(ours.map(({ caughtUpMs }) => caughtUpMs))}; cp ${all(plain.map(({ cpMs }) => cpMs))} ms; ` +
        `of ours, check and sync after the last page ${all(ours.map(({ settledMs }) => settledMs))}; ` +
        `with the start of its thread ${all(ours.map(({ tookMs }) => tookMs))}`,
    })
    yield newRow({
      name: `${name}.durable`,
      unit: 'of cp and sync',
      goal: undefined,
      better: 'higher',
      runs: ours.map(({ caughtUpMs }, run) => synced[run]! / caughtUpMs),
      beside: `cp and sync ${all(synced)} ms`,
    })
  }
}

interface CpTime {
  readonly cpMs: number
  /** To sync what it wrote. */
  readonly syncMs: number
}

async function copyTimes(bench: Bench, token: Uint8Array | undefined): Promise<{ plain: CpTime[]; ours: Opened[] }> {
  const [database, copy, spare] = [bench.newDatabase(bench.effort.snapshotBytes), bench.newPath(), bench.newPath()]
  const [plain, ours]: [CpTime[], Opened[]] = [[], []]
  await withChildren(async (newChild) => {
    const leader = newChild()
    const { url } = await leader.run({ kind: 'open-leader', database, ship: 'synced', thread: 'worker', token })
    for (let run = 0; run < bench.effort.runs; run++) {
      copyFileSync(database, spare)
      await withChildren(async (newFollower) => {
        const follower = newFollower()
        await follower.run({ kind: 'facts' })
        plain.push(cpTime(database, copy, spare))
        ours.push(await follower.run({ kind: 'open-follower', url, database: copy, merge: true, token, spare }))
      })
      bench.remove(copy)
    }
  })
  bench.remove(database)
  return { plain, ours }
}

/**
 * A virtual machine may give memory that was free for a second or two back to its host, and to get it again costs several times
 * what copying does. So both copies begin when a file of their size has just gone; the one that this makes is kept for ours.
 */
function cpTime(database: string, copy: string, spare: string): CpTime {
  rmSync(spare)
  const start = performance.now()
  spawnSync('cp', [database, copy])
  const cpMs = performance.now() - start
  const file = openSync(copy, 'r+')
  fdatasyncSync(file)
  const syncMs = performance.now() - start - cpMs
  closeSync(file)
  renameSync(copy, spare)
  return { cpMs, syncMs }
}
