import { StemmaError, assert, newReadBuffer } from '@stemma/base'
import { FRAME, FRAME_HEADER_BYTES, HANDSHAKE_FRAME_MAX, PREAMBLE_BYTES, decodePreamble, type FrameKind } from './frame.ts'

/**
 * Takes a whole frame. Its bytes are good only during the call.
 *
 * @returns false to read no further
 */
export type TakeFrame = (kind: FrameKind, bytes: Uint8Array) => boolean

/**
 * Cuts what comes from the network into frames.
 *
 * The network writes straight into `space()`; a frame that lies whole in there is handed on without being copied. What a stranger
 * may make us hold is one handshake frame; only after `open` do lengths up to `messageBytesMax` count, and each is checked as soon
 * as its four bytes are there.
 */
export class FrameReader {
  readonly #take: TakeFrame
  /** Where frames up to its size are read. */
  #base: Uint8Array = new Uint8Array(PREAMBLE_BYTES + FRAME_HEADER_BYTES + HANDSHAKE_FRAME_MAX)
  /** `#base`, or while a larger frame comes in, memory of just its size. */
  #buffer: Uint8Array = this.#base
  /** What was read and not yet handed on is `#buffer[#start, #end)`. */
  #start = 0
  #end = 0
  #greeted = false
  /** 0 until the other end is authenticated. */
  #messageBytesMax = 0
  #bufferBytes = 0

  constructor(take: TakeFrame) {
    this.#take = take
  }

  /** Where the next bytes from the network go. Never empty. */
  space(): Uint8Array {
    return this.#buffer.subarray(this.#end)
  }

  /** True when a part of a frame has come. */
  get incomplete(): boolean {
    return this.#start < this.#end
  }

  /** The other end is authenticated: messages may come. May be called while a frame is handed on. */
  open(limits: { readonly messageBytesMax: number; readonly readBufferBytes: number }): void {
    this.#messageBytesMax = limits.messageBytesMax
    this.#bufferBytes = Math.max(limits.readBufferBytes, this.#base.byteLength)
  }

  /**
   * The network has written this many bytes into `space()`: hands on each frame that is complete.
   *
   * @throws StemmaError NOT_STEMMA, TRANSPORT_VERSION, BAD_FRAME or MESSAGE_TOO_LARGE; the reader is of no use afterwards
   */
  filled(count: number): void {
    this.#end += count
    assert(this.#end <= this.#buffer.byteLength, 'the network to write into the space it was given')
    if (!this.#greeted && !this.#takePreamble()) return
    for (;;) {
      const size = this.#frameSize()
      if (this.#end - this.#start < size || size === 0) break
      const kind = ((this.#buffer[this.#start] ?? 0) >>> 4) as FrameKind
      const frame = this.#buffer.subarray(this.#start + FRAME_HEADER_BYTES, this.#start + size)
      this.#start += size
      if (!this.#take(kind, frame)) {
        this.#start = this.#end
        break
      }
    }
    this.#makeRoom()
  }

  /** Copies bytes in where the network can't write straight into `space()`. */
  push(chunk: Uint8Array): void {
    for (let taken = 0; taken < chunk.byteLength;) {
      const space = this.space()
      const count = Math.min(space.byteLength, chunk.byteLength - taken)
      space.set(count === chunk.byteLength ? chunk : chunk.subarray(taken, taken + count))
      taken += count
      this.filled(count)
    }
  }

  #takePreamble(): boolean {
    if (decodePreamble(this.#buffer.subarray(this.#start, this.#end)) === undefined) return false
    this.#start += PREAMBLE_BYTES
    this.#greeted = true
    return true
  }

  /** Size of the frame at `#start` with its header, in bytes; 0 while the header is incomplete. */
  #frameSize(): number {
    const at = this.#start
    if (this.#end - at < FRAME_HEADER_BYTES) return 0
    const b = this.#buffer
    const first = b[at] ?? 0
    const length = ((first & 0x0f) << 24) | ((b[at + 1] ?? 0) << 16) | ((b[at + 2] ?? 0) << 8) | (b[at + 3] ?? 0)
    this.#checkFrame((first >>> 4) as FrameKind, length)
    return FRAME_HEADER_BYTES + length
  }

  #checkFrame(kind: FrameKind, length: number): void {
    const isOpen = this.#messageBytesMax > 0
    switch (kind) {
      case FRAME.message: {
        if (!isOpen) throw new StemmaError('BAD_FRAME', 'a message came before the greeting was over')
        if (length <= this.#messageBytesMax) return
        const details = { length, messageBytesMax: this.#messageBytesMax }
        throw new StemmaError(
          'MESSAGE_TOO_LARGE',
          `a message of ${length} bytes came; ${this.#messageBytesMax} is the most`,
          details,
        )
      }
      case FRAME.handshake:
        if (isOpen || length > HANDSHAKE_FRAME_MAX) throw new StemmaError('BAD_FRAME', `a greeting of ${length} bytes came`)
        return
      case FRAME.ping:
      case FRAME.pong:
      case FRAME.bye:
        if (isOpen && length === 0) return
    }
    throw new StemmaError('BAD_FRAME', `a frame of kind ${kind} with ${length} bytes came`)
  }

  /** Sees to it that the frame at `#start` can become complete where it lies. */
  #makeRoom(): void {
    if (this.#base.byteLength < this.#bufferBytes) this.#base = newReadBuffer(this.#bufferBytes)
    const have = this.#end - this.#start
    const need = this.#frameSize() || FRAME_HEADER_BYTES
    const stays = have > 0 && need <= this.#buffer.byteLength - this.#start
    if (stays) return
    const old = this.#buffer
    // A frame larger than the buffer gets memory of its own. It is zeroed, so the machine hands out pages only as bytes come in.
    this.#buffer = need <= this.#base.byteLength ? this.#base : new Uint8Array(need)
    if (this.#buffer === old) old.copyWithin(0, this.#start, this.#end)
    else this.#buffer.set(old.subarray(this.#start, this.#end))
    this.#start = 0
    this.#end = have
  }
}
