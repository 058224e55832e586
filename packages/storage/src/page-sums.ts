/**
 * The `pageSum` of every page of a database, and their XOR: the database's digest.
 *
 * 8 bytes a page: 2 MiB for a database of 1 GiB. The page at byte 1 GiB (`lockBytePage`), which is never data, has the sum 0
 * and is never set. Page numbers are the caller's to check: one beyond `pageCount` is ignored or gives 0.
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
    return pageNumber >= 1 && pageNumber <= this.#pageCount ? this.#sums[pageNumber - 1]! : 0n
  }

  /** Sets the sum of a page that the database has. */
  set(pageNumber: number, sum: bigint): void {
    if (pageNumber < 1 || pageNumber > this.#pageCount) return
    const index = pageNumber - 1
    this.#digest ^= this.#sums[index]! ^ sum
    this.#sums[index] = sum
  }

  /** Grows (new pages have sum 0 until they are set) or shrinks; the pages that go leave the digest. */
  setPageCount(pageCount: number): void {
    this.clear(pageCount + 1, this.#pageCount)
    if (pageCount > this.#sums.length) {
      const larger = new BigUint64Array(Math.max(pageCount, this.#sums.length * 2))
      larger.set(this.#sums)
      this.#sums = larger
    }
    this.#pageCount = pageCount
  }

  /** Grows to a number of pages; does nothing when there are as many. */
  grow(pageCount: number): void {
    if (pageCount > this.#pageCount) this.setPageCount(pageCount)
  }

  /** Sets the sums from a page to another one, both included, to 0. */
  clear(firstPage: number, lastPage: number): void {
    const end = Math.min(lastPage, this.#pageCount)
    for (let index = firstPage - 1; index < end; index++) {
      this.#digest ^= this.#sums[index]!
      this.#sums[index] = 0n
    }
  }

  /** The sums of some pages, little-endian on every machine that Node runs on; a copy. */
  bytes(firstPage: number, count: number): Uint8Array {
    const slice = this.#sums.slice(firstPage - 1, Math.min(firstPage - 1 + count, this.#pageCount))
    return new Uint8Array(slice.buffer)
  }

  /** Sets the sums of some pages that the database has, from what `bytes` gave; what is too much is ignored. */
  load(firstPage: number, bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const count = Math.min(Math.floor(bytes.byteLength / 8), this.#pageCount - firstPage + 1)
    for (let i = 0; i < count; i++) this.set(firstPage + i, view.getBigUint64(i * 8, true))
  }

  copy(): PageSums {
    const copy = new PageSums(this.#pageCount)
    copy.#sums.set(this.#sums.subarray(0, this.#pageCount))
    copy.#pageCount = this.#pageCount
    copy.#digest = this.#digest
    return copy
  }
}
