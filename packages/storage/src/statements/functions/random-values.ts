import { randomFillSync } from 'node:crypto'

const POOL_BYTES = 8 * 1024
/** No limit on the length of a blob that a SQLite has is below this. */
const BLOB_SMALL = 1_000_000n

/** What SQLite's random() and randomblob() give, from the system's dice. */
export class RandomValues {
  readonly #pool = new BigInt64Array(POOL_BYTES / 8)
  #at: number = this.#pool.length

  /** An integer of 64 bits, but never the least: abs() of it must be one too. */
  integer(): bigint {
    if (this.#at >= this.#pool.length) {
      randomFillSync(this.#pool)
      this.#at = 0
    }
    const value = this.#pool[this.#at++]!
    return value < 0n ? -(value & (2n ** 63n - 1n)) : value
  }

  /**
   * @param length - below 1 is 1
   * @param checkSize - throws when SQLite has no blobs of that length
   */
  blob(length: bigint, checkSize: (length: bigint) => void): Uint8Array {
    if (length > BLOB_SMALL) checkSize(length)
    return randomFillSync(new Uint8Array(Math.max(1, Number(length))))
  }
}
