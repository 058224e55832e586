import type { Comparison, ComparisonPhase, ComparisonRow, FollowerState, Sample, Verdict, Work, WorkloadChoice } from '../wire.ts'
import type { FollowerNode } from './follower-node.ts'
import type { Stage } from './stage.ts'

export interface ComparisonRequest {
  readonly workload: string
  /** Of the workload `sql`: what one transaction runs. */
  readonly sql?: string | undefined
  /** How many transactions; by default as many as the workload says. */
  readonly transactions?: number | undefined
}

/** How often followers are read, in milliseconds. */
const SAMPLE_MS = 100
/** The first part is written in about this time, so that lag is that of a steady load. */
const WRITE_MS = 2_500
const WAIT_MS = 60_000
/** How much of the transactions comes while all followers are held back. */
const PAUSED_SHARE = 0.5

/**
 * Runs a workload and measures what it is in each format: first at a steady rate, then, while every link is held, as fast as it goes, after which
 * one follower after another is let go and catches up. Nobody else writes meanwhile.
 *
 * @throws Error when a comparison is running, or a transaction fails
 */
export async function compare(stage: Stage, request: ComparisonRequest): Promise<Comparison> {
  const workload = stage.state.workloads.find(({ id }) => id === request.workload)
  if (workload === undefined) throw new Error(`there is no workload ${request.workload}`)
  if (stage.comparing !== undefined) throw new Error('a comparison is running')
  const { load } = stage.state
  stage.comparing = { workload: workload.id, phase: 'getting ready', samples: [] }
  try {
    if (load.rate > 0) await stage.setLoad({ ...load, rate: 0 })
    const comparison = await new Run(stage, workload, request).play()
    stage.comparisons.push(comparison)
    return comparison
  } finally {
    stage.comparing = undefined
    for (const follower of stage.followers) if (follower.link.state.mode.kind === 'held') follower.setLink({ kind: 'open' })
    if (load.rate > 0) await stage.setLoad(load)
  }
}

class Run {
  readonly #stage: Stage
  readonly #workload: WorkloadChoice
  readonly #request: ComparisonRequest
  readonly #followers: readonly FollowerNode[]
  readonly #samples: Sample[] = []
  readonly #before = new Map<string, Work>()
  #position = 0
  #startedAt = 0

