import type { Milliseconds, StemmaError } from '@stemma/base'
import {
  encodeMessage,
  showStory,
  newFollower,
  stepFollower,
  type Follower,
  type FollowerConfig,
  type FollowerEffect,
  type FollowerInput,
  type FollowerReport,
  type Message,
} from '@stemma/protocol'
import type { Link, LinkHandlers } from '@stemma/transport'
import { decodeInput } from '../decode-input.ts'
import { asStemmaError } from '../unexpected.ts'

type Effect<K extends FollowerEffect['kind']> = Extract<FollowerEffect, { readonly kind: K }>

/** What a follower's protocol asks of its copy and its link. Answers are given by `step`, in the order of the questions. */
export interface FollowerServices {
  readonly now: () => Milliseconds
  /** The bytes are good only during the call. */
  apply(effect: Effect<'apply'>): void
  /** Forget what was handed over and is not done. */
  drop(): void
  stage(effect: Effect<'stage'>): void
  readSums(effect: Effect<'read-sums'>): void
  /** The bytes are good only during the call. */
  writePages(effect: Effect<'write-pages'>): void
  finishSnapshot(effect: Effect<'finish-snapshot'>): void
  discardSnapshot(effect: Effect<'discard-snapshot'>): void
  /** Make no link before this much time has passed. */
  retryAfter(error: StemmaError, retryAfterMs: Milliseconds): void
  stop(error: StemmaError): void
  report(report: FollowerReport): void
  /** Is told each message that is sent or received, when somebody wants to know. */
  trace?(message: TracedMessage): void
}

/** A message that went over a follower's link. */
export interface TracedMessage {
  readonly direction: 'sent' | 'received'
  /** Its kind and fields: `entries first=8 last=9 bytes=<340 bytes>`. */
  readonly text: string
  /** What it takes on the link, without the transport's own. */
  readonly bytes: number
}

/** Runs a follower's protocol over one link at a time: feeds it what happens, and does what it says. */
export class FollowerHost {
  readonly #services: FollowerServices
  readonly #inputs: FollowerInput[] = []
  readonly #listeners = new Set<() => void>()
  #follower: Follower
  #link: Link | undefined
  #stepping = false

  constructor(config: FollowerConfig, services: FollowerServices) {
    this.#follower = newFollower(config, services.now())
    this.#services = services
  }

  /** The protocol's state, a value. */
  get follower(): Follower {
    return this.#follower
  }

  /** Takes a new link. It comes after the one before it was closed. */
  accept(link: Link): LinkHandlers {
    this.#link = link
    // The link is handed over before its first message; what is sent from here must wait until the caller has our handlers.
    queueMicrotask(() => this.#link === link && this.step({ kind: 'connected' }))
    return {
      message: (bytes) => {
        const input = decodeInput(bytes)
        if (input.kind === 'message') this.#trace('received', input.message, [bytes])
        this.step(input)
      },
      // A follower sends little: acks and questions, bounded by the protocol.
      drain: () => {},
      closed: (error) => {
        this.#link = undefined
        this.step({ kind: 'disconnected', error })
      },
    }
  }

  /** Closes the link in good order. */
  disconnect(): void {
    this.#link?.close()
  }

  /** Calls back after each step, until the function that is returned is called. */
  onStep(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  step(input: FollowerInput): void {
    this.#inputs.push(input)
    if (this.#stepping) return
    this.#stepping = true
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        const { follower, effects } = stepFollower(this.#follower, next, this.#services.now())
        this.#follower = follower
        for (const effect of effects) this.#do(effect)
      }
    } finally {
      this.#stepping = false
    }
    for (const listener of this.#listeners) listener()
  }

  #do(effect: FollowerEffect): void {
    const services = this.#services
    switch (effect.kind) {
      case 'send':
        return this.#send(effect.message)
      case 'disconnect':
        services.retryAfter(effect.error, effect.retryAfterMs)
        return this.#link?.close(effect.error)
      case 'stop':
        this.#link?.close(effect.error)
        return services.stop(effect.error)
      case 'report':
        return services.report(effect.report)
      case 'apply':
        return this.#try(() => services.apply(effect))
      case 'stage':
        return this.#try(() => services.stage(effect))
      case 'read-sums':
        return this.#try(() => services.readSums(effect))
      case 'write-pages':
        return this.#try(() => services.writePages(effect))
      case 'finish-snapshot':
        return this.#try(() => services.finishSnapshot(effect))
      case 'discard-snapshot':
        return this.#try(() => services.discardSnapshot(effect))
    }
  }

  #send(message: Effect<'send'>['message']): void {
    if (this.#link === undefined) return
    const parts = encodeMessage(message)
    this.#trace('sent', message, parts)
    this.#link.send(parts)
  }

  #trace(direction: TracedMessage['direction'], message: Message, parts: readonly Uint8Array[]): void {
    const { trace } = this.#services
    if (trace === undefined) return
    const bytes = parts.reduce((sum, { byteLength }) => sum + byteLength, 0)
    trace({ direction, text: showStory(message), bytes })
  }

  #try(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#services.drop()
      this.#inputs.push({ kind: 'failed', error: asStemmaError(error) })
    }
  }
}
