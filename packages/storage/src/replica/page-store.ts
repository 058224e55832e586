import { StemmaError, newReadBuffer, pageSum, showPosition, type PageNumber, type Position } from '@stemma/base'
import { PAGE_COUNT_MAX, isPageSize, lockBytePage } from '@stemma/sqlite-file'
import type { Disk } from '../disk/disk.ts'
import { PageSums } from '../page-sums.ts'

/** A snapshot, as the leader describes it before its pages come. */
export interface SnapshotToStage {
  readonly cluster: string
  readonly position: Position
  readonly digest: bigint
  readonly format: string
  /** Bytes. */
  readonly pageSize: number
  readonly pageCount: number
}

/** The copy that a snapshot is to replace. */
export interface OldCopy {
  readonly sums: PageSums
  /** Fills `into` with whole pages, one after another. */
  readPages(first: PageNumber, into: Uint8Array): void
}

export interface PageStoreOptions {
  readonly snapshot: SnapshotToStage
  /** Where the pages are kept until the snapshot is complete. */
  readonly path: string
  readonly disk: Disk
  readonly old: OldCopy | undefined
}

/** No range of pages is longer. */
export const RANGE_PAGES_MAX = 65_536

// Where a page of the new database is.
const NOWHERE = 0
const IN_OLD_COPY = 1
const IN_FILE = 2

const CHUNK_BYTES = 1024 * 1024

/**
 * The pages of a snapshot that is being fetched, in a file of its own beside the copy, each at its place.
 *
 * It knows the pages by their sums, which it computes from what is there. So what a broken-off attempt has left behind, of this
 * snapshot or another one, is of use and can do no harm: a page counts only when the leader says that its sum is right.
 */
export class PageStore {
  readonly snapshot: SnapshotToStage
  readonly #options: PageStoreOptions
  readonly #lockPage: PageNumber
  /** Pages that an earlier attempt may have left. */
  readonly #left: number
  readonly #perChunk: number
  readonly #offered: PageSums
  readonly #sums: PageSums
  #from = new Uint8Array(1024)
  #offeredFrom = new Uint8Array(1024)
  #settled = 0
  #file: number | undefined

  /**
   * @throws StemmaError SNAPSHOT_DAMAGED when there can be no such snapshot
   */
  constructor(options: PageStoreOptions) {
    const { snapshot, disk, path } = options
    const { pageSize, pageCount } = snapshot
    if (!isPageSize(pageSize) || !Number.isInteger(pageCount) || pageCount < 1 || pageCount > PAGE_COUNT_MAX) {
      throw damaged(snapshot, `${pageCount} pages of ${pageSize} bytes`)
    }
    this.snapshot = snapshot
    this.#options = options
    this.#lockPage = lockBytePage(pageSize)
    this.#perChunk = Math.max(1, CHUNK_BYTES / pageSize)
    // Sums grow with the pages that come, not with the number that the leader says.
    this.#offered = new PageSums()
    this.#sums = new PageSums()
    this.#file = disk.open(path, 'create')
    this.#left = Math.min(pageCount, Math.floor(disk.size(this.#file) / pageSize))
  }

  /** There are pages that need not be sent again if they are the same: `have` gives their sums. */
  get compare(): boolean {
    return this.#left > 0 || this.#options.old !== undefined
  }

  /** It will take the place of a copy that lives. */
  get replaces(): boolean {
    return this.#options.old !== undefined
  }

