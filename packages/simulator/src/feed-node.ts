import { StemmaError, comparePositions, showPosition, type Position } from '@stemma/base'
import { decodeMessage, encodeMessage, newFeed, type Feed, type FeedEffect, type FeedInput, type Message } from '@stemma/protocol'
import { BrokenPromise } from './checks.ts'
import type { LeaderNode } from './leader-node.ts'
import { decodeCommits, join, type ModelCommit } from './model.ts'
import type { SimulatedLink } from './network.ts'
import { SIMULATED_LIMITS } from './options.ts'
import { WorkQueue } from './work-queue.ts'
import type { World } from './world.ts'

/** No entry of the model is larger, in bytes. */
const ENTRY_BYTES_MAX = 10_000

/** A feed with its reader: what the reader has taken outlives the process, nothing else does. */
export class FeedNode {
  readonly name: string
  readonly #world: World
  readonly #leader: LeaderNode
  readonly #work: WorkQueue
  /** What the reader had last, and goes on from. */
  #read: Position | undefined
  #digest: bigint | undefined
  #waitingBytes = 0
  #runs = 0
  #feed: Feed | undefined
  #link: SimulatedLink | undefined

  constructor(world: World, name: string, leader: LeaderNode) {
    this.#world = world
    this.name = name
    this.#leader = leader
    this.#work = new WorkQueue(world.agenda, world.dice)
    this.start()
    this.#troubleLater()
  }

  /** The reader has all that the leader has. */
  get isAtTip(): boolean {
    return this.#read !== undefined && comparePositions(this.#read, this.#leader.tip) === 0
  }

  get where(): string {
    return `${this.name} ${this.#feed?.phase} at ${this.#read === undefined ? 'nothing' : showPosition(this.#read)}`
  }

  start(): void {
    if (this.#feed !== undefined) return
    const run = ++this.#runs
    const formats = [{ name: 'model', versions: [1] }]
    this.#feed = newFeed(
      { node: this.name, name: '', sqlite: '', formats, cluster: this.#leader.cluster, from: this.#read },
      this.#world.agenda.now,
      { ...SIMULATED_LIMITS, windowBytes: this.#world.options.windowBytes },
    )
    this.#tick(run)
    this.#connectAfter(this.#world.dice.between(0, 50))
  }

  #tick(run: number): void {
    this.#world.agenda.after(100, () => {
      if (run !== this.#runs || this.#feed === undefined) return
      this.#step({ kind: 'tick' })
      this.#tick(run)
    })
  }

