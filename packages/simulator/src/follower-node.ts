import { StemmaError, type Position } from '@stemma/base'
import {
  decodeMessage,
  encodeMessage,
  newFollower,
  type Follower,
  type FollowerEffect,
  type FollowerInput,
  type FollowerReport,
  type Held,
  type HeldCopy,
  type Message,
} from '@stemma/protocol'
import { BrokenPromise } from './checks.ts'
import type { LeaderNode } from './leader-node.ts'
import { applyCommit, decodeCommits, digestOf, join, PAGE_SIZE, type Pages } from './model.ts'
import type { SimulatedLink } from './network.ts'
import { SIMULATED_LIMITS } from './options.ts'
import { Staging } from './staging.ts'
import { WorkQueue } from './work-queue.ts'
import type { World } from './world.ts'

/** A copy on a follower's disk. */
interface Copy {
  readonly held: Held
  readonly pages: Pages
}

type Effect<Kind extends FollowerEffect['kind']> = Extract<FollowerEffect, { readonly kind: Kind }>

const EMPTY: Copy = { held: { kind: 'empty' }, pages: [] }

/** A follower and its host: a modelled copy and process. What is on its disk outlives the process. */
export class FollowerNode {
  readonly name: string
  readonly #world: World
  readonly #leaders: () => LeaderNode
  readonly #work: WorkQueue
  #copy: Copy
  /** What a power cut leaves at least, and the states after it, any of which it may leave. */
  #durable: Copy
  #since: Copy[] = []
  #old: Copy = EMPTY
  #staging: Staging | undefined
  #isRotten = false
  #runs = 0
  #follower: Follower | undefined
  #link: SimulatedLink | undefined
  #end: Position | undefined
  #onDiverged: 'snapshot' | 'stop'

  constructor(world: World, name: string, leaders: () => LeaderNode, copy: Copy = EMPTY) {
    this.#world = world
    this.name = name
    this.#leaders = leaders
    this.#work = new WorkQueue(world.agenda, world.dice)
    this.#copy = copy
    this.#durable = copy
    this.#onDiverged = world.options.onDiverged
    this.start()
  }

  get isUp(): boolean {
    return this.#follower !== undefined
  }

  get follower(): Follower | undefined {
    return this.#follower
  }

  get held(): Held {
    return this.#copy.held
  }

  get pages(): Pages {
    return this.#copy.pages
  }

  get link(): SimulatedLink | undefined {
    return this.#link
  }

