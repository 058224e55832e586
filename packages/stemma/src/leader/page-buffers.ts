import { newReadBuffer } from '@stemma/base'
import type { Link } from '@stemma/transport'

/** A link that reads slowly lets no more than this many be used again. */
const BUFFERS_MAX = 8

/**
 * Memory that the pages of a snapshot are read into on their way to one link. It is used again when they have left: memory that is
 * new each time costs several times as much as the reading.
 */
export class PageBuffers {
  readonly link: Pick<Link, 'bytesWaiting'>
  #free: Uint8Array[] = []
  #lent: Uint8Array[] = []

  constructor(link: Pick<Link, 'bytesWaiting'>) {
    this.link = link
  }

  /**
   * Lends at least this many bytes. What was lent before must have been given to the link by now; what was lent once nothing waits
   * any more on it is lent again.
   */
  lend(bytes: number): Uint8Array {
    if (this.link.bytesWaiting === 0) {
      this.#free = this.#free.concat(this.#lent)
      this.#lent = []
    }
    const known = this.#free.pop()
    const buffer = known !== undefined && known.byteLength >= bytes ? known : newReadBuffer(bytes)
    if (this.#lent.length + this.#free.length < BUFFERS_MAX) this.#lent.push(buffer)
    return buffer
  }
}
