import { StemmaError } from '@stemma/base'
import { LINK_LIMITS, newLimits, type LinkLimits } from './limits.ts'
import type { Link, LinkHandlers, OnLink } from './link.ts'

/** Who is at either end, and when something arrives. */
export interface MemoryLinksOptions {
  /**
   * Runs `deliver` later, never at once. Each call delivers one thing: the next message, in order, whichever call it is. A simulator
   * decides when; a program passes `queueMicrotask` or `setImmediate`.
   */
  readonly schedule: (deliver: () => void) => void
  readonly onLeft: OnLink
  readonly onRight: OnLink
  readonly limits?: Partial<Pick<LinkLimits, 'messageBytesMax' | 'highWaterBytes' | 'sendBytesMax'>> | undefined
}

/** Two links that are each other's other end. */
export interface MemoryLinks {
  readonly left: Link
  readonly right: Link
  /** Breaks the connection: what is on its way is lost, and both ends learn LINK_LOST. */
  cut(): void
}

/**
 * Makes two connected links within one process, which keep the same promises as those over TCP.
 *
 * Stricter than TCP where that shows mistakes: parts are read only when they are delivered, and bytes that were delivered are
 * overwritten after the call.
 */
export function memoryLinks(options: MemoryLinksOptions): MemoryLinks {
  const limits = newLimits(LINK_LIMITS, options.limits)
  const left = new MemoryLink('memory://right', limits, options.schedule)
  const right = new MemoryLink('memory://left', limits, options.schedule)
  left.join(right, options.onLeft)
  right.join(left, options.onRight)
  return {
    left,
    right,
    cut() {
      const error = new StemmaError('LINK_LOST', 'the connection was cut')
      left.lose(error)
      right.lose(error)
    },
  }
}

/** What is on its way to the other end. */
type Sent =
  | { readonly kind: 'message'; readonly parts: readonly Uint8Array[]; readonly length: number }
  | { readonly kind: 'bye' }

class MemoryLink implements Link {
  readonly peer: string
  readonly authenticated = true
  readonly messageBytesMax: number
  readonly #limits: LinkLimits
  readonly #schedule: (deliver: () => void) => void
  #other: MemoryLink | undefined
  #handlers: LinkHandlers | undefined
  #sent: Sent[] = []
  #state: 'open' | 'closed' = 'open'
  #full = false
  bytesSent = 0
  bytesReceived = 0
  bytesWaiting = 0

  constructor(peer: string, limits: LinkLimits, schedule: (deliver: () => void) => void) {
    this.peer = peer
    this.messageBytesMax = limits.messageBytesMax
    this.#limits = limits
    this.#schedule = schedule
  }

  join(other: MemoryLink, onLink: OnLink): void {
    this.#other = other
    this.#handlers = onLink(this)
  }

  send(parts: readonly Uint8Array[]): boolean {
    const length = parts.reduce((sum, part) => sum + part.byteLength, 0)
    if (length > this.messageBytesMax) {
      const details = { length, messageBytesMax: this.messageBytesMax }
      throw new StemmaError(
        'MESSAGE_TOO_LARGE',
        `a message of ${length} bytes; the other end takes ${this.messageBytesMax}`,
        details,
      )
    }
    if (this.#state === 'closed') return false
    this.bytesSent += length
    this.bytesWaiting += length
    this.#put({ kind: 'message', parts: [...parts], length })
    if (this.bytesWaiting <= this.#limits.highWaterBytes) return true
    this.#full = true
    if (this.bytesWaiting > this.#limits.sendBytesMax) {
      const waiting = this.bytesWaiting
      this.lose(new StemmaError('PEER_TOO_SLOW', `${waiting} bytes wait for the other end to read`, { waiting }))
      this.#other?.lose(new StemmaError('LINK_LOST', 'the other end closed the connection without a word'))
    }
    return false
  }

  flush(): void {}

  close(error?: StemmaError): void {
    if (this.#state === 'closed') return
    this.#put({ kind: 'bye' })
    this.#end(error)
  }

  /** Ends this side; what it sent and what was sent to it is lost. */
  lose(error: StemmaError): void {
    this.#sent = []
    if (this.#other !== undefined) this.#other.#sent = []
    if (this.#state === 'open') this.#end(error)
  }

  #end(error: StemmaError | undefined): void {
    this.#state = 'closed'
    this.#schedule(() => this.#handlers?.closed(error))
  }

  #put(sent: Sent): void {
    this.#sent.push(sent)
    this.#schedule(() => this.#deliver())
  }

  #deliver(): void {
    const sent = this.#sent.shift()
    if (sent === undefined) return
    if (sent.kind === 'message') this.#deliverMessage(sent)
    else this.#other?.leave()
  }

  #deliverMessage(sent: { readonly parts: readonly Uint8Array[]; readonly length: number }): void {
    this.bytesWaiting -= sent.length
    if (this.#full && this.bytesWaiting === 0 && this.#state === 'open') {
      this.#full = false
      this.#schedule(() => {
        if (this.#state === 'open') this.#handlers?.drain()
      })
    }
    this.#other?.receive(sent)
  }

  /** The other end closed in good order. */
  leave(): void {
    if (this.#state === 'open') this.#end(undefined)
  }

  /** Hands on a message that arrived. */
  receive(sent: { readonly parts: readonly Uint8Array[]; readonly length: number }): void {
    if (this.#state === 'closed') return
    const bytes = new Uint8Array(sent.length)
    let offset = 0
    for (const part of sent.parts) {
      bytes.set(part, offset)
      offset += part.byteLength
    }
    this.bytesReceived += sent.length
    try {
      this.#handlers?.message(bytes)
    } catch (error) {
      const own = StemmaError.is(error)
      this.lose(own ? error : new StemmaError('LINK_LOST', 'this end failed while it handled a message', {}, error))
      this.#other?.lose(new StemmaError('LINK_LOST', 'the other end closed the connection without a word'))
      if (!own) throw error
    } finally {
      bytes.fill(0xdb)
    }
  }
}