  start(): void {
    if (this.#follower !== undefined) return
    this.#runs++
    // Opening the copy syncs it.
    this.#becomeDurable()
    const { held } = this.#copy
    this.#follower = newFollower(
      {
        node: this.name,
        name: '',
        sqlite: '3.54.1',
        formats: [{ name: 'model', versions: [1] }],
        onDiverged: this.#onDiverged,
        held,
        durable: held.kind === 'copy' ? held.position : undefined,
        resume: this.#staging?.info.snapshot,
      },
      this.#world.agenda.now,
      { ...SIMULATED_LIMITS, windowBytes: this.#world.options.windowBytes, fetchBytes: PAGE_SIZE * 2, fetchesMax: 3 },
    )
    this.#world.note(this.name, `starts ${held.kind}`)
    this.#tick(this.#runs)
    this.#connectAfter(this.#world.dice.between(0, 50))
  }

  #tick(run: number): void {
    this.#world.agenda.after(100, () => {
      if (run !== this.#runs || this.#follower === undefined) return
      this.#feed({ kind: 'tick' })
      this.#tick(run)
    })
  }

  /** The process dies; with `power`, what was not synced may go with it. */
  crash(power: boolean): void {
    if (this.#follower === undefined) return
    this.#follower = undefined
    this.#work.clear()
    this.#link?.abandon('follower')
    this.#link = undefined
    if (!power) return
    const { dice } = this.#world
    this.#copy = dice.pick([this.#durable, ...this.#since])
    this.#since = []
    this.#durable = this.#copy
    if (dice.chance(0.5)) this.#staging = undefined
    this.#checkCopy()
    this.#world.note(this.name, `lost power, holds ${this.#copy.held.kind}`)
  }

  /** The copy is deleted. */
  wipe(): void {
    this.#replace(EMPTY)
    this.#staging = undefined
    this.#isRotten = false
  }

  /** A backup of the copy is put in its place. */
  restoreOld(): void {
    if (!this.#isRotten) this.#replace(this.#old)
  }

  /** It is not known any more where the copy stands. */
  forgetPosition(): void {
    const { held, pages } = this.#copy
    if (held.kind !== 'copy') return
    const { cluster, pageSize, position } = held
    this.#replace({ held: { kind: 'unknown', cluster, pageSize, epoch: position.epoch }, pages })
  }

  /** A page changes that nobody wrote. */
  rot(): void {
    const { dice } = this.#world
    if (this.#copy.held.kind !== 'copy' || this.#copy.pages.length === 0) return
    const index = dice.between(0, this.#copy.pages.length - 1)
    this.#copy = { ...this.#copy, pages: this.#copy.pages.map((value, i) => (i === index ? value ^ 1 : value)) }
    this.#isRotten = true
    this.#becomeDurable()
  }

  fillDisk(): void {
    if (this.#follower === undefined) return
    this.#work.clear()
    this.#feed({ kind: 'failed', error: new StemmaError('CONNECT_FAILED', 'the disk is full, for now') })
  }

  pause(forMs: number): void {
    this.#work.pause(forMs)
  }

  #replace(copy: Copy): void {
    this.crash(false)
    this.#copy = copy
    this.#durable = copy
    this.#since = []
  }

  #becomeDurable(): void {
    this.#durable = this.#copy
    this.#since = []
  }

  #connectAfter(delayMs: number): void {
    const { agenda, network, dice } = this.#world
    const run = this.#runs
    agenda.after(delayMs, () => {
      if (run !== this.#runs || this.#follower === undefined || this.#link !== undefined || this.#follower.phase === 'stopped')
        return
      const link = network.open(this.name)
      const leader = this.#leaders()
      if (link === undefined || !leader.isUp) return this.#connectAfter(dice.between(50, 300))
      this.#link = link
      link.attach('follower', { message: (bytes) => this.#receive(link, bytes), closed: () => this.#lose(link) })
      leader.accept(link)
      this.#feed({ kind: 'connected' })
    })
  }

  #receive(link: SimulatedLink, bytes: Uint8Array): void {
    if (this.#link !== link) return
    let message: Message
    try {
      message = decodeMessage(bytes)
    } catch (error) {
      if (!StemmaError.is(error)) throw error
      return this.#feed({ kind: 'bad-message', error })
    }
    this.#feed({ kind: 'message', message })
  }

  #lose(link: SimulatedLink): void {
    if (this.#link !== link) return
    this.#link = undefined
    this.#feed({ kind: 'disconnected', error: undefined })
    this.#connectAfter(this.#world.dice.between(20, 200))
  }

  #feed(input: FollowerInput): void {
    if (this.#follower === undefined) return
    const { follower, effects } = this.#world.subject.stepFollower(this.#follower, input, this.#world.agenda.now)
    this.#follower = follower
    if (input.kind !== 'tick' || effects.length > 0) this.#world.trace(this.name, input, effects)
    for (const effect of effects) this.#perform(effect)
  }

  #perform(effect: FollowerEffect): void {
    switch (effect.kind) {
      case 'send':
        return this.#send(effect)
      case 'apply':
        this.#world.checks.apply(this.name, this.#end, effect)
        this.#end = { epoch: 1, sequence: effect.last }
        return this.#work.add(5, () => this.#apply(effect))
      case 'stage':
        return this.#work.add(5, () => this.#stage(effect))
      case 'read-sums':
        return this.#work.add(3, () => {
          const { snapshot, first, count } = effect
          this.#feed({ kind: 'sums-read', snapshot, first, count, have: this.#staging?.sums(first, count) ?? new Uint8Array(0) })
        })
      case 'write-pages':
        return this.#work.add(5, () => {
          const { snapshot, first, count, leftOut, bytes } = effect
          this.#staging?.write(first, count, leftOut, bytes)
          this.#feed({ kind: 'pages-written', snapshot, first, count })
        })
      case 'finish-snapshot':
        return this.#work.add(20, () => this.#install())
      case 'discard-snapshot':
        this.#staging = undefined
        return
      case 'disconnect':
        return this.#disconnect(effect)
      case 'stop':
        return this.#stop(effect.error)
      case 'report':
        return this.#countReport(effect.report)
    }
  }

  #countReport(report: FollowerReport): void {
    const { kind } = report
    this.#world.count(`follower ${kind}`)
    if (kind === 'needs-snapshot') this.#world.count(`needs-snapshot ${report.why}`)
    if (kind === 'snapshot-started' && report.next > 1) this.#world.count('snapshot resumed')
    if (kind === 'disconnected') this.#world.count(`disconnected ${report.error?.code ?? 'for no reason'}`)
  }

  #send({ message }: Effect<'send'>): void {
    const { held } = this.#copy
    if (message.kind === 'ack' && held.kind === 'copy') {
      const durable = this.#durable.held.kind === 'copy' ? this.#durable.held.position : undefined
      this.#world.checks.ack(this.name, message, durable, held.position)
    }
    // Where the copy will stand is not known before.
    if (message.kind === 'follow' && this.#work.waiting > 0) {
      throw new BrokenPromise(`I8: ${this.name} asks from where to follow while ${this.#work.waiting} jobs wait`)
    }
    if (message.kind === 'follow') this.#end = message.state.kind === 'copy' ? message.state.position : undefined
    this.#link?.send('leader', join(encodeMessage(message)))
  }

  #disconnect({ error, retryAfterMs }: Effect<'disconnect'>): void {
    this.#checkDecency(error)
    this.#link?.close('follower')
    this.#link = undefined
    this.#connectAfter(retryAfterMs + this.#world.dice.between(20, 200))
  }

  #stop(error: StemmaError): void {
    this.#checkDecency(error)
    this.#world.count(`stopped ${error.code}`)
    this.#link?.close('follower')
    this.#link = undefined
    this.#onDiverged = 'snapshot'
    const run = this.#runs
    // Somebody looks, and starts it again.
    this.#world.agenda.after(this.#world.dice.between(300, 1_500), () => {
      if (run !== this.#runs) return
      this.crash(false)
      this.start()
    })
  }

  #checkDecency(error: StemmaError): void {
    if (error.code === 'PROTOCOL_MESSAGE' && !this.#world.options.unruly)
      throw new BrokenPromise(`on a decent network: ${error.message}`)
  }

  #apply({ bytes }: Effect<'apply'>): void {
    for (const commit of decodeCommits(bytes) ?? []) {
      const { held, pages } = this.#copy
      if (held.kind !== 'copy') return
      const { position, digest, digestBefore, committedAt, barrier } = commit
      if (position.sequence <= held.position.sequence) continue
      if (barrier) return this.#needsResync('barrier')
      const after = applyCommit(pages, commit)
      const fits = position.sequence === held.position.sequence + 1 && digestBefore === held.digest && digest === digestOf(after)
      if (!fits) {
        if (!this.#isRotten) throw new BrokenPromise(`I3: ${this.name} was handed an entry that does not follow on`)
        return this.#needsResync('differs')
      }
      this.#become({ held: { ...held, position, digest }, pages: after })
      // One answer for several entries, now and then one between.
      if (this.#world.dice.chance(0.1)) this.#feed({ kind: 'applied', position, digest, committedAt })
    }
    const { held } = this.#copy
    if (held.kind !== 'copy') return
    this.#feed({ kind: 'applied', position: held.position, digest: held.digest, committedAt: 0 })
    this.#syncLater()
  }

  #syncLater(): void {
    const run = this.#runs
    const copy = this.#copy
    this.#world.agenda.after(this.#world.dice.between(1, 60), () => {
      const index = this.#since.indexOf(copy)
      if (run !== this.#runs || this.#follower === undefined || index < 0 || copy.held.kind !== 'copy') return
      this.#durable = copy
      this.#since = this.#since.slice(index + 1)
      this.#feed({ kind: 'durable', position: copy.held.position })
    })
  }

  #needsResync(why: 'differs' | 'barrier'): void {
    this.#work.clear()
    this.#feed({ kind: 'needs-resync', why, error: undefined })
  }

  #stage({ info, cluster, format }: Effect<'stage'>): void {
    if (this.#staging?.info.snapshot !== info.snapshot)
      this.#staging = new Staging(info, cluster, format, this.#staging?.pages ?? this.#copy.pages)
    this.#feed({ kind: 'staged', snapshot: info.snapshot, next: this.#staging.next, compare: this.#staging.hasOld })
  }

  #install(): void {
    const staging = this.#staging
    if (staging === undefined) return
    const pages = staging.complete()
    if (pages === undefined || digestOf(pages) !== staging.info.digest)
      throw new BrokenPromise(`I11: ${this.name} received a snapshot that is not what it says`)
    const { position, digest, pageSize } = staging.info
    const held: HeldCopy = { kind: 'copy', cluster: staging.cluster, position, digest, pageSize }
    this.#staging = undefined
    this.#isRotten = false
    this.#become({ held, pages })
    this.#becomeDurable()
    this.#feed({ kind: 'snapshot-installed', held })
  }

  #become(copy: Copy): void {
    if (this.#world.dice.chance(0.02) && !this.#isRotten) this.#old = this.#copy
    this.#copy = copy
    this.#since.push(copy)
    this.#checkCopy()
  }

  /** What can be read must be right, at any moment. */
  #checkCopy(): void {
    const { held, pages } = this.#copy
    if (held.kind === 'copy' && !this.#isRotten) this.#world.checks.copy(this.name, { held, pages })
  }
}
