import { StemmaError } from '@stemma/base'
import { FRAME, type FrameKind } from './frame.ts'
import type { LinkLimits } from './limits.ts'
import type { Link, LinkHandlers } from './link.ts'
import type { Timers } from './timers.ts'
import type { Wire, WireUser } from './wire.ts'

export interface WireLinkOptions {
  readonly wire: Wire
  readonly limits: LinkLimits
  readonly timers: Timers
  readonly peer: string
  readonly authenticated: boolean
  /** The largest message that the other end takes, in bytes. */
  readonly messageBytesMax: number
}

/**
 * A link over a wire whose greeting is over.
 *
 * Watches three things, all counted in ticks of `keepAliveMs` rather than by the clock, so that a standstill of this process
 * isn't held against the other end: nothing heard, a message that comes in too slowly, and an end that doesn't read.
 */
export class WireLink implements Link, WireUser {
  readonly peer: string
  readonly authenticated: boolean
  readonly messageBytesMax: number
  readonly #wire: Wire
  readonly #limits: LinkLimits
  readonly #timers: Timers
  readonly #ticksMax: number
  #handlers: LinkHandlers | undefined
  #full = false
  #cancelTick: (() => void) | undefined
  #silentTicks = 0
  #slowTicks = 0
  #stuckTicks = 0
  #readAtTick = 0
  #waitingAtTick = 0
  #goneAtTick = 0

  constructor(options: WireLinkOptions) {
    this.peer = options.peer
    this.authenticated = options.authenticated
    this.messageBytesMax = options.messageBytesMax
    this.#wire = options.wire
    this.#limits = options.limits
    this.#timers = options.timers
    this.#ticksMax = Math.max(2, Math.ceil(options.limits.silentMs / options.limits.keepAliveMs))
    this.#readAtTick = options.wire.bytesRead
  }

  /** Starts the link with those who handle it. */
  start(handlers: LinkHandlers): void {
    this.#handlers = handlers
    this.#wire.user = this
    if (this.#wire.isOpen) this.#scheduleTick()
  }

  get bytesSent(): number {
    return this.#wire.bytesWritten
  }

  get bytesReceived(): number {
    return this.#wire.bytesRead
  }

  get bytesWaiting(): number {
    return this.#wire.bytesWaiting
  }

  send(parts: readonly Uint8Array[]): boolean {
    let length = 0
    for (const part of parts) length += part.byteLength
    if (length > this.messageBytesMax) {
      const details = { length, messageBytesMax: this.messageBytesMax }
      throw new StemmaError(
        'MESSAGE_TOO_LARGE',
        `a message of ${length} bytes; the other end takes ${this.messageBytesMax}`,
        details,
      )
    }
    if (!this.#wire.isOpen) return false
    this.#wire.write(FRAME.message, parts, length)
    const waiting = this.#wire.bytesWaiting
    if (waiting <= this.#limits.highWaterBytes) return true
    this.#full = true
    if (waiting > this.#limits.sendBytesMax) {
      this.#wire.destroy(new StemmaError('PEER_TOO_SLOW', `${waiting} bytes wait for the other end to read`, { waiting }))
    }
    return false
  }

  flush(): void {
    this.#wire.flush()
  }

  close(error?: StemmaError): void {
    this.#wire.end({ afterMs: this.#limits.closeMs, bye: true, error })
  }

  frame(kind: FrameKind, bytes: Uint8Array): void {
    if (kind === FRAME.message) this.#handlers?.message(bytes)
    // While something waits, that will do for an answer; else a flood of questions could fill our memory with answers.
    else if (kind === FRAME.ping && this.#wire.bytesWaiting === 0) this.#wire.write(FRAME.pong, [], 0)
  }

  drain(): void {
    if (!this.#full) return
    this.#full = false
    this.#handlers?.drain()
  }

  closed(error: StemmaError | undefined): void {
    this.#cancelTick?.()
    this.#handlers?.closed(error)
  }

  #scheduleTick(): void {
    this.#cancelTick = this.#timers.schedule(this.#limits.keepAliveMs, () => this.#tick())
  }

  #tick(): void {
    if (!this.#wire.isOpen) return
    const error = this.#look()
    if (error !== undefined) this.#wire.destroy(error)
    else this.#scheduleTick()
  }

  /** Compares with the last tick. Returns why the link must end, if it must. */
  #look(): StemmaError | undefined {
    const read = this.#wire.bytesRead - this.#readAtTick
    const waiting = this.#wire.bytesWaiting
    const gone = this.#wire.bytesWritten - waiting
    // What was ours to send is moving: the other end reads, though it may say nothing till it has read our question.
    const moved = this.#waitingAtTick > 0 && gone > this.#goneAtTick
    const needed = (this.#limits.bytesPerSecondMin * this.#limits.keepAliveMs) / 1000

    this.#silentTicks = read > 0 || moved ? 0 : this.#silentTicks + 1
    this.#slowTicks = this.#wire.incomplete && read < needed ? this.#slowTicks + 1 : 0
    this.#stuckTicks = this.#waitingAtTick > 0 && !moved ? this.#stuckTicks + 1 : 0
    this.#readAtTick += read
    this.#waitingAtTick = waiting
    this.#goneAtTick = gone

    const waitedMs = this.#ticksMax * this.#limits.keepAliveMs
    if (this.#silentTicks >= this.#ticksMax) {
      return new StemmaError('PEER_SILENT', `nothing was heard from ${this.peer} for ${waitedMs} ms`, {
        peer: this.peer,
        waitedMs,
      })
    }
    if (this.#slowTicks >= this.#ticksMax) {
      return new StemmaError(
        'PEER_TOO_SLOW',
        `${this.peer} sends a message more slowly than ${this.#limits.bytesPerSecondMin} bytes/s`,
      )
    }
    if (this.#stuckTicks >= this.#ticksMax) {
      return new StemmaError('PEER_TOO_SLOW', `${this.peer} read nothing for ${waitedMs} ms while ${waiting} bytes wait`, {
        waiting,
      })
    }
    if (this.#silentTicks > 0) this.#wire.write(FRAME.ping, [], 0)
    return undefined
  }
}
