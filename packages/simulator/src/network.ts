import type { Agenda } from './agenda.ts'
import type { Dice } from './dice.ts'
import type { SimulationOptions } from './options.ts'

/** One end of a link, as its node sees it. */
export interface LinkEnd {
  message(bytes: Uint8Array): void
  closed(): void
}

type Side = 'follower' | 'leader'

/** A link: two directions, each in order unless the network is unruly. */
export class SimulatedLink {
  readonly id: number
  readonly #network: Network
  readonly #ends: Record<Side, LinkEnd | undefined> = { follower: undefined, leader: undefined }
  readonly #arrivesLast: Record<Side, number> = { follower: 0, leader: 0 }
  readonly #blocked: Record<Side, boolean> = { follower: false, leader: false }
  #isCut = false

  constructor(id: number, network: Network) {
    this.id = id
    this.#network = network
  }

  attach(side: Side, end: LinkEnd): void {
    this.#ends[side] = end
  }

  /** Sends to a side. */
  send(to: Side, bytes: Uint8Array): void {
    const { agenda, dice, options, isCalm } = this.#network
    if (this.#isCut || this.#blocked[to]) return
    const unruly = options.unruly && !isCalm
    if (unruly && dice.chance(0.03)) return
    const times = unruly && dice.chance(0.01) ? 2 : 1
    for (let i = 0; i < times; i++) {
      const drawn = agenda.now + dice.between(...options.delayMs)
      const at = unruly && dice.chance(0.02) ? drawn + options.delayMs[1] : Math.max(drawn, this.#arrivesLast[to])
      this.#arrivesLast[to] = Math.max(at, this.#arrivesLast[to])
      agenda.after(at - agenda.now, () => {
        if (!this.#isCut && !this.#blocked[to]) this.#ends[to]?.message(bytes)
      })
    }
  }

  /** A side lets go. What it sent still arrives, then the other side hears of the end. */
  close(side: Side): void {
    this.#ends[side] = undefined
    const other: Side = side === 'leader' ? 'follower' : 'leader'
    const { agenda } = this.#network
    agenda.after(Math.max(1, this.#arrivesLast[other] - agenda.now + 1), () => {
      if (!this.#isCut && !this.#blocked[other]) this.#tellClosed(other)
    })
  }

  /** A process died; its kernel closes for it, now and then without a word. */
  abandon(side: Side): void {
    this.#ends[side] = undefined
    if (!this.#network.dice.chance(0.2)) this.close(side)
  }

  /** Nothing gets through any more. Each side hears of it after a while, or never. */
  cut(): void {
    this.#isCut = true
    const { agenda, dice } = this.#network
    for (const side of ['follower', 'leader'] as const) {
      if (dice.chance(0.8)) agenda.after(dice.between(0, 400), () => this.#tellClosed(side))
    }
  }

  /** One direction loses everything; after a while the link is gone. */
  cutOneWay(side: Side): void {
    this.#blocked[side] = true
    const { agenda, dice } = this.#network
    agenda.after(dice.between(100, 3_000), () => this.cut())
  }

  #tellClosed(side: Side): void {
    const end = this.#ends[side]
    this.#ends[side] = undefined
    end?.closed()
  }
}

/** All links, and who can't reach whom. */
export class Network {
  readonly agenda: Agenda
  readonly dice: Dice
  readonly options: SimulationOptions
  readonly links: SimulatedLink[] = []
  /** From now on nothing goes wrong. */
  isCalm = false
  readonly #apartUntil = new Map<string, number>()
  #opened = 0

  constructor(agenda: Agenda, dice: Dice, options: SimulationOptions) {
    this.agenda = agenda
    this.dice = dice
    this.options = options
  }

  /** A new link; undefined when the node is cut off. */
  open(node: string): SimulatedLink | undefined {
    if (!this.isCalm && (this.#apartUntil.get(node) ?? 0) > this.agenda.now) return undefined
    const link = new SimulatedLink(++this.#opened, this)
    this.links.push(link)
    if (this.links.length > 6) this.links.shift()
    return link
  }

  setApart(node: string, forMs: number): void {
    this.#apartUntil.set(node, this.agenda.now + forMs)
  }
}
