import type { Disk } from '../disk/disk.ts'

/** How far a WAL has come, as its index says. */
export interface WalMark {
  /** Of the WAL's generation. */
  salt1: number
  salt2: number
  /** The last frame that is committed. */
  frame: number
  /** Counts commits, over all generations of the WAL; SQLite begins anew with it when it recovers the index. Wraps round at 32 bits. */
  commits: number
}

export function newWalMark(): WalMark {
  return { salt1: 0, salt2: 0, frame: 0, commits: 0 }
}

/**
 * Reads how far a WAL has come. It is the one thing that is done for each transaction of a program whose statements are wanted, so it does no more
 * than that: it reads the first copy of the header, and trusts its checksum.
 *
 * @see decodeWalIndexHeader for the layout
 */
export class WalMarkReader {
  readonly #disk: Disk
  readonly #fd: number
  readonly #bytes = new Uint8Array(HEADER_BYTES)
  readonly #words = new Uint32Array(this.#bytes.buffer)
  readonly #view = new DataView(this.#bytes.buffer)

  /** @param fd - a held descriptor on the `-shm` file */
  constructor(disk: Disk, fd: number) {
    this.#disk = disk
    this.#fd = fd
  }

  /**
   * @param into - filled
   * @returns false when a few readings gave no whole header; `into` is then as it was
   */
  read(into: WalMark): boolean {
    const words = this.#words
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (this.#disk.read(this.#fd, this.#bytes, 0) < HEADER_BYTES) return false
      if (!this.#isWhole()) continue
      into.commits = words[2]!
      into.frame = words[4]!
      into.salt1 = this.#view.getUint32(32)
      into.salt2 = this.#view.getUint32(36)
      return true
    }
    return false
  }

  #isWhole(): boolean {
    const words = this.#words
    let [sum1, sum2] = [0, 0]
    for (let i = 0; i < 10; i += 2) {
      sum1 = (sum1 + words[i]! + sum2) | 0
      sum2 = (sum2 + words[i + 1]! + sum1) | 0
    }
    return sum1 >>> 0 === words[10] && sum2 >>> 0 === words[11] && this.#bytes[12] === 1
  }
}

const HEADER_BYTES = 48
const ATTEMPTS = 20
