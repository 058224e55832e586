import type { OnReadOpts } from 'node:net'
import { StemmaError, type Milliseconds } from '@stemma/base'
import type { Channel } from './channel.ts'
import { FRAME, encodePreamble, type FrameKind } from './frame.ts'
import { FrameReader } from './frame-reader.ts'
import { FrameWriter } from './frame-writer.ts'
import type { Timers } from './timers.ts'

/** Whoever drives a wire: first the greeting, then the link. */
export interface WireUser {
  /** A frame came. Its bytes are good only during the call. */
  frame(kind: FrameKind, bytes: Uint8Array): void
  /** Nothing waits any more. */
  drain(): void
  /** The connection is over. Called once, and last. */
  closed(error: StemmaError | undefined): void
}

/** Frames over one channel: the greeting's and the link's common ground. */
export class Wire {
  readonly #timers: Timers
  readonly #explain: (cause: Error) => StemmaError
  /** Set before anything can come in. */
  user: WireUser = { frame() {}, drain() {}, closed() {} }
  #channel: Channel | undefined
  #writer: FrameWriter | undefined
  #reader: FrameReader
  #error: StemmaError | undefined
  /** `ending`: nothing more is handed on, what waits still goes out. */
  #state: 'open' | 'ending' | 'closed' = 'open'
  #cancelEnd: (() => void) | undefined
  /** What it means when the other end closes without a word. */
  #silence =
    'the other end closed the connection during the greeting: it may be full, refuse our certificate, or not agree whether to speak TLS; its log says why'
  /** Bytes that came in so far. */
  bytesRead = 0
  readonly #gone = Promise.withResolvers<void>()

  /** @param options.explain - says what an error of the channel means */
  constructor(options: { timers: Timers; explain?: (cause: Error) => StemmaError }) {
    this.#timers = options.timers
    this.#explain = options.explain ?? lost
    this.#reader = new FrameReader((kind, bytes) => this.#take(kind, bytes))
  }

  /** What makes a new socket read straight into our memory. */
  get onread(): OnReadOpts {
    return {
      buffer: () => this.#reader.space(),
      callback: (count) => {
        this.#read(count)
        return true
      },
    }
  }

  /** Takes a channel. With `reads: 'events'`, it wasn't made with `onread`. */
  attach(channel: Channel, reads: 'onread' | 'events'): void {
    this.#channel = channel
    this.#writer = new FrameWriter(channel, () => {
      if (this.#state === 'open') this.user.drain()
    })
    if (reads === 'events') channel.on('data', (chunk: Buffer) => this.#read(chunk))
    channel.on('error', (cause) => this.destroy(this.#explain(cause)))
    channel.on('end', () => {
      if (this.#state === 'open') this.destroy(new StemmaError('LINK_LOST', this.#silence))
    })
    channel.on('close', () => this.#closed())
    if (channel.destroyed) queueMicrotask(() => this.#closed())
  }

  /** Resolves when the connection is over, after its user was told. */
  get gone(): Promise<void> {
    return this.#gone.promise
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Bytes written so far. */
  get bytesWritten(): number {
    return this.#writer?.bytesWritten ?? 0
  }

  /** Bytes written that the machine has not taken yet. */
  get bytesWaiting(): number {
    return this.#writer?.bytesWaiting ?? 0
  }

  /** True when a part of a frame has come. */
  get incomplete(): boolean {
    return this.#reader.incomplete
  }

  /** The other end is authenticated: messages may come. */
  open(limits: { readonly messageBytesMax: number; readonly readBufferBytes: number }): void {
    this.#reader.open(limits)
    this.#silence = 'the other end closed the connection without a word'
  }

  writePreamble(): void {
    this.#writer?.writeRaw(encodePreamble())
  }

  write(kind: FrameKind, parts: readonly Uint8Array[], length: number): void {
    if (this.#state === 'open') this.#writer?.write(kind, parts, length)
  }

  flush(): void {
    this.#writer?.flush()
  }

  /**
   * Ends the connection once all that was written has gone out, or after `afterMs`.
   *
   * @param options.error - handed to `closed`
   * @param options.bye - tells the other end that this is in good order
   */
  end(options: { afterMs: Milliseconds; bye: boolean; error: StemmaError | undefined }): void {
    if (this.#state !== 'open') return
    if (options.bye) this.write(FRAME.bye, [], 0)
    this.flush()
    this.#state = 'ending'
    this.#error = options.error
    this.#channel?.end()
    this.#cancelEnd = this.#timers.schedule(options.afterMs, () => this.#channel?.destroy())
  }

  /** Ends the connection at once. */
  destroy(error: StemmaError): void {
    if (this.#state === 'open') {
      this.#state = 'ending'
      this.#error = error
    }
    this.#channel?.destroy()
  }

  #closed(): void {
    if (this.#state === 'closed') return
    const error = this.#state === 'open' ? new StemmaError('LINK_LOST', 'the connection is gone') : this.#error
    this.#state = 'closed'
    this.#cancelEnd?.()
    this.#gone.resolve()
    this.user.closed(error)
  }

  /** Takes what came: a chunk, or a count of bytes in the reader's own space. */
  #read(came: Uint8Array | number): void {
    this.bytesRead += typeof came === 'number' ? came : came.byteLength
    if (this.#state !== 'open') return
    try {
      if (typeof came === 'number') this.#reader.filled(came)
      else this.#reader.push(came)
    } catch (error) {
      const own = StemmaError.is(error)
      this.destroy(own ? error : new StemmaError('LINK_LOST', 'this end failed while it handled a message', {}, error))
      if (!own) throw error
    }
  }

  #take(kind: FrameKind, bytes: Uint8Array): boolean {
    if (kind === FRAME.bye) this.end({ afterMs: 0, bye: false, error: undefined })
    else this.user.frame(kind, bytes)
    return this.#state === 'open'
  }
}

function lost(cause: Error): StemmaError {
  return new StemmaError('LINK_LOST', `the connection broke: ${cause.message}`, {}, cause)
}
