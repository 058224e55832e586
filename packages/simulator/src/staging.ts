import type { SnapshotInfo } from '@stemma/protocol'
import { PAGE_SIZE, sumOf, type Pages } from './model.ts'

/** A snapshot that a modelled follower receives. */
export class Staging {
  readonly info: SnapshotInfo
  readonly cluster: string
  readonly format: string
  readonly #old: Pages
  readonly #pages: (number | undefined)[]

  constructor(info: SnapshotInfo, cluster: string, format: string, old: Pages) {
    this.info = info
    this.cluster = cluster
    this.format = format
    this.#old = old
    this.#pages = Array.from({ length: info.pageCount }, () => undefined)
  }

  /** There are pages to compare with. */
  get hasOld(): boolean {
    return this.#old.length > 0
  }

  /** The first page that is missing. */
  get next(): number {
    const index = this.#pages.indexOf(undefined)
    return index < 0 ? this.#pages.length + 1 : index + 1
  }

  /** What is there, with the old pages where nothing is yet. */
  get pages(): Pages {
    return this.#pages.map((value, i) => value ?? this.#old[i] ?? 0)
  }

  /** Sums of the old pages of a range, 8 bytes each. */
  sums(first: number, count: number): Uint8Array {
    const some = this.#old.slice(first - 1, first - 1 + count)
    const bytes = new Uint8Array(some.length * 8)
    const view = new DataView(bytes.buffer)
    some.forEach((value, i) => view.setBigUint64(i * 8, sumOf(first + i, value), true))
    return bytes
  }

  write(first: number, count: number, leftOut: Uint8Array, bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let at = 0
    for (let i = 0; i < count; i++) {
      if (((leftOut[i >> 3] ?? 0) >> (i & 7)) & 1) {
        this.#pages[first - 1 + i] = this.#old[first - 1 + i]
      } else {
        this.#pages[first - 1 + i] = view.getUint32(at)
        at += PAGE_SIZE
      }
    }
  }

  /** All pages, or undefined while some are missing. */
  complete(): Pages | undefined {
    const pages = this.#pages.filter((value) => value !== undefined)
    return pages.length === this.info.pageCount ? pages : undefined
  }
}
