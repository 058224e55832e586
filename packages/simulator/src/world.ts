import { showStory, type stepFeed, type stepFollower, type stepLeader } from '@stemma/protocol'
import { Agenda } from './agenda.ts'
import { Checks } from './checks.ts'
import { Dice } from './dice.ts'
import { hashText } from './model.ts'
import { Network } from './network.ts'
import type { SimulationOptions } from './options.ts'

/** The code that is put to the test, or a spoilt copy of it. */
export interface Subject {
  readonly stepLeader: typeof stepLeader
  readonly stepFollower: typeof stepFollower
  readonly stepFeed: typeof stepFeed
  /** Whether a leader of `synced` waits for the sync. */
  readonly waitsForSync: boolean
}

const LINES_KEPT = 60

/** What all nodes of a run share. */
export class World {
  readonly options: SimulationOptions
  readonly subject: Subject
  readonly agenda: Agenda = new Agenda()
  readonly dice: Dice
  readonly network: Network
  readonly checks: Checks = new Checks()
  /** How often what happened. */
  readonly counts: Map<string, number> = new Map()
  readonly lastLines: string[] = []
  /** Of the whole trace. */
  hash: number = 0x811c9dc5
  steps = 0
  readonly #onLine: ((line: string) => void) | undefined

  constructor(options: SimulationOptions, subject: Subject, onLine?: (line: string) => void) {
    this.options = options
    this.subject = subject
    this.#onLine = onLine
    this.dice = new Dice(options.seed * 2 + 1)
    this.network = new Network(this.agenda, this.dice, options)
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }

  /** Notes a step of a node. */
  trace(node: string, input: object, effects: readonly object[]): void {
    this.steps++
    this.note(node, `${showStory(input)} -> ${effects.map(showStory).join('; ')}`)
  }

  note(node: string, what: string): void {
    const line = `${this.agenda.now} ${node}: ${what}`
    this.hash = hashText(this.hash, line)
    this.lastLines.push(line)
    if (this.lastLines.length > LINES_KEPT) this.lastLines.shift()
    this.#onLine?.(line)
  }
}
