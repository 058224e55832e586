import { StemmaError, type Milliseconds, type Position } from '@stemma/base'
import {
  decodeMessage,
  encodeMessage,
  newLeader,
  stepLeader,
  type Answer,
  type HistoryAnswer,
  type Leader,
  type LeaderConfig,
  type LeaderEffect,
  type LeaderInput,
  type LeaderReport,
  type LinkId,
  type LogAnswer,
  type ShippedRun,
  type SnapshotInfo,
} from '@stemma/protocol'
import type { Link, LinkHandlers } from '@stemma/transport'
import { asStemmaError } from '../unexpected.ts'
import { PageBuffers } from './page-buffers.ts'

/** What a leader's protocol asks of the log, the snapshots and the node. */
export interface LeaderServices {
  readonly now: () => Milliseconds
  readLog(request: {
    readonly format: string
    readonly after: number
    readonly upTo: number
    readonly maxBytes: number
  }): LogAnswer
  checkHistory(request: Extract<LeaderEffect, { kind: 'check-history' }>): HistoryAnswer
  openSnapshot(request: { readonly snapshot: string }): Promise<SnapshotInfo>
  /** Undefined when the snapshot was lost; the protocol has been told then. The bytes lie in `into`, which is large enough. */
  readPages(
    request: Extract<LeaderEffect, { kind: 'read-pages' }>,
    into: Uint8Array,
  ): { readonly leftOut: Uint8Array; readonly bytes: Uint8Array } | undefined
  closeSnapshot(snapshot: string): void
  /** The node's status as JSON. */
  status(): string
  /** Answers a question; `signal` says that nobody waits for it any more. What it throws is told to who asked. */
  answer(question: Uint8Array, signal: AbortSignal): Promise<Uint8Array>
  report(report: LeaderReport): void
  /** A service threw what it may not throw. */
  failed(error: unknown): void
}

/** Runs a leader's protocol over links: feeds it what happens, and does what it says. */
export class LeaderHost {
  readonly #services: LeaderServices
  readonly #links = new Map<LinkId, Link>()
  readonly #inputs: LeaderInput[] = []
  readonly #listeners = new Set<() => void>()
  /** By the name of the snapshot that they are for. */
  readonly #buffers = new Map<string, PageBuffers>()
  /** Questions being answered, by their links. */
  readonly #asking = new Map<LinkId, AbortController>()
  #leader: Leader
  #nextLink = 1
  #stepping = false

  constructor(config: LeaderConfig, services: LeaderServices) {
    this.#leader = newLeader(config)
    this.#services = services
  }

  /** The protocol's state, a value. */
  get leader(): Leader {
    return this.#leader
  }

  /** Takes a new link. */
  accept(link: Link): LinkHandlers {
    const id = this.#nextLink++
    this.#links.set(id, link)
    this.step({ kind: 'link-opened', link: id, address: link.peer })
    return {
      message: (bytes) => this.step(decode(id, bytes)),
      drain: () => this.step({ kind: 'link-writable', link: id }),
      closed: (error) => {
        this.#links.delete(id)
        this.#asking.get(id)?.abort()
        this.step({ kind: 'link-closed', link: id, error })
      },
    }
  }

  /** Says that commits up to a position may be shipped; `runs` are the newest entries, those that end there. */
  committed(tip: Position, runs: readonly ShippedRun[]): void {
    this.step({ kind: 'committed', tip, runs })
  }

  tick(): void {
    this.step({ kind: 'tick' })
  }

  /** Serves a format no more; who follows by it is told why. */
  withdraw(format: string, error: StemmaError): void {
    this.step({ kind: 'format-withdrawn', format, error })
  }

