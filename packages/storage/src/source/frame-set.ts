/** The frames of one transaction, in the order in which they were written. */
export class FrameSet {
  /** By frame: the page. */
  pages: Uint32Array = new Uint32Array(1024)
  /** By frame: the index of the page's last frame before this one. */
  earlier: Uint32Array = new Uint32Array(1024)
  /** By frame: the page's sum. Only filled for large transactions, whose pages leave the ring before their end. */
  sums: BigUint64Array = new BigUint64Array(0)
  count = 0

  clear(): void {
    this.count = 0
    if (this.pages.length > KEPT_MAX) {
      this.pages = new Uint32Array(1024)
      this.earlier = new Uint32Array(1024)
      this.sums = new BigUint64Array(0)
    }
  }

  add(pageNumber: number): void {
    if (this.count === this.pages.length) this.#grow()
    this.pages[this.count++] = pageNumber
  }

  setSum(frame: number, sum: bigint): void {
    if (frame >= this.sums.length) {
      const larger = new BigUint64Array(this.pages.length)
      larger.set(this.sums)
      this.sums = larger
    }
    this.sums[frame] = sum
  }

  #grow(): void {
    const [pages, earlier] = [this.pages, this.earlier]
    this.pages = new Uint32Array(pages.length * 2)
    this.earlier = new Uint32Array(pages.length * 2)
    this.pages.set(pages)
    this.earlier.set(earlier)
  }
}

const KEPT_MAX = 65_536
