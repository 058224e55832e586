import { StemmaError, type Milliseconds } from '@stemma/base'
import type { DecodedEntry } from '@stemma/log'
import {
  encodeMessage,
  newFeed,
  stepFeed,
  type Feed,
  type FeedConfig,
  type FeedEffect,
  type FeedInput,
  type FeedReport,
} from '@stemma/protocol'
import type { Link, LinkHandlers } from '@stemma/transport'
import { decodeInput } from '../decode-input.ts'
import { decodeRun } from '../decode-run.ts'

/** What a feed's protocol asks of its node. */
export interface FeedServices {
  readonly now: () => Milliseconds
  stop(error: StemmaError): void
  report(report: FeedReport): void
}

/**
 * Runs a feed's protocol over one link at a time, and holds the entries that came for whoever reads them: never more than the protocol's window
 * and one entry, however slow the reader.
 */
export class FeedHost {
  readonly #services: FeedServices
  readonly #inputs: FeedInput[] = []
  /** Entries in memory of our own, oldest first. */
  readonly #waiting: DecodedEntry[] = []
  #waitingBytes = 0
  #wake: (() => void) | undefined
  #feed: Feed
  #link: Link | undefined
  #stepping = false

  constructor(config: FeedConfig, services: FeedServices) {
    this.#feed = newFeed(config, services.now())
    this.#services = services
  }

  /** The protocol's state, a value. */
  get feed(): Feed {
    return this.#feed
  }

  /** Takes a new link. It comes after the one before it was closed. */
  accept(link: Link): LinkHandlers {
    this.#link = link
    // The link is handed over before its first message; what is sent from here must wait until the caller has our handlers.
    queueMicrotask(() => this.#link === link && this.step({ kind: 'connected' }))
    return {
      message: (bytes) => this.step(decodeInput(bytes)),
      drain: () => {},
      closed: (error) => {
        this.#link = undefined
        this.step({ kind: 'disconnected', error })
      },
    }
  }

  /** The next entry, if there is one: it is the reader's from now on, and counts as read when `consumed` is called. */
  next(): DecodedEntry | undefined {
    return this.#waiting.shift()
  }

  /** The reader is done with an entry that `next` gave, and with all before it. */
  consumed({ position, byteLength }: DecodedEntry): void {
    this.#waitingBytes -= byteLength
    this.step({ kind: 'consumed', position, waitingBytes: this.#waitingBytes })
  }

  /** Resolves when there may be another entry. */
  async arrival(): Promise<void> {
    if (this.#waiting.length > 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    await promise
  }

  /** Lets whoever waits for an entry look again: something else happened. */
  wake(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  step(input: FeedInput): void {
    this.#inputs.push(input)
    if (this.#stepping) return
    this.#stepping = true
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        const { feed, effects } = stepFeed(this.#feed, next, this.#services.now())
        this.#feed = feed
        for (const effect of effects) this.#do(effect)
      }
    } finally {
      this.#stepping = false
    }
  }

  #do(effect: FeedEffect): void {
    switch (effect.kind) {
      case 'send':
        this.#link?.send(encodeMessage(effect.message))
        return
      case 'take':
        return this.#take(effect.bytes)
      case 'disconnect':
        return this.#link?.close(effect.error)
      case 'stop':
        this.#link?.close(effect.error)
        return this.#services.stop(effect.error)
      case 'report':
        return this.#services.report(effect.report)
    }
  }

  #take(bytes: Uint8Array): void {
    let entries: DecodedEntry[]
    try {
      // Each is kept until it is read; the link uses its memory again.
      entries = decodeRun(bytes.slice())
    } catch (error) {
      if (!StemmaError.is(error)) throw error
      this.#inputs.unshift({ kind: 'bad-message', error })
      return
    }
    this.#waiting.push(...entries)
    this.#waitingBytes += bytes.byteLength
    // Before anything else happens: what comes next must know where this stands.
    this.#inputs.unshift({ kind: 'taken', position: entries.at(-1)!.position })
    this.wake()
  }
}
