import type { RowHash } from './row-hash.ts'

/** Rows of a table are sorted into so many buckets by the hashes of their keys. */
export const BUCKETS = 1024

/** How many rows there are, and the sum of their hashes modulo 2^64: the same in whatever order they come, and a row can be taken out again. */
export interface Tally {
  readonly rows: number
  readonly digest: bigint
}

/** Which bucket a row is in. */
export function bucketOf({ key }: RowHash): number {
  return Number(key & BigInt(BUCKETS - 1))
}

/** Counts rows in buckets. */
export class Tallies {
  readonly #rows = new Float64Array(BUCKETS)
  readonly #digests = new BigUint64Array(BUCKETS)

  add(hash: RowHash): void {
    const bucket = bucketOf(hash)
    this.#rows[bucket]!++
    this.#digests[bucket]! += hash.row
  }

  remove(hash: RowHash): void {
    const bucket = bucketOf(hash)
    this.#rows[bucket]!--
    this.#digests[bucket]! -= hash.row
  }

  /** Of all buckets. */
  get total(): Tally {
    let [rows, digest] = [0, 0n]
    for (let i = 0; i < BUCKETS; i++) {
      rows += this.#rows[i]!
      digest += this.#digests[i]!
    }
    return { rows, digest: BigInt.asUintN(64, digest) }
  }

  /** Each bucket. */
  get buckets(): readonly Tally[] {
    return Array.from(this.#rows, (rows, i) => ({ rows, digest: this.#digests[i]! }))
  }
}

export function isSameTally(a: Tally, b: Tally): boolean {
  return a.rows === b.rows && a.digest === b.digest
}