  /** Tells everybody that this leader ends. */
  stop(): void {
    this.step({ kind: 'stop' })
    for (const link of this.#links.values()) link.flush()
  }

  /** Tells of a snapshot that was lost after it was opened. */
  loseSnapshot(snapshot: string, error: StemmaError): void {
    this.#buffers.delete(snapshot)
    this.step({ kind: 'snapshot-failed', snapshot, error })
  }

  /** Calls back after each step, until the function that is returned is called. */
  onStep(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  step(input: LeaderInput): void {
    this.#inputs.push(input)
    if (this.#stepping) return
    this.#stepping = true
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        const { leader, effects } = stepLeader(this.#leader, next, this.#services.now())
        this.#leader = leader
        for (const effect of effects) this.#do(effect)
      }
    } finally {
      this.#stepping = false
    }
    for (const listener of this.#listeners) listener()
  }

  #do(effect: LeaderEffect): void {
    const services = this.#services
    switch (effect.kind) {
      case 'send':
        return this.#send(effect)
      case 'close':
        return this.#links.get(effect.link)?.close(effect.error)
      case 'check-history':
        return this.#answer(() => ({ kind: 'history', link: effect.link, answer: services.checkHistory(effect) }))
      case 'read-log':
        return this.#answer(() => ({ kind: 'log-read', link: effect.link, read: services.readLog(effect) }))
      case 'open-snapshot':
        return void this.#openSnapshot(effect)
      case 'read-pages':
        return this.#readPages(effect)
      case 'close-snapshot':
        this.#buffers.delete(effect.snapshot)
        return services.closeSnapshot(effect.snapshot)
      case 'answer-status':
        return this.#answer(() => ({ kind: 'status-made', link: effect.link, json: new TextEncoder().encode(services.status()) }))
      case 'answer-question':
        return void this.#answerQuestion(effect)
      case 'report':
        return services.report(effect.report)
    }
  }

  #send({ link: id, message }: Extract<LeaderEffect, { kind: 'send' }>): void {
    const link = this.#links.get(id)
    if (link === undefined) return
    if (!link.send(encodeMessage(message))) this.#inputs.push({ kind: 'link-full', link: id })
    // A snapshot's pages and entries in flight are many small turns; others should leave at once.
    if (message.kind === 'entries') link.flush()
  }

  #answer(make: () => LeaderInput): void {
    try {
      this.#inputs.push(make())
    } catch (error) {
      this.#services.failed(error)
    }
  }

  async #answerQuestion({ link, body }: Extract<LeaderEffect, { kind: 'answer-question' }>): Promise<void> {
    const asking = new AbortController()
    this.#asking.set(link, asking)
    let answer: Answer
    try {
      answer = { kind: 'body', body: await this.#services.answer(body, asking.signal) }
    } catch (error) {
      const { code, message } = asStemmaError(error)
      answer = { kind: 'error', code, message: message.slice(code.length + 2) }
    }
    this.#asking.delete(link)
    this.step({ kind: 'question-answered', link, answer })
  }

  async #openSnapshot(effect: Extract<LeaderEffect, { kind: 'open-snapshot' }>): Promise<void> {
    try {
      this.step({ kind: 'snapshot-opened', info: await this.#services.openSnapshot(effect) })
    } catch (error) {
      this.#services.closeSnapshot(effect.snapshot)
      this.loseSnapshot(effect.snapshot, asSnapshotError(error))
    }
  }

  #readPages(effect: Extract<LeaderEffect, { kind: 'read-pages' }>): void {
    try {
      const { link, snapshot, first, count } = effect
      const into = this.#buffersOf(link, snapshot)?.lend(count * this.#leader.config.pageSize)
      if (into === undefined) return
      const pages = this.#services.readPages(effect, into)
      if (pages !== undefined) this.#inputs.push({ kind: 'pages-read', link, snapshot, first, count, ...pages })
    } catch (error) {
      this.#services.closeSnapshot(effect.snapshot)
      this.loseSnapshot(effect.snapshot, asSnapshotError(error))
    }
  }

  /** Undefined when the link is gone: then nobody waits for pages. */
  #buffersOf(id: LinkId, snapshot: string): PageBuffers | undefined {
    const link = this.#links.get(id)
    const known = this.#buffers.get(snapshot)
    if (link === undefined || known?.link === link) return link && known
    const buffers = new PageBuffers(link)
    this.#buffers.set(snapshot, buffers)
    return buffers
  }
}

function asSnapshotError(error: unknown): StemmaError {
  return StemmaError.is(error) ? error : new StemmaError('SNAPSHOT_FAILED', String(error), {}, error)
}

function decode(link: LinkId, bytes: Uint8Array): LeaderInput {
  try {
    // A copy, since fetches wait their turn, and the link uses the bytes again.
    return { kind: 'message', link, message: decodeMessage(bytes.slice()) }
  } catch (error) {
    if (!StemmaError.is(error)) throw error
    return { kind: 'bad-message', link, error }
  }
}
