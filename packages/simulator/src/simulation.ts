import { followersAt, stepFeed, stepFollower, stepLeader } from '@stemma/protocol'
import { BrokenPromise } from './checks.ts'
import { FeedNode } from './feed-node.ts'
import { FollowerNode } from './follower-node.ts'
import { LeaderNode } from './leader-node.ts'
import { digestOf, PAGE_SIZE } from './model.ts'
import { FAULTS, SIMULATED_LIMITS, type Fault, type SimulationOptions } from './options.ts'
import { World, type Subject } from './world.ts'

/** The protocol as it ships. */
export const THE_PROTOCOL: Subject = { stepLeader, stepFollower, stepFeed, waitsForSync: true }

export interface SimulationResult {
  readonly options: SimulationOptions
  /** Of the whole trace: equal for equal seeds. */
  readonly hash: number
  readonly steps: number
  /** Simulated milliseconds. */
  readonly simulatedMs: number
  /** How often what happened: commits, faults, what the nodes reported. */
  readonly counts: ReadonlyMap<string, number>
  /** The promise that was broken, if one was. */
  readonly failure: string | undefined
  /** The last lines of the trace. */
  readonly lastLines: readonly string[]
}

/**
 * Runs one leader with its followers: first with everything going wrong, then healed.
 *
 * @param onLine - gets every line of the trace
 */