  constructor(stage: Stage, workload: WorkloadChoice, request: ComparisonRequest) {
    this.#stage = stage
    this.#workload = workload
    this.#request = request
    // Who can't take part is left out: dead, failed, or cut off on purpose.
    this.#followers = stage.followers.filter(
      ({ isAlive, isFailed, kind, link }) =>
        isAlive && (!isFailed || kind.promise === 'nothing') && link.state.mode.kind === 'open',
    )
  }

  async play(): Promise<Comparison> {
    const { sql = '', transactions = this.#workload.transactions } = this.#request
    const stage = this.#stage
    const what = { workload: this.#workload.id, sql, seed: stage.newSeed() }
    await stage.eachLeader(({ child }) => child.call('prepare', { ...what, rate: 0 }))
    // Those that promise nothing may have gone astray before: all begin equal.
    for (const follower of this.#followers) if (follower.kind.promise === 'nothing') await follower.resync()
    await this.#wait()
    await this.#begin()

    const paused = Math.max(1, Math.floor(transactions * PAUSED_SHARE))
    const steady = Math.max(1, transactions - paused)
    this.#enter('writing')
    const rate = (steady / WRITE_MS) * 1000
    const first = await this.#sampled(stage.eachLeader(({ child }) => child.call('run', { ...what, rate, total: steady })))
    await this.#sampled(this.#wait())

    this.#enter('paused')
    for (const { link } of this.#followers) link.set({ kind: 'held' })
    const waitedFrom = this.#stage.leader.position
    const next = { ...what, seed: stage.newSeed(), rate: 0, total: paused }
    const second = await this.#sampled(inTurn(stage.leaders, ({ child }) => child.call('run', next)))
    await this.#sample()
    const waited = this.#stage.leader.position - waitedFrom
    this.#enter('catching up')
    const catchUps = await this.#sampled(this.#catchUp())

    this.#enter('comparing rows')
    const verdicts = new Map<string, Verdict>()
    for (const follower of this.#followers) verdicts.set(follower.id, await verdictOn(this.#stage, follower))
    await this.#sample()
    const tookMs = (first[0]?.tookMs ?? 0) + (second[0]?.tookMs ?? 0)
    return this.#result({ transactions: steady + paused, tookMs, waited, catchUps, verdicts })
  }

  #enter(phase: ComparisonPhase): void {
    this.#stage.comparing = { workload: this.#workload.id, phase, samples: this.#samples }
  }

  async #begin(): Promise<void> {
    await this.#stage.refresh()
    const { leader, leaders, followers } = this.#stage.state
    for (const { id, work: works } of leaders) for (const work of works) this.#before.set(`${id} ${work.format}`, work)
    for (const { id, work } of followers) this.#before.set(id, work)
    this.#position = leader.position
    this.#startedAt = performance.now()
  }

  /** Resolves when all have everything. */
  #wait(): Promise<void> {
    return this.#stage.settle(this.#followers)
  }

  /** Reads everybody over and over until something is done. */
  async #sampled<T>(work: Promise<T>): Promise<T> {
    let isDone = false
    const done = work.finally(() => (isDone = true))
    done.catch(() => {})
    while (!isDone) {
      await this.#sample()
      await Promise.race([done.catch(() => {}), new Promise((resolve) => setTimeout(resolve, SAMPLE_MS))])
    }
    return await done
  }

  async #sample(): Promise<void> {
    await this.#stage.refresh()
    const { leader, followers } = this.#stage.state
    const mine = new Set(this.#followers.map(({ id }) => id))
    this.#samples.push({
      at: Math.round(performance.now() - this.#startedAt),
      commits: leader.position - this.#position,
      followers: Object.fromEntries(followers.filter(({ id }) => mine.has(id)).map((each) => [each.id, this.#sampleOf(each)])),
    })
  }

  #sampleOf({ id, work, lagCommits, delayMs }: FollowerState): Sample['followers'][string] {
    return { bytes: work.bytes - (this.#before.get(id)?.bytes ?? 0), lagCommits, delayMs }
  }

  /** Lets go of one after another, so that none takes time from the one that is measured. Milliseconds, by follower. */
  async #catchUp(): Promise<ReadonlyMap<string, number>> {
    const took = new Map<string, number>()
    const arrived = new Map<string, number>()
    for (const follower of this.#followers) {
      const { id, link, kind } = follower
      const followers = (arrived.get(kind.leader) ?? 0) + 1
      const arrival = this.#stage.leaderCalled(kind.leader).child.call('wait', { followers, timeoutMs: WAIT_MS })
      arrival.catch(() => {})
      const letGoAt = performance.now()
      link.set({ kind: 'open' })
      // One that stops at what it can't do never arrives.
      const isThere = await Promise.race([arrival.then(() => true), follower.whenGone().then(() => false)])
      if (!isThere) continue
      arrived.set(kind.leader, followers)
      took.set(id, performance.now() - letGoAt)
    }
    return took
  }

  #result(parts: Measured): Comparison {
    const { transactions, tookMs } = parts
    const { leader, followers } = this.#stage.state
    const commits = leader.position - this.#position
    const byId = new Map(followers.map((each) => [each.id, each]))
    const rows = this.#followers.flatMap(({ id }) => {
      const follower = byId.get(id)
      return follower === undefined ? [] : [this.#row(follower, parts)]
    })
    const { sql } = this.#request
    const id = this.#stage.comparisons.length + 1
    return { id, workload: this.#workload, sql, transactions, commits, tookMs, rows, samples: this.#samples }
  }

  #row({ id, kind, work }: FollowerState, { waited, catchUps, verdicts }: Measured): ComparisonRow {
    const leader = this.#stage.leaderCalled(kind.leader).state
    const encoded = leader.work.find(({ format }) => format === kind.format)
    const encoding = minus(encoded ?? NO_WORK, this.#before.get(`${kind.leader} ${kind.format}`))
    const applying = minus(work, this.#before.get(id))
    const delays = this.#samples.flatMap(({ followers }) => followers[id]?.delayMs ?? []).toSorted((a, b) => a - b)
    return {
      follower: id,
      kind,
      entries: applying.entries,
      bytes: applying.bytes,
      bytesPerCommit: applying.bytes / Math.max(1, applying.entries),
      encodeUs: (encoding.tookMs / Math.max(1, encoding.entries)) * 1000,
      applyUs: (applying.tookMs / Math.max(1, applying.entries)) * 1000,
      delayMs: delays[delays.length >> 1],
      delayMaxMs: delays.at(-1),
      asRows: encoding.asRows,
      waited,
      catchUpMs: catchUps.get(id),
      verdict: verdicts.get(id) ?? { equal: false, position: 0, what: 'it was not compared' },
    }
  }
}

interface Measured {
  readonly transactions: number
  readonly tookMs: number
  readonly waited: number
  readonly catchUps: ReadonlyMap<string, number>
  readonly verdicts: ReadonlyMap<string, Verdict>
}

const NO_WORK: Work = { format: '', entries: 0, bytes: 0, tookMs: 0 }

function minus(now: Work, before: Work | undefined): Work {
  const { format, entries, bytes, tookMs, asRows } = now
  if (before === undefined) return now
  return {
    format,
    entries: entries - before.entries,
    bytes: bytes - before.bytes,
    tookMs: tookMs - before.tookMs,
    asRows: asRows === undefined ? undefined : asRows - (before.asRows ?? 0),
  }
}

async function inTurn<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (const item of items) results.push(await work(item))
  return results
}

async function verdictOn(stage: Stage, follower: FollowerNode): Promise<Verdict> {
  const { id, isFailed, isAlive } = follower
  if (isFailed || !isAlive) return { equal: false, position: 0, what: `it stopped: ${follower.trouble ?? 'its process ended'}` }
  try {
    return await stage.verify(id)
  } catch (error) {
    return {
      equal: false,
      position: 0,
      what: `it could not be compared: ${error instanceof Error ? error.message : String(error)}`,
    }
  }
}
