import { HOST_ORDER, type WordOrder } from './host-order.ts'

/**
 * A running WAL checksum: two 32-bit words that go on from header to frame to frame.
 *
 * It keeps a view of the last buffer that it ran over, so that a run of frames in one buffer allocates nothing.
 *
 * @see https://sqlite.org/fileformat2.html#checksum_algorithm, and walChecksumBytes() in SQLite's wal.c
 */
export class WalChecksum {
  /** Unsigned, 32 bits. */
  checksum1: number
  /** Unsigned, 32 bits. */
  checksum2: number
  #words: Int32Array = NO_WORDS

  constructor(checksum1 = 0, checksum2 = 0) {
    this.checksum1 = checksum1
    this.checksum2 = checksum2
  }

  /** Goes on from another place. */
  set(checksum1: number, checksum2: number): void {
    this.checksum1 = checksum1
    this.checksum2 = checksum2
  }

  /**
   * Carries the checksum over more bytes. Fast when they begin at a multiple of 4 bytes of their buffer.
   *
   * @param bytes - read, not kept; `offset` and `length` choose a part of them. `length` is a multiple of 8.
   * @param order - how the checksum reads words: the WAL header says it
   * @throws RangeError when the part is not within `bytes`
   */
  add(bytes: Uint8Array, order: WordOrder, offset = 0, length: number = bytes.byteLength - offset): void {
    if (offset < 0 || length < 0 || (length & 7) !== 0 || offset + length > bytes.byteLength) {
      throw new RangeError(`no whole words at ${offset}, ${length} bytes, of ${bytes.byteLength}`)
    }
    const start = bytes.byteOffset + offset
    if (order === HOST_ORDER && (start & 3) === 0) this.#addWords(bytes.buffer, start >>> 2, length >>> 2)
    else this.#addBytes(bytes, order, offset, length)
  }

  #addWords(buffer: ArrayBufferLike, first: number, count: number): void {
    if (this.#words.buffer !== buffer) this.#words = new Int32Array(buffer, 0, buffer.byteLength >>> 2)
    const words = this.#words
    const end = first + count
    let s1 = this.checksum1 | 0
    let s2 = this.checksum2 | 0
    for (let i = first; i < end; i += 2) {
      s1 = (s1 + words[i]! + s2) | 0
      s2 = (s2 + words[i + 1]! + s1) | 0
    }
    this.checksum1 = s1 >>> 0
    this.checksum2 = s2 >>> 0
  }

  #addBytes(bytes: Uint8Array, order: WordOrder, offset: number, length: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset + offset, length)
    const little = order === 'little'
    let s1 = this.checksum1 | 0
    let s2 = this.checksum2 | 0
    for (let i = 0; i < length; i += 8) {
      s1 = (s1 + view.getInt32(i, little) + s2) | 0
      s2 = (s2 + view.getInt32(i + 4, little) + s1) | 0
    }
    this.checksum1 = s1 >>> 0
    this.checksum2 = s2 >>> 0
  }
}

const NO_WORDS = new Int32Array(0)
