import { pageSum } from '@stemma/base'
import { FRAME_HEADER_SIZE, frameOffset, lockBytePage } from '@stemma/sqlite-file'
import type { Disk } from '../disk/disk.ts'
import type { PageSums } from '../page-sums.ts'
import type { Backlog } from './backlog.ts'
import type { FrameRing } from './frame-ring.ts'

/** The three files of a live database, as descriptors: the database and its `-shm` are held for the life of the process. */
export interface LiveFiles {
  readonly database: number
  readonly wal: number
  readonly shm: number
}

/** Finds pages as they stand after the last frame that the ring knows of: in the ring, in the backlog, in the WAL, else in the database file. */
export class PageReader {
  readonly #disk: Disk
  readonly #files: LiveFiles
  readonly #ring: FrameRing
  readonly #backlog: Backlog
  readonly #pageSize: number
  readonly #lockBytePage: number
  /** Pages that were read from files for one commit. */
  readonly #scratch: Uint8Array[] = []
  #scratchUsed = 0

  constructor(disk: Disk, files: LiveFiles, parts: { readonly ring: FrameRing; readonly backlog: Backlog }) {
    const { ring } = parts
    this.#disk = disk
    this.#files = files
    this.#ring = ring
    this.#backlog = parts.backlog
    this.#pageSize = ring.pageSize
    this.#lockBytePage = lockBytePage(ring.pageSize)
  }

  /** Gives back all that `before` and `page` lent. */
  reuse(): void {
    this.#scratchUsed = 0
  }

  /**
   * A page as it was, if that can still be known: the bytes have the sum that they must have.
   *
   * @param index - the page's last frame before the commit
   * @param sum - of the page as it was
   */
  before(pageNumber: number, index: number, sum: bigint): Uint8Array | undefined {
    if (index !== 0 && this.#ring.has(index)) return this.#ring.page(index)
    return this.#checked(pageNumber, index, sum, this.#borrow())
  }

  /** The same in bytes of its own, or in the ring. */
  beforeCopy(pageNumber: number, index: number, sum: bigint): Uint8Array | undefined {
    if (index !== 0 && this.#ring.has(index)) return this.#ring.page(index)
    return this.#checked(pageNumber, index, sum, new Uint8Array(this.#pageSize))
  }

  /** Reads a page as it is at a frame, whatever its sum. Bytes beyond the end of the database file are zeros, as SQLite reads them. */
  read(pageNumber: number, index: number, into: Uint8Array): void {
    if (index !== 0 && this.#ring.has(index)) into.set(this.#ring.page(index))
    else this.#read(pageNumber, index, into)
  }

  /** The same in bytes of its own. */
  copy(pageNumber: number, index: number): Uint8Array {
    if (index !== 0 && this.#ring.has(index)) return this.#ring.page(index).slice()
    const bytes = new Uint8Array(this.#pageSize)
    this.#read(pageNumber, index, bytes)
    return bytes
  }

  /** Reads a range of pages. The page that holds the lock byte reads as zeros. */
  range(first: number, count: number, into: Uint8Array): void {
    const size = count * this.#pageSize
    const done = this.#disk.read(this.#files.database, into.subarray(0, size), (first - 1) * this.#pageSize)
    if (done < size) into.fill(0, done, size)
    const base = this.#base
    for (let pageNumber = first; pageNumber < first + count; pageNumber++) {
      const index = this.#ring.lastIndexOf(pageNumber)
      const isInFile = index <= base && !this.#backlog.holds(pageNumber, index)
      if (isInFile && pageNumber !== this.#lockBytePage) continue
      const at = (pageNumber - first) * this.#pageSize
      const page = into.subarray(at, at + this.#pageSize)
      if (pageNumber === this.#lockBytePage) page.fill(0)
      else this.read(pageNumber, index, page)
    }
  }

  /** True when these pages have the sums that they must have. */
  matches(first: number, count: number, pages: Uint8Array, sums: PageSums): boolean {
    for (let i = 0; i < count; i++) {
      if (first + i === this.#lockBytePage) continue
      const page = pages.subarray(i * this.#pageSize, (i + 1) * this.#pageSize)
      if (pageSum(first + i, page) !== sums.get(first + i)) return false
    }
    return true
  }

  #checked(pageNumber: number, index: number, sum: bigint, into: Uint8Array): Uint8Array | undefined {
    if (!this.#read(pageNumber, index, into)) return undefined
    return pageSum(pageNumber, into) === sum ? into : undefined
  }

  /** The index before that of frame 1 in the `-wal` file: all before it is in the database file. */
  get #base(): number {
    return this.#backlog.end?.base ?? this.#ring.base
  }

  #read(pageNumber: number, index: number, into: Uint8Array): boolean {
    if (this.#backlog.readPage(pageNumber, index, into)) return true
    const base = this.#base
    if (index > base) {
      const offset = frameOffset(index - base, this.#pageSize) + FRAME_HEADER_SIZE
      return this.#disk.read(this.#files.wal, into, offset) === this.#pageSize
    }
    const done = this.#disk.read(this.#files.database, into, (pageNumber - 1) * this.#pageSize)
    if (done < this.#pageSize) into.fill(0, done)
    return done === this.#pageSize
  }

  #borrow(): Uint8Array {
    return (this.#scratch[this.#scratchUsed++] ??= new Uint8Array(this.#pageSize))
  }
}
