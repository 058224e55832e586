import { compare } from '../stage/comparison.ts'
import { Stage } from '../stage/stage.ts'
import type { Comparison } from '../wire.ts'
import { showComparison } from './comparison-text.ts'
import { type Pitfall, playPitfalls } from './pitfalls.ts'
import { type Proof, prove } from './proof.ts'
import { SILENCE, type Story, openStory } from './story.ts'

interface OnceOptions {
  readonly database: string | undefined
  readonly formats: readonly string[]
  /** Which of Stemma's own; all when undefined. */
  readonly only: readonly string[] | undefined
  readonly json: boolean
  /** Transactions a second, while followers are watched. */
  readonly rate: number
  readonly sceneMs: number
  /** Which scenes of the catalogue are played, by their numbers. */
  readonly pitfalls: 'all' | readonly number[]
  /** Which workloads are compared; all that suit the database when undefined. */
  readonly workloads: readonly string[] | undefined
}

/** What the last line of the report holds, as JSON. */
interface Result {
  /** Every copy that promises to be equal is. */
  readonly equal: boolean
  readonly commits: number
  readonly digest: string
  readonly rows: number
  readonly kills: number
  readonly resumedMs: number
  readonly comparisons: readonly Omit<Comparison, 'samples'>[]
  /** How the catalogue's scenes came out. */
  readonly pitfalls: readonly Pitfall[]
}

/** Plays the demo as a report; true when everything that was promised is so. */
export async function playOnce(options: OnceOptions): Promise<boolean> {
  const { database, formats, only, json } = options
  const story = json ? SILENCE : openStory(process.stdout)
  process.once('SIGINT', () => process.exit(130))
  process.once('SIGTERM', () => process.exit(143))
  const stage = await Stage.open({ database, formats, only })
  try {
    await stage.whenCopied()
    const result = await new Play(stage, story, options).play()
    console.log(JSON.stringify(result))
    return result.equal && result.pitfalls.every(({ asPromised }) => asPromised)
  } finally {
    await stage.close()
  }
}

class Play {
  readonly #stage: Stage
  readonly #story: Story
  readonly #options: OnceOptions

  constructor(stage: Stage, story: Story, options: OnceOptions) {
    this.#stage = stage
    this.#story = story
    this.#options = options
  }

  async play(): Promise<Result> {
    const [stage, story] = [this.#stage, this.#story]
    const { rate } = this.#options
    story.title('A database, and a leader that ships what is committed to it, in every format')
    const workload = stage.state.workloads[0]?.id ?? ''
    await stage.setLoad({ workload, rate })
    story.say(`${stage.database}\nserved at ${stage.leader.url}, while its process writes ${rate} transactions a second`)

    story.title('Followers, each in a process of its own')
    for (const { id, pid, snapshotBytes } of stage.followers) {
      story.say(`${id.padEnd(8)} process ${pid}: took a snapshot of ${mebibytes(snapshotBytes)} while the leader went on writing`)
    }
    await this.#watch()
    const resumedMs = await this.#killAndReturn()

    story.title('The proof')
    await stage.setLoad({ workload, rate: 0 })
    const proof = await prove(stage)
    for (const { what, mine, theirs, isEqual } of proof.compared) {
      story.say(`${what.padEnd(38)}${isEqual ? 'equal' : 'DIFFERENT'}   ${theirs}${isEqual ? '' : `, the leader ${mine}`}`)
    }

    story.title('What each format is good for')
    const comparisons = await this.#compare()

    story.title('What becomes of a copy when statements are run again')
    const pitfalls = await playPitfalls(this.#options.pitfalls, stage.folder, story)
    story.end()
    return resultOf(proof, resumedMs, comparisons, pitfalls)
  }

  /** A follower dies without warning, misses something, and comes back. */
  async #killAndReturn(): Promise<number> {
    const [stage, story] = [this.#stage, this.#story]
    const follower = stage.followers[0]!
    const { id, kind } = follower
    story.title('kill -9')
    await stage.kill(id)
    story.say(`the follower by ${kind.label} is gone; the leader does not care`)
    await this.#watch()

    story.title('It comes back')
    const backAt = performance.now()
    follower.start()
    await follower.child.call('caughtUp', undefined)
    const tookMs = Math.round(performance.now() - backAt)
    const how = follower.snapshotBytes === 0 ? 'went on where it was, by the log' : 'took over the pages that differ'
    story.say(`${how}: caught up ${tookMs} ms after it was started`)
    await this.#watch()
    return tookMs
  }

  async #compare(): Promise<readonly Omit<Comparison, 'samples'>[]> {
    const found: Omit<Comparison, 'samples'>[] = []
    const chosen = this.#options.workloads ?? this.#stage.state.workloads.map(({ id }) => id).filter((id) => id !== 'sql')
    for (const id of chosen) {
      const { samples: _samples, ...comparison } = await compare(this.#stage, { workload: id })
      for (const line of showComparison(comparison)) this.#story.say(line)
      found.push(comparison)
    }
    return found
  }

  /** Shows for a moment where everybody stands. */
  async #watch(): Promise<void> {
    const until = performance.now() + this.#options.sceneMs
    do {
      await this.#stage.refresh()
      const { leader, followers } = this.#stage.state
      const places = followers.map(({ id, state, lagCommits }) =>
        state === 'dead' ? `${id} dead` : lagCommits === 0 ? `${id} caught up` : `${id} ${lagCommits} behind`,
      )
      this.#story.live(`leader at commit ${leader.position.toLocaleString('en')}   ${places.join('   ')}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    } while (performance.now() < until)
    this.#story.keep()
  }
}

function resultOf(proof: Proof, resumedMs: number, comparisons: Result['comparisons'], pitfalls: Result['pitfalls']): Result {
  const { position: commits, digest, rows, compared } = proof
  const stayed = comparisons.every((each) => each.rows.every(({ kind, verdict }) => verdict.equal || kind.promise === 'nothing'))
  return {
    equal: stayed && compared.every(({ isEqual }) => isEqual),
    commits,
    digest,
    rows,
    kills: 1,
    resumedMs,
    comparisons,
    pitfalls,
  }
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`
}
