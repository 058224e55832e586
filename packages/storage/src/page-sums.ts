/**
 * The `pageSum` of every page of a database, and their XOR: the database's digest.
 *
 * 8 bytes a page: 2 MiB for a database of 1 GiB.
 */
export class PageSums {
  #sums: BigUint64Array
  #pageCount = 0
  #digest = 0n

  constructor(pageCountHint = 0) {
    this.#sums = new BigUint64Array(Math.max(64, pageCountHint))
  }

  get pageCount(): number {
    return this.#pageCount
  }

  /** XOR over all pages. */
  get digest(): bigint {
    return this.#digest
  }

  /** The sum of a page; 0 for a page that the database doesn't have. */
  get(pageNumber: number): bigint {
    return pageNumber <= this.#pageCount ? this.#sums[pageNumber - 1]! : 0n
  }

  /** Sets the sum of a page that the database has. */
  set(pageNumber: number, sum: bigint): void {
    const index = pageNumber - 1
    this.#digest ^= this.#sums[index]! ^ sum
    this.#sums[index] = sum
  }

  /** Grows (new pages have sum 0 until they are set) or shrinks; the pages that go leave the digest. */
  setPageCount(pageCount: number): void {
    for (let index = pageCount; index < this.#pageCount; index++) {
      this.#digest ^= this.#sums[index]!
      this.#sums[index] = 0n
    }
    if (pageCount > this.#sums.length) {
      const larger = new BigUint64Array(Math.max(pageCount, this.#sums.length * 2))
      larger.set(this.#sums)
      this.#sums = larger
    }
    this.#pageCount = pageCount
  }

  /** The sums of some pages, little-endian on every machine that Node runs on; a copy. */
  bytes(firstPage: number, count: number): Uint8Array {
    const slice = this.#sums.slice(firstPage - 1, Math.min(firstPage - 1 + count, this.#pageCount))
    return new Uint8Array(slice.buffer)
  }
}