  #troubleLater(): void {
    const { agenda, dice, network } = this.#world
    agenda.after(dice.between(100, 2_000), () => {
      if (network.isCalm) return
      const drawn = dice.between(1, 3)
      if (drawn === 1) this.#crash()
      if (drawn === 2) this.#work.pause(dice.between(10, 2_500))
      if (drawn === 3) this.#link?.cut()
      this.#troubleLater()
    })
  }

  #crash(): void {
    this.#feed = undefined
    this.#work.clear()
    this.#waitingBytes = 0
    this.#link?.abandon('follower')
    this.#link = undefined
    this.#world.agenda.after(this.#world.dice.between(10, 1_000), () => this.start())
  }

  #connectAfter(delayMs: number): void {
    const { agenda, network, dice } = this.#world
    const run = this.#runs
    agenda.after(delayMs, () => {
      if (run !== this.#runs || this.#feed === undefined || this.#link !== undefined || this.#feed.phase === 'stopped') return
      const link = network.open(this.name)
      if (link === undefined || !this.#leader.isUp) return this.#connectAfter(dice.between(50, 300))
      this.#link = link
      link.attach('follower', { message: (bytes) => this.#receive(link, bytes), closed: () => this.#lose(link) })
      this.#leader.accept(link)
      this.#step({ kind: 'connected' })
    })
  }

  #receive(link: SimulatedLink, bytes: Uint8Array): void {
    if (this.#link !== link) return
    let message: Message
    try {
      message = decodeMessage(bytes)
    } catch (error) {
      if (!StemmaError.is(error)) throw error
      return this.#step({ kind: 'bad-message', error })
    }
    this.#step({ kind: 'message', message })
  }

  #lose(link: SimulatedLink): void {
    if (this.#link !== link) return
    this.#link = undefined
    this.#step({ kind: 'disconnected', error: undefined })
    this.#connectAfter(this.#world.dice.between(20, 200))
  }

  #step(input: FeedInput): void {
    if (this.#feed === undefined) return
    const { feed, effects } = this.#world.subject.stepFeed(this.#feed, input, this.#world.agenda.now)
    this.#feed = feed
    if (input.kind !== 'tick' || effects.length > 0) this.#world.trace(this.name, input, effects)
    for (const effect of effects) this.#perform(effect)
  }

  #perform(effect: FeedEffect): void {
    switch (effect.kind) {
      case 'send':
        if (effect.message.kind === 'ack') this.#checkAck(effect.message.durable)
        return this.#link?.send('leader', join(encodeMessage(effect.message)))
      case 'take':
        return this.#take(effect)
      case 'disconnect':
        return this.#disconnect(effect.error)
      case 'stop':
        return this.#stop(effect.error)
      case 'report':
        if (effect.report.kind === 'going-on' && this.#read === undefined) this.#read = effect.report.position
        return this.#world.count(`feed ${effect.report.kind}`)
    }
  }

  #take({ first, last, bytes }: Extract<FeedEffect, { readonly kind: 'take' }>): void {
    const commits = decodeCommits(bytes)
    const end = commits?.at(-1)
    if (commits === undefined || end === undefined || commits[0]?.position.sequence !== first || end.position.sequence !== last)
      throw new BrokenPromise(`I3: ${this.name} was handed what is not ${first} to ${last}`)
    this.#waitingBytes += bytes.byteLength
    if (this.#waitingBytes > this.#world.options.windowBytes + ENTRY_BYTES_MAX)
      throw new BrokenPromise(`I18: ${this.#waitingBytes} bytes wait for the reader of ${this.name}`)
    this.#step({ kind: 'taken', position: end.position })
    for (const commit of commits) this.#work.add(8, () => this.#consume(commit))
  }

  /** The reader takes a commit: the next one, which goes on from the one before. */
  #consume({ position, digest, digestBefore, encoded }: ModelCommit): void {
    const { sequence } = this.#read ?? { sequence: position.sequence - 1 }
    if (position.sequence !== sequence + 1)
      throw new BrokenPromise(`I3: the reader of ${this.name} was given ${position.sequence} after ${sequence}`)
    if (this.#digest !== undefined && this.#digest !== digestBefore) return this.#startOver()
    this.#read = position
    this.#digest = digest
    this.#waitingBytes -= encoded.byteLength
    this.#world.count('feed read')
    this.#step({ kind: 'consumed', position, waitingBytes: this.#waitingBytes })
  }

  /** The leader lost commits that had been read. Only the chain of digests tells, since a position tells no contents. */
  #startOver(): void {
    if (this.#world.options.ship === 'synced' && !this.#leader.hasLostHistory)
      throw new BrokenPromise(`I8: ${this.name} went on in another history`)
    this.#world.count('feed found another history')
    this.#forget()
    this.#crash()
  }

  #forget(): void {
    this.#read = undefined
    this.#digest = undefined
  }

  #checkAck(durable: Position): void {
    const { from, taken } = this.#feed ?? {}
    const read = this.#read ?? from
    if (read === undefined || from === undefined || taken === undefined) return
    if (comparePositions(durable, comparePositions(read, from) > 0 ? read : from) > 0)
      throw new BrokenPromise(`ack: ${this.name} says that ${showPosition(durable)} is read, ${showPosition(read)} is`)
  }

  #disconnect(error: StemmaError): void {
    this.#checkDecency(error)
    this.#link?.close('follower')
    this.#link = undefined
    this.#connectAfter(this.#world.dice.between(20, 200))
  }

  /** What was between is lost to the reader, who is told, reads the database anew, and goes on from now. */
  #stop(error: StemmaError): void {
    this.#checkDecency(error)
    this.#world.count(`feed stopped ${error.code}`)
    if (error.code === 'POSITION_UNKNOWN' && this.#world.options.ship === 'synced' && !this.#leader.hasLostHistory)
      throw new BrokenPromise(`${this.name} is not in the history, though only what was synced was shipped`)
    this.#link?.close('follower')
    this.#link = undefined
    this.#forget()
    this.#crash()
  }

  #checkDecency(error: StemmaError): void {
    if (error.code === 'PROTOCOL_MESSAGE' && !this.#world.options.unruly)
      throw new BrokenPromise(`on a decent network: ${error.message}`)
  }
}