export function simulate(
  options: SimulationOptions,
  subject: Subject = THE_PROTOCOL,
  onLine?: (line: string) => void,
): SimulationResult {
  const world = new World(options, subject, onLine)
  let failure: string | undefined
  try {
    new Run(world).run()
  } catch (error) {
    // An assert of ours that fires is a broken promise too.
    failure =
      error instanceof BrokenPromise
        ? error.message
        : `crashed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
  }
  const { hash, steps, counts, lastLines, agenda } = world
  return { options, hash, steps, simulatedMs: agenda.now, counts, failure, lastLines }
}

class Run {
  readonly #world: World
  readonly #leader: LeaderNode
  readonly #wrong: LeaderNode
  readonly #followers: FollowerNode[] = []
  readonly #strangers: FollowerNode[] = []
  readonly #feed: FeedNode
  #wrongUntil = 0

  constructor(world: World) {
    this.#world = world
    this.#leader = new LeaderNode(world, 'leader')
    this.#wrong = new LeaderNode(world, 'wrong')
    for (let i = 0; i < 3; i++) this.#wrong.commit()
    for (let i = 1; i <= world.options.followers; i++) {
      const node: FollowerNode = new FollowerNode(world, `follower${i}`, () => this.#addressOf(node))
      this.#followers.push(node)
    }
    this.#feed = new FeedNode(world, 'feed', this.#leader)
    // Copies of another database, and of one with larger pages, that somebody points at our leader.
    const { cluster, tip, pages } = this.#wrong
    const held = { kind: 'copy', cluster, position: tip, digest: digestOf(pages) } as const
    this.#strangers.push(
      new FollowerNode(world, 'stranger', () => this.#leader, { held: { ...held, pageSize: PAGE_SIZE }, pages }),
    )
    const wide = {
      ...held,
      cluster: this.#leader.cluster,
      position: { epoch: 1, sequence: 0 },
      pageSize: PAGE_SIZE * 2,
    }
    this.#strangers.push(new FollowerNode(world, 'wide', () => this.#leader, { held: wide, pages }))
  }

  run(): void {
    const { agenda, options } = this.#world
    const before = this.#strangers.map(({ held, pages }) =>
      JSON.stringify([pages, held.kind, held.kind === 'copy' ? held.position : 0]),
    )
    this.#writeLater()
    this.#breakLater()
    while (agenda.step(options.chaosMs));
    this.#heal()
    this.#converge()
    // I16: nothing came into a copy of another database.
    const after = this.#strangers.map(({ held, pages }) =>
      JSON.stringify([pages, held.kind, held.kind === 'copy' ? held.position : 0]),
    )
    if (before.join(' ') !== after.join(' ')) throw new BrokenPromise('I16: a copy of another database was changed')
  }

  #writeLater(): void {
    const { agenda, dice, options, network } = this.#world
    agenda.after(dice.between(0, options.commitEveryMs * 2), () => {
      if (network.isCalm) return
      const burst = dice.chance(0.05) ? dice.between(5, 40) : 1
      for (let i = 0; i < burst; i++) this.#leader.commit()
      this.#writeLater()
    })
  }

  #breakLater(): void {
    const { agenda, dice, options, network } = this.#world
    agenda.after(dice.between(0, options.faultEveryMs * 2), () => {
      if (network.isCalm) return
      this.#break(this.#draw())
      this.#breakLater()
    })
  }

  #draw(): Fault {
    const { options, dice } = this.#world
    const total = FAULTS.reduce((sum, fault) => sum + options.faults[fault], 0)
    let left = dice.unit() * total
    for (const fault of FAULTS) {
      left -= options.faults[fault]
      if (left < 0) return fault
    }
    return 'cut-link'
  }

  #break(fault: Fault): void {
    const { dice, network, agenda, options } = this.#world
    const node = dice.pick(this.#followers)
    this.#world.note('fault', `${fault} ${node.name}`)
    this.#world.count(`fault ${fault}`)
    switch (fault) {
      case 'cut-link':
        return node.link?.cut()
      case 'one-way-cut':
        return node.link?.cutOneWay(dice.pick(['follower', 'leader']))
      case 'partition':
        node.link?.cut()
        return network.setApart(node.name, dice.between(50, 2_000))
      case 'kill-leader':
        return this.#restartLeader(() => this.#leader.crash(false))
      case 'power-cut-leader':
        return this.#restartLeader(() => this.#leader.crash(true))
      case 'restore-leader':
        return this.#restartLeader(() => this.#leader.restoreOld())
      case 'new-epoch':
        return this.#restartLeader(() => this.#leader.raiseEpoch())
      case 'kill-follower':
        node.crash(false)
        break
      case 'power-cut-follower':
        node.crash(true)
        break
      case 'restore-follower':
        node.restoreOld()
        break
      case 'wipe-follower':
        node.wipe()
        break
      case 'forget-position':
        node.forgetPosition()
        break
      case 'rot':
        return node.rot()
      case 'full-disk':
        return node.fillDisk()
      case 'wrong-address':
        this.#wrongUntil = agenda.now + dice.between(50, 500)
        return node.link?.cut()
      case 'link-full':
        return this.#leader.fillLink()
      case 'retention':
        return this.#leader.retain(options.keep)
      case 'snapshot-lost':
        return this.#leader.loseSnapshot()
      case 'pause-follower':
        return node.pause(dice.between(10, 2_500))
    }
    agenda.after(dice.between(10, 1_000), () => node.start())
  }

  #restartLeader(crash: () => void): void {
    crash()
    this.#world.agenda.after(this.#world.dice.between(10, 1_000), () => this.#leader.start())
  }

  /** Somebody may type the wrong address; with an empty copy that would be no mistake that anybody could notice. */
  #addressOf({ held }: FollowerNode): LeaderNode {
    return held.kind !== 'empty' && this.#world.agenda.now < this.#wrongUntil ? this.#wrong : this.#leader
  }

  #heal(): void {
    this.#world.network.isCalm = true
    this.#wrongUntil = 0
    this.#world.note('fault', 'none from now on')
    this.#leader.start()
    for (const node of [...this.#followers, ...this.#strangers]) node.start()
    this.#feed.start()
  }

  /** I19: in the end all are equal, and nothing is left lying about. */
  #converge(): void {
    const { agenda, options } = this.#world
    const deadline = agenda.now + options.healMs
    // A copy that rotted finds out at the next commit.
    this.#leader.commit()
    while (!this.#isConverged()) {
      if (!agenda.step(deadline))
        throw new BrokenPromise(`I19: not equal ${options.healMs} ms after the last fault: ${this.#whereAll()}`)
    }
    const quiet = agenda.now + SIMULATED_LIMITS.snapshotIdleMs + SIMULATED_LIMITS.silenceMs
    while (agenda.step(quiet));
    if (!this.#isConverged()) throw new BrokenPromise(`I19: equal for a moment only: ${this.#whereAll()}`)
    if (this.#leader.openSnapshots > 0) throw new BrokenPromise(`I18: ${this.#leader.openSnapshots} snapshots are left open`)
  }

  #isConverged(): boolean {
    const { tip, pages, leader } = this.#leader
    if (leader === undefined || followersAt(leader, tip, 'durable') !== this.#followers.length) return false
    return (
      this.#feed.isAtTip &&
      this.#followers.every(
        (node) => node.held.kind === 'copy' && node.held.digest === digestOf(pages) && String(node.pages) === String(pages),
      )
    )
  }

  #whereAll(): string {
    const nodes = this.#followers.map(
      ({ name, follower, held }) => `${name} ${follower?.phase} at ${held.kind === 'copy' ? held.position.sequence : held.kind}`,
    )
    return `leader at ${this.#leader.tip.sequence}, ${nodes.join(', ')}, ${this.#feed.where}`
  }
}