  /** The first page that has not come yet; `pageCount + 1` when all have. */
  get next(): PageNumber {
    let next = 1
    while (next <= this.#sums.pageCount && this.#from[next] !== NOWHERE) next++
    return next
  }

  /** Pages that have come, or need not come. */
  get settled(): number {
    return this.#settled
  }

  /** Sums of the new database's pages, once all have come. */
  get sums(): PageSums {
    return this.#sums
  }

  /**
   * The sums of the pages that we have, 8 bytes each, little-endian; 0 for a page that we don't have. Nothing at all when we
   * have none of the range.
   */
  have(first: PageNumber, count: number): Uint8Array {
    this.#checkRange(first, count)
    const last = first + count - 1
    this.#offered.grow(last)
    const { old } = this.#options
    let any = false
    if (old !== undefined) {
      for (let page = first; page <= last; page++) {
        const sum = old.sums.get(page)
        this.#offer(page, sum, IN_OLD_COPY)
        any ||= sum !== 0n
      }
    }
    for (let page = first; page <= Math.min(last, this.#left); page += this.#perChunk) {
      any = this.#offerLeftPages(page, Math.min(page + this.#perChunk - 1, last, this.#left)) || any
    }
    return any ? this.#offered.bytes(first, count) : new Uint8Array(0)
  }

  /**
   * Takes pages.
   *
   * @param leftOut - one bit a page of the range, lowest bit first; set for a page that is not in `bytes`, since it has the sum
   *   that `have` gave. Empty when all are there. The page at byte 1 GiB is always left out.
   * @param bytes - the pages that are there; read, not kept
   * @throws StemmaError SNAPSHOT_DAMAGED
   */
  write(range: {
    readonly first: PageNumber
    readonly count: number
    readonly leftOut: Uint8Array
    readonly bytes: Uint8Array
  }): void {
    const { first, count, leftOut, bytes } = range
    const { pageSize } = this.snapshot
    this.#checkRange(first, count)
    if (first > this.#sums.pageCount + RANGE_PAGES_MAX) throw damaged(this.snapshot, `pages ${first} and on come too early`)
    const last = first + count - 1
    this.#sums.grow(last)
    this.#growTo(last)
    let at = 0
    let run = 0
    for (let i = 0; i < count; i++) {
      const isHere = ((leftOut[i >> 3] ?? 0) & (1 << (i & 7))) === 0
      if (!isHere) {
        this.#writeRun(first + i, bytes, at, run)
        run = 0
        this.#leaveOut(first + i)
        continue
      }
      if (at + pageSize > bytes.byteLength) throw damaged(this.snapshot, `page ${first + i} is missing`)
      if (first + i === this.#lockPage) throw damaged(this.snapshot, `page ${first + i} can not be data`)
      at += pageSize
      run++
    }
    this.#writeRun(last + 1, bytes, at, run)
    if (at !== bytes.byteLength) throw damaged(this.snapshot, `${bytes.byteLength - at} bytes too many`)
  }

  /**
   * Checks that all pages are there, and that together they are what the leader has.
   *
   * @throws StemmaError SNAPSHOT_DAMAGED
   */
  checkDigest(): void {
    const { snapshot } = this
    if (this.#settled !== snapshot.pageCount) throw damaged(snapshot, `${snapshot.pageCount - this.#settled} pages never came`)
    if (this.#sums.digest !== snapshot.digest) throw damaged(snapshot, 'the digest of its pages is another one')
    const { old } = this.#options
    for (let page = 1; page <= snapshot.pageCount; page++) {
      if (page !== this.#lockPage && this.#from[page] === IN_OLD_COPY && old?.sums.get(page) !== this.#sums.get(page)) {
        throw damaged(snapshot, `page ${page} of the copy has changed meanwhile`)
      }
    }
  }

  /** Pages that the old copy does not have, or has otherwise; at least one if its number of pages is another one. */
  changedPages(): { readonly pageNumber: PageNumber; readonly sum: bigint }[] {
    const { old } = this.#options
    const pages: { pageNumber: PageNumber; sum: bigint }[] = []
    for (let pageNumber = 1; pageNumber <= this.snapshot.pageCount; pageNumber++) {
      const sum = this.#sums.get(pageNumber)
      if (this.#from[pageNumber] === IN_FILE && sum !== old?.sums.get(pageNumber)) pages.push({ pageNumber, sum })
    }
    if (pages.length === 0 && old?.sums.pageCount !== this.snapshot.pageCount)
      pages.push({ pageNumber: 1, sum: this.#sums.get(1) })
    return pages
  }

  /** Makes the file a whole database: takes what is missing from the old copy, and cuts what is too much. */
  complete(): void {
    const { disk, old } = this.#options
    const { pageSize, pageCount } = this.snapshot
    const most = this.#perChunk
    const chunk = newReadBuffer(most * pageSize)
    for (let first = 1; old !== undefined && first <= pageCount;) {
      if (this.#from[first] !== IN_OLD_COPY || first === this.#lockPage) {
        first++
        continue
      }
      let count = 1
      while (count < most && this.#from[first + count] === IN_OLD_COPY && first + count !== this.#lockPage) count++
      old.readPages(first, chunk.subarray(0, count * pageSize))
      disk.write(this.file, chunk.subarray(0, count * pageSize), (first - 1) * pageSize)
      first += count
    }
    disk.truncate(this.file, pageCount * pageSize)
  }

  /**
   * Fills `into` with a page of the snapshot.
   *
   * @throws StemmaError SNAPSHOT_DAMAGED when the file has lost it
   */
  readPage(pageNumber: PageNumber, into: Uint8Array): void {
    const { disk, old } = this.#options
    if (this.#from[pageNumber] === IN_OLD_COPY) old?.readPages(pageNumber, into)
    else disk.read(this.file, into, (pageNumber - 1) * this.snapshot.pageSize)
    if (pageSum(pageNumber, into) !== this.#sums.get(pageNumber))
      throw damaged(this.snapshot, `page ${pageNumber} is not as it came`)
  }

  get isOpen(): boolean {
    return this.#file !== undefined
  }

  /** The file's descriptor, while it is open. */
  get file(): number {
    if (this.#file === undefined) throw new StemmaError('SNAPSHOT_DAMAGED', 'this snapshot was given up', {})
    return this.#file
  }

  /** Closes the file, and leaves what came to a later attempt. */
  close(): void {
    if (this.#file === undefined) return
    const file = this.#file
    this.#file = undefined
    this.#options.disk.close(file)
  }

  #offerLeftPages(first: PageNumber, last: PageNumber): boolean {
    const { disk } = this.#options
    const { pageSize } = this.snapshot
    const bytes = newReadBuffer((last - first + 1) * pageSize)
    disk.read(this.file, bytes, (first - 1) * pageSize)
    let any = false
    for (let page = first; page <= last; page++) {
      const start = (page - first) * pageSize
      const content = bytes.subarray(start, start + pageSize)
      if (page === this.#lockPage || isZero(content)) continue
      this.#offer(page, pageSum(page, content), IN_FILE)
      any = true
    }
    return any
  }

  #offer(page: PageNumber, sum: bigint, from: number): void {
    this.#growTo(page)
    this.#offered.set(page, sum)
    this.#offeredFrom[page] = from
  }

  #leaveOut(page: PageNumber): void {
    if (page === this.#lockPage) return this.#settle(page, IN_OLD_COPY, 0n)
    const sum = this.#offered.get(page)
    if (sum === 0n) throw damaged(this.snapshot, `page ${page} was left out, but we don't have it`)
    this.#settle(page, this.#offeredFrom[page]!, sum)
  }

  #settle(page: PageNumber, from: number, sum: bigint): void {
    if (this.#from[page] === NOWHERE) this.#settled++
    this.#from[page] = from
    this.#sums.set(page, sum)
  }

  /** Writes the last `count` pages before `at`, which are those before page `end`. They have come when they are written. */
  #writeRun(end: PageNumber, bytes: Uint8Array, at: number, count: number): void {
    if (count === 0) return
    const { pageSize } = this.snapshot
    const first = end - count
    const run = bytes.subarray(at - count * pageSize, at)
    // A part of them may be written when it fails.
    for (let page = first; page < end; page++) this.#unsettle(page)
    this.#options.disk.write(this.file, run, (first - 1) * pageSize)
    for (let i = 0; i < count; i++) {
      this.#settle(first + i, IN_FILE, pageSum(first + i, run.subarray(i * pageSize, (i + 1) * pageSize)))
    }
  }

  #unsettle(page: PageNumber): void {
    if (this.#from[page] === NOWHERE) return
    this.#settled--
    this.#from[page] = NOWHERE
    this.#sums.set(page, 0n)
  }

  #growTo(page: PageNumber): void {
    if (page < this.#from.length) return
    this.#from = grown(this.#from, page + 1)
    this.#offeredFrom = grown(this.#offeredFrom, page + 1)
  }

  #checkRange(first: PageNumber, count: number): void {
    const isRange = Number.isInteger(first) && Number.isInteger(count) && first >= 1 && count >= 1 && count <= RANGE_PAGES_MAX
    if (!isRange || first + count - 1 > this.snapshot.pageCount)
      throw damaged(this.snapshot, `no range of ${count} pages from ${first} on`)
  }
}

export function damaged({ position }: SnapshotToStage, why: string): StemmaError {
  return new StemmaError('SNAPSHOT_DAMAGED', `the snapshot at ${showPosition(position)} is damaged: ${why}`, { position })
}

function grown(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(length, bytes.length * 2))
  larger.set(bytes)
  return larger
}

function isZero(bytes: Uint8Array): boolean {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2)
  for (let i = 0; i < words.length; i++) if (words[i] !== 0) return false
  return true
}
