import { StemmaError, type Position } from '@stemma/base'
import {
  decodeMessage,
  encodeMessage,
  newLeader,
  type HistoryAnswer,
  type Leader,
  type LeaderEffect,
  type LeaderInput,
  type Message,
  type SnapshotInfo,
  type Verdict,
} from '@stemma/protocol'
import { BrokenPromise } from './checks.ts'
import { applyCommit, digestOf, join, newCommit, pageBytes, sumOf, PAGE_SIZE, type ModelCommit, type Pages } from './model.ts'
import type { SimulatedLink } from './network.ts'
import { SIMULATED_LIMITS } from './options.ts'
import { WorkQueue } from './work-queue.ts'
import type { World } from './world.ts'

const SNAPSHOTS_MAX = 2
const PAGES_MAX = 20

interface OpenSnapshot {
  readonly info: SnapshotInfo
  readonly pages: Pages
}

/** A leader and its host: a modelled database, log and process. What is on its disk outlives the process. */
export class LeaderNode {
  readonly name: string
  readonly cluster: string
  readonly #world: World
  readonly #work: WorkQueue
  readonly #links = new Map<number, SimulatedLink>()
  readonly #asked = new Map<number, { readonly position: Position; readonly digest: bigint }>()
  readonly #readers = new Set<number>()
  readonly #snapshots = new Map<string, OpenSnapshot>()
  #commits: ModelCommit[] = []
  #states: Pages[]
  #synced = 0
  #base = 0
  #epoch = 1
  #runs = 0
  /** Commits in all, with those that were lost. */
  #made = 0
  #leader: Leader | undefined
  #shipped = 0
  /** A backup was restored, so what was synced was lost. */
  hasLostHistory = false

  constructor(world: World, name: string) {
    this.#world = world
    this.name = name
    this.cluster = `cluster-${name}`
    this.#work = new WorkQueue(world.agenda, world.dice)
    const pages = [world.dice.between(0, 999), world.dice.between(0, 999)]
    this.#states = [pages]
    world.checks.addOrigin(this.cluster, pages)
    this.start()
  }

  get isUp(): boolean {
    return this.#leader !== undefined
  }

  get leader(): Leader | undefined {
    return this.#leader
  }

  get pages(): Pages {
    return this.#states.at(-1)!
  }

  get end(): ModelCommit | undefined {
    return this.#commits.at(-1)
  }

  get tip(): Position {
    return this.#positionAt(this.#commits.length)
  }

  get openSnapshots(): number {
    return this.#snapshots.size
  }

  start(): void {
    if (this.#leader !== undefined) return
    // Opening the database syncs it.
    this.#synced = this.#commits.length
    this.#shipped = this.#commits.length
    this.#runs++
    const { cluster, name } = this
    const { entriesBytes, partBytes } = this.#world.options
    this.#leader = newLeader(
      {
        cluster,
        node: name,
        epoch: this.#epoch,
        run: `${name}${this.#runs}`,
        pageSize: PAGE_SIZE,
        sqlite: '3.54.1',
        formats: [{ name: 'model', version: 1 }],
        tip: this.tip,
      },
      { ...SIMULATED_LIMITS, snapshotsMax: SNAPSHOTS_MAX, entriesBytes, partBytes },
    )
    this.#world.note(this.name, `starts as run ${this.#runs} of epoch ${this.#epoch} at ${this.#commits.length}`)
    this.#tick(this.#runs)
  }

