import type { Channel } from './channel.ts'
import { FRAME_HEADER_BYTES, encodeFrameHeader, type FrameKind } from './frame.ts'

/** Parts up to this size are gathered by copying, larger ones are sent from where they lie. */
const SMALL_PART_BYTES = 8 * 1024
/** Room in which small parts are gathered. */
const SLAB_BYTES = 64 * 1024
/** What waits for the end of the run may not be more than this. */
const GATHER_BYTES = 64 * 1024

/**
 * Puts frames on a channel, as few system calls as possible: what is written in one run of code without a pause leaves together.
 */
export class FrameWriter {
  readonly #channel: Channel
  readonly #written: () => void
  // Zeroed, and only what was written into it is ever sent.
  #slab: Buffer = Buffer.alloc(0)
  /** Of the slab, `[0, #sent)` is on the channel and `[#sent, #filled)` waits. */
  #sent = 0
  #filled = 0
  /** What is given to the channel at the next flush, before the waiting part of the slab. */
  #chunks: Uint8Array[] = []
  /** Bytes in `#chunks` and in the waiting part of the slab. */
  #gathered = 0
  #scheduled = false
  /** Bytes written so far. */
  bytesWritten = 0

  /** @param onEmpty - called after a flush, never within it, when nothing waits any more */
  constructor(channel: Channel, onEmpty: () => void) {
    this.#channel = channel
    this.#written = () => {
      if (this.bytesWaiting === 0) onEmpty()
    }
  }

  /** Bytes written that the machine has not taken yet. */
  get bytesWaiting(): number {
    return this.#gathered + this.#channel.writableLength
  }

  /** Bytes that stand before all frames. */
  writeRaw(bytes: Uint8Array): void {
    this.#append(bytes)
    this.#scheduleFlush()
  }

  /** Writes one frame whose content is the parts joined. */
  write(kind: FrameKind, parts: readonly Uint8Array[], length: number): void {
    this.#room(FRAME_HEADER_BYTES)
    encodeFrameHeader(this.#slab, this.#filled, { kind, length })
    this.#filled += FRAME_HEADER_BYTES
    this.#gathered += FRAME_HEADER_BYTES
    this.bytesWritten += FRAME_HEADER_BYTES
    for (const part of parts) this.#append(part)
    if (this.#gathered >= GATHER_BYTES) this.flush()
    else this.#scheduleFlush()
  }

  /** Gives all that waits to the channel. */
  flush(): void {
    if (this.#gathered === 0) return
    this.#cutSlab()
    const chunks = this.#chunks
    this.#chunks = []
    this.#gathered = 0
    if (!this.#channel.writable) return
    const last = chunks.pop() as Uint8Array
    if (chunks.length > 0) this.#channel.cork()
    for (const chunk of chunks) this.#channel.write(chunk)
    this.#channel.write(last, this.#written)
    if (chunks.length > 0) this.#channel.uncork()
    // Nothing waits: the machine has copied all of it, and the slab can be filled again.
    if (this.#channel.writableLength === 0) this.#sent = this.#filled = 0
  }

  #append(part: Uint8Array): void {
    if (part.byteLength > SMALL_PART_BYTES) {
      this.#cutSlab()
      this.#chunks.push(part)
    } else {
      this.#room(part.byteLength)
      this.#slab.set(part, this.#filled)
      this.#filled += part.byteLength
    }
    this.#gathered += part.byteLength
    this.bytesWritten += part.byteLength
  }

  #room(bytes: number): void {
    if (this.#slab.byteLength - this.#filled >= bytes) return
    this.#cutSlab()
    // The old slab belongs to the channel until it is written.
    this.#slab = Buffer.alloc(SLAB_BYTES)
    this.#sent = this.#filled = 0
  }

  #cutSlab(): void {
    if (this.#filled > this.#sent) this.#chunks.push(this.#slab.subarray(this.#sent, this.#filled))
    this.#sent = this.#filled
  }

  #scheduleFlush(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.flush()
    })
  }
}