  #tick(run: number): void {
    this.#world.agenda.after(100, () => {
      if (run !== this.#runs || this.#leader === undefined) return
      this.#feed({ kind: 'tick' })
      this.#tick(run)
    })
  }

  /** The process dies; with `power`, what was not synced may go with it. */
  crash(power: boolean): void {
    if (this.#leader === undefined) return
    this.#leader = undefined
    this.#work.clear()
    this.#snapshots.clear()
    this.#readers.clear()
    for (const link of this.#links.values()) link.abandon('leader')
    this.#links.clear()
    if (power) this.#truncate(this.#world.dice.between(this.#synced, this.#commits.length))
    this.#makeAnew(this.#world.dice.between(0, 5))
    this.#world.note(this.name, `dies at ${this.#commits.length}`)
  }

  /** The newest entries were not in the log yet: they are made again, at another time, of what the database still has. */
  #makeAnew(count: number): void {
    const from = Math.max(this.#base, this.#commits.length - count)
    const { now } = this.#world.agenda
    this.#commits = this.#commits.map((commit, index) => (index < from ? commit : newCommit({ ...commit, committedAt: now })))
  }

  /** Somebody puts an old backup in place, log and all. */
  restoreOld(): void {
    this.crash(false)
    this.hasLostHistory = true
    this.#truncate(this.#world.dice.between(this.#base, this.#commits.length))
    this.#world.note(this.name, `is put back to ${this.#commits.length}`)
  }

  raiseEpoch(): void {
    this.crash(false)
    this.#epoch++
  }

  retain(keep: number): void {
    this.#base = Math.max(this.#base, this.#commits.length - keep)
  }

  loseSnapshot(): void {
    const [snapshot] = this.#snapshots.keys()
    if (snapshot === undefined) return
    this.#snapshots.delete(snapshot)
    this.#feed({
      kind: 'snapshot-failed',
      snapshot,
      error: new StemmaError('SNAPSHOT_FAILED', 'the disk of the overlay is full'),
    })
  }

  fillLink(): void {
    const ids = Array.from(this.#links.keys())
    if (ids.length === 0) return
    const link = this.#world.dice.pick(ids)
    this.#feed({ kind: 'link-full', link })
    this.#world.agenda.after(this.#world.dice.between(1, 300), () => {
      if (this.#links.has(link)) this.#feed({ kind: 'link-writable', link })
    })
  }

  /** A program writes. It asks nobody, and the leader's process may be down. */
  commit(): void {
    const { dice, agenda, options, checks } = this.#world
    const before = this.#states.at(-1)!
    const pageCount = Math.min(PAGES_MAX, Math.max(1, before.length + (dice.chance(0.3) ? dice.between(-3, 3) : 0)))
    const changes: number[] = []
    for (let i = dice.between(0, 2); i > 0; i--) changes.push(dice.between(1, pageCount), dice.between(0, 1_000_000))
    // No two commits leave the same database behind, so a digest tells a history.
    changes.push(1, 1_000_000 + ++this.#made)
    const pages = applyCommit(before, { changes, pageCount })
    const commit = newCommit({
      position: { epoch: this.#epoch, sequence: this.#commits.length + 1 },
      digest: digestOf(pages),
      digestBefore: digestOf(before),
      pageCount,
      barrier: dice.chance(0.005),
      committedAt: agenda.now,
      changes,
      padding: dice.chance(0.03) ? dice.between(0, 3_000) : 0,
    })
    this.#commits.push(commit)
    this.#states.push(pages)
    checks.addCommit(this.cluster, commit, pages)
    this.#world.count('commits')
    if (this.#leader === undefined) return
    if (options.ship === 'immediate' || !this.#world.subject.waitsForSync) this.#work.add(1, () => this.#announce())
    // The sync runs beside the rest of the work.
    const run = this.#runs
    const upTo = this.#commits.length
    agenda.after(dice.between(1, 30), () => {
      if (run !== this.#runs || this.#leader === undefined || this.#commits.length < upTo) return
      this.#synced = Math.max(this.#synced, upTo)
      if (options.ship === 'synced') this.#announce()
    })
  }

  #announce(): void {
    const to = this.#world.options.ship === 'synced' && this.#world.subject.waitsForSync ? this.#synced : this.#commits.length
    if (to <= this.#shipped) return
    const run = { format: 'model', first: this.#shipped + 1, last: to, bytes: this.#entries(this.#shipped, to) }
    this.#shipped = to
    this.#feed({ kind: 'committed', tip: this.#positionAt(to), runs: this.#world.dice.chance(0.7) ? [run] : [] })
  }

  /** A follower's connection arrives. */
  accept(link: SimulatedLink): void {
    if (this.#leader === undefined) return
    this.#links.set(link.id, link)
    link.attach('leader', { message: (bytes) => this.#receive(link.id, bytes), closed: () => this.#lose(link.id) })
    this.#feed({ kind: 'link-opened', link: link.id, address: `link ${link.id}` })
  }

  #receive(link: number, bytes: Uint8Array): void {
    if (!this.#links.has(link)) return
    let message: Message
    try {
      message = decodeMessage(bytes)
    } catch (error) {
      if (!StemmaError.is(error)) throw error
      return this.#feed({ kind: 'bad-message', link, error })
    }
    if (message.kind === 'follow' && message.state.kind === 'copy') this.#asked.set(link, message.state)
    this.#feed({ kind: 'message', link, message })
  }

  #lose(link: number): void {
    if (!this.#links.delete(link)) return
    this.#feed({ kind: 'link-closed', link, error: undefined })
  }

  #feed(input: LeaderInput): void {
    if (this.#leader === undefined) return
    const { leader, effects } = this.#world.subject.stepLeader(this.#leader, input, this.#world.agenda.now)
    this.#leader = leader
    if (input.kind !== 'tick' || effects.length > 0) this.#world.trace(this.name, input, effects)
    for (const effect of effects) this.#perform(effect)
    for (const peer of leader.peers.values()) {
      if (peer.sentBytes > peer.creditBytes + 10_000)
        throw new BrokenPromise(`I18: ${peer.node} was sent ${peer.sentBytes}, it granted ${peer.creditBytes}`)
    }
  }

  #perform(effect: LeaderEffect): void {
    switch (effect.kind) {
      case 'send': {
        const { link, message } = effect
        const syncedTo = this.#world.options.ship === 'synced' ? this.#synced : this.#commits.length
        this.#world.count(`message ${message.kind}`)
        if (message.kind === 'bye') this.#world.count(`bye ${message.code}`)
        this.#world.checks.shipped(message, this.#commits, syncedTo)
        if (message.kind === 'verdict') this.#checkVerdict(link, message.verdict.kind)
        this.#links.get(link)?.send('follower', join(encodeMessage(message)))
        return
      }
      case 'close':
        if (effect.error?.code === 'PROTOCOL_MESSAGE' && !this.#world.options.unruly)
          throw new BrokenPromise(`on a decent network: ${effect.error.message}`)
        this.#links.get(effect.link)?.close('leader')
        this.#links.delete(effect.link)
        return
      case 'check-history':
        return this.#work.add(3, () => this.#feed({ kind: 'history', link: effect.link, answer: this.#history(effect) }))
      case 'read-log':
        return this.#readLog(effect)
      case 'open-snapshot':
        return this.#openSnapshot(effect.snapshot)
      case 'read-pages':
        return this.#readPages(effect)
      case 'close-snapshot':
        this.#snapshots.delete(effect.snapshot)
        return
      case 'answer-status':
        return this.#work.add(1, () => this.#feed({ kind: 'status-made', link: effect.link, json: new Uint8Array(2) }))
      case 'answer-question':
        return this.#feed({ kind: 'question-answered', link: effect.link, answer: { kind: 'body', body: effect.body } })
      case 'report':
        return this.#world.count(effect.report.kind)
    }
  }

  #checkVerdict(link: number, verdict: Verdict['kind']): void {
    const asked = this.#asked.get(link)
    if (verdict === 'go-on' && asked !== undefined) this.#world.checks.goOn(`link ${link}`, asked, this.#states)
    if (verdict === 'diverged' && this.#world.options.ship === 'synced' && !this.hasLostHistory) {
      throw new BrokenPromise(`link ${link} diverged, though only what was synced was shipped`)
    }
  }

  #history({ position, digest }: { readonly position: Position; readonly digest: bigint | undefined }): HistoryAnswer {
    const { sequence } = position
    if (sequence < this.#base) return { kind: 'not-kept', oldest: this.#positionAt(this.#base) }
    if (sequence > this.#commits.length) return { kind: 'not-held', at: undefined }
    const isSame = digest === undefined || digest === digestOf(this.#states[sequence]!)
    return isSame && position.epoch === this.#positionAt(sequence).epoch ? { kind: 'held' } : { kind: 'not-held', at: undefined }
  }

  #readLog({ link, after, upTo, maxBytes }: Extract<LeaderEffect, { readonly kind: 'read-log' }>): void {
    if (this.#readers.has(link)) throw new BrokenPromise(`I18: link ${link} has the log read twice at a time`)
    this.#readers.add(link)
    this.#work.add(3, () => {
      this.#readers.delete(link)
      if (after < this.#base) return this.#feed({ kind: 'log-read', link, read: { kind: 'gone', oldest: this.#base } })
      if (after >= upTo) return this.#feed({ kind: 'log-read', link, read: { kind: 'end' } })
      let to = after + 1
      let size = this.#commits[after]!.encoded.byteLength
      while (to < upTo && size + this.#commits[to]!.encoded.byteLength <= maxBytes)
        size += this.#commits[to++]!.encoded.byteLength
      const run = { format: 'model', first: after + 1, last: to, bytes: this.#entries(after, to) }
      this.#feed({ kind: 'log-read', link, read: { kind: 'run', run } })
    })
  }

  #openSnapshot(snapshot: string): void {
    this.#work.add(10, () => {
      const sequence = this.#shipped
      const pages = this.#states[sequence]!
      const position = this.#positionAt(sequence)
      const info = { snapshot, position, digest: digestOf(pages), pageSize: PAGE_SIZE, pageCount: pages.length }
      this.#snapshots.set(snapshot, { info, pages })
      this.#feed({ kind: 'snapshot-opened', info })
      if (this.#snapshots.size > SNAPSHOTS_MAX) throw new BrokenPromise(`I18: ${this.#snapshots.size} snapshots are open`)
    })
  }

  #readPages({ link, snapshot, first, count, have }: Extract<LeaderEffect, { readonly kind: 'read-pages' }>): void {
    if (this.#readers.has(link)) throw new BrokenPromise(`I18: link ${link} has two things read at a time`)
    this.#readers.add(link)
    this.#work.add(3, () => {
      this.#readers.delete(link)
      const open = this.#snapshots.get(snapshot)
      // Closed meanwhile: the follower is gone, or told.
      if (open === undefined)
        return this.#feed({
          kind: 'pages-read',
          link,
          snapshot,
          first,
          count,
          leftOut: new Uint8Array(0),
          bytes: new Uint8Array(0),
        })
      const leftOut = new Uint8Array(Math.ceil(count / 8))
      const parts: Uint8Array[] = []
      const sums = new DataView(have.buffer, have.byteOffset, have.byteLength)
      for (let i = 0; i < count; i++) {
        const value = open.pages[first - 1 + i]!
        if (i * 8 + 8 <= have.byteLength && sums.getBigUint64(i * 8, true) === sumOf(first + i, value))
          leftOut[i >> 3]! |= 1 << (i & 7)
        else parts.push(pageBytes(value))
      }
      this.#feed({ kind: 'pages-read', link, snapshot, first, count, leftOut, bytes: join(parts) })
    })
  }

  #truncate(to: number): void {
    this.#commits = this.#commits.slice(0, to)
    this.#states = this.#states.slice(0, to + 1)
    this.#synced = Math.min(this.#synced, to)
  }

  #entries(after: number, to: number): Uint8Array {
    return join(this.#commits.slice(after, to).map(({ encoded }) => encoded))
  }

  #positionAt(sequence: number): Position {
    return this.#commits[sequence - 1]?.position ?? { epoch: 1, sequence: 0 }
  }
}
