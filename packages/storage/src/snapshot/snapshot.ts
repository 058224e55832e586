import { StemmaError, assert, type PageNumber } from '@stemma/base'
import { lockBytePage } from '@stemma/sqlite-file'
import type { Disk } from '../disk/disk.ts'
import type { PageSums } from '../page-sums.ts'
import type { Place } from '../wal-place.ts'
import { Overlay } from './overlay.ts'

/** No more is read at once, in bytes. */
export const RANGE_BYTES_MAX: number = 16 * 1024 * 1024

const MEMORY_LIMIT = 8 * 1024 * 1024
const FILE_LIMIT = 4 * 1024 ** 3
const KEPT_BEHIND_BYTES = 8 * 1024 * 1024

/** What a snapshot is taken of. */
export interface SnapshotOptions {
  /** Where the source stands now: the snapshot's position. */
  readonly place: Place
  /** The source's own sums, which go on with it. */
  readonly sums: PageSums
  /** Reads `count` pages as the source knows them at the time of the call into the start of `into`. */
  readPages(first: PageNumber, count: number, into: Uint8Array): void
  /** Where a nameless file is made when many pages change: best the database's own folder. */
  readonly spillFolder: string
  readonly disk: Disk
  /** Bytes of changed pages kept in memory, 8 MiB by default. */
  readonly memoryLimit?: number
  /** Bytes of changed pages kept in the file, 4 GiB by default. */
  readonly fileLimit?: number
  /** Bytes before the range asked for last that can still be asked for again, 8 MiB by default: what was lost with a link. */
  readonly keptBehind?: number
  /** Told once when the snapshot can't go on. It is closed by then. */
  onExpired?(error: StemmaError): void
}

/** Pages that are read from a snapshot: `count` of them from `first` on. `have` are the sums of those that the reader has. */
export interface SnapshotRange {
  readonly first: PageNumber
  readonly count: number
  readonly have?: Uint8Array
  readonly into?: Uint8Array
}

/** Some pages of a snapshot. */
export interface SnapshotPages {
  /** One bit a page of the range, lowest bit first: set for a page that is not in `bytes`. Empty when all are there. */
  readonly leftOut: Uint8Array
  /** The other pages, one after another: a part of `into` when that was given. */
  readonly bytes: Uint8Array
}

/** A whole database at exactly one position, while its writers go on. */
export interface Snapshot {
  readonly place: Place
  /**
   * Has to be told of each page before a commit changes or cuts it off, with the page as it was (undefined when nobody knows any
   * more), before the source's sums change. Never throws; costs next to nothing for a page that was sent.
   */
  readonly beforeChange: (pageNumber: PageNumber, before: Uint8Array | undefined) => void
  /**
   * Reads a range of pages. Ranges may be asked for in any order that doesn't go back by more than `keptBehind`: pages before that are let go.
   *
   * @param range.have - the sums of the pages that the asker has, 8 bytes a page, little-endian; may be shorter than the range or empty.
   *   A page with the same sum is left out, as is the page that holds the byte at 1 GiB, which is never data
   * @param range.into - at least as large as the range: takes the pages, which is faster than memory that is new each time
   * @throws StemmaError SNAPSHOT_EXPIRED when it was closed or can't go on, or the pages were let go
   * @throws StemmaError BAD_ARGUMENT for pages that it doesn't have, or too many at once
   */
  read(range: SnapshotRange): SnapshotPages
  /** Ends it for a reason: pages changed that nobody was told of. */
  expire(why: string): void
  /** Pages that changed since and are kept as they were. */
  readonly pagesKept: number
  close(): void
}

/**
 * Begins a snapshot of a database as the source knows it now. It holds no lock and no read transaction, so the WAL goes on to be
 * checkpointed and restarted: what later commits change is put aside first, as far as it has not been sent.
 */
export function openSnapshot(options: SnapshotOptions): Snapshot {
  return new LiveSnapshot(options)
}

class LiveSnapshot implements Snapshot {
  readonly place: Place
  readonly #options: SnapshotOptions
  readonly #overlay: Overlay
  readonly #lockBytePage: number
  readonly #keptBehind: number
  /** Pages before this one were sent and let go. */
  #next = 1
  #ended: StemmaError | undefined

  constructor(options: SnapshotOptions) {
    const { place, spillFolder, disk } = options
    this.#options = options
    // The source may change its own.
    this.place = { ...place }
    this.#lockBytePage = lockBytePage(place.pageSize)
    this.#keptBehind = Math.ceil((options.keptBehind ?? KEPT_BEHIND_BYTES) / place.pageSize)
    this.#overlay = new Overlay({
      pageSize: place.pageSize,
      memoryLimit: options.memoryLimit ?? MEMORY_LIMIT,
      fileLimit: options.fileLimit ?? FILE_LIMIT,
      folder: spillFolder,
      disk,
    })
  }

  get pagesKept(): number {
    return this.#overlay.size
  }

  readonly beforeChange = (pageNumber: PageNumber, before: Uint8Array | undefined): void => {
    if (pageNumber < this.#next || pageNumber > this.place.pageCount || pageNumber === this.#lockBytePage) return
    if (this.#ended !== undefined || this.#overlay.has(pageNumber)) return
    if (before === undefined) return this.expire(`page ${pageNumber} changed, and what it was is not known any more`)
    try {
      if (this.#overlay.keep(pageNumber, before, this.#options.sums.get(pageNumber))) return
      this.expire(`more than ${this.#overlay.size} pages changed since`)
    } catch (error) {
      this.expire(`page ${pageNumber} changed, and there is no room for what it was`, error)
    }
  }

  read(range: SnapshotRange): SnapshotPages {
    if (this.#ended !== undefined) throw this.#ended
    const { first, count } = range
    const { pageSize, pageCount } = this.place
    const isRange = Number.isSafeInteger(first) && Number.isSafeInteger(count) && first >= 1 && count >= 1
    if (!isRange || first + count - 1 > pageCount || count * pageSize > Math.max(RANGE_BYTES_MAX, pageSize)) {
      throw new StemmaError('BAD_ARGUMENT', `a snapshot of ${pageCount} pages gives no ${count} from ${first}`, {
        first,
        count,
        pageCount,
      })
    }
    if (first < this.#next) {
      throw new StemmaError('SNAPSHOT_EXPIRED', `page ${first} was sent long ago`, { first, next: this.#next })
    }
    try {
      const pages = this.#read(range)
      this.#letGo(first - this.#keptBehind)
      return pages
    } catch (error) {
      if (!StemmaError.is(error)) this.expire('its pages can not be read', error)
      throw this.#ended ?? error
    }
  }

  expire(why: string, cause?: unknown): void {
    if (this.#ended !== undefined) return
    const error = new StemmaError('SNAPSHOT_EXPIRED', why, { position: this.place.position }, cause)
    this.#end(error)
    this.#options.onExpired?.(error)
  }

  close(): void {
    if (this.#ended === undefined) this.#end(new StemmaError('SNAPSHOT_EXPIRED', 'the snapshot was closed', {}))
  }

  #end(error: StemmaError): void {
    this.#ended = error
    try {
      this.#overlay.close()
    } catch {
      // A nameless file that can't be closed is closed when the process ends.
    }
  }

  #read({ first, count, have, into }: SnapshotRange): SnapshotPages {
    const { pageSize } = this.place
    const leftOut = this.#leftOut(first, count, have)
    let wanted = count
    if (leftOut !== undefined) for (let i = 0; i < count; i++) if (isSet(leftOut, i)) wanted--
    const bytes = into === undefined ? new Uint8Array(wanted * pageSize) : into.subarray(0, wanted * pageSize)
    assert(bytes.byteLength === wanted * pageSize, 'room for the whole range')
    if (leftOut === undefined) {
      this.#readRun(first, count, bytes)
      return { leftOut: NONE, bytes }
    }
    let at = 0
    for (let i = 0; i < count;) {
      let end = i
      while (end < count && !isSet(leftOut, end)) end++
      if (end > i) this.#readRun(first + i, end - i, bytes.subarray(at, (at += (end - i) * pageSize)))
      i = end + 1
    }
    return { leftOut, bytes }
  }

  #leftOut(first: PageNumber, count: number, have: Uint8Array | undefined): Uint8Array | undefined {
    const hasLockByte = this.#lockBytePage >= first && this.#lockBytePage < first + count
    if ((have === undefined || have.byteLength < 8) && !hasLockByte) return undefined
    const leftOut = new Uint8Array(Math.ceil(count / 8))
    let any = false
    const leave = (i: number): void => {
      leftOut[i >> 3]! |= 1 << (i & 7)
      any = true
    }
    if (hasLockByte) leave(this.#lockBytePage - first)
    if (have !== undefined) {
      const view = new DataView(have.buffer, have.byteOffset, have.byteLength)
      const known = Math.min(count, Math.floor(have.byteLength / 8))
      for (let i = 0; i < known; i++) if (view.getBigUint64(i * 8, true) === this.#sum(first + i)) leave(i)
    }
    return any ? leftOut : undefined
  }

  #sum(pageNumber: PageNumber): bigint {
    return this.#overlay.sum(pageNumber) ?? this.#options.sums.get(pageNumber)
  }

  #readRun(first: PageNumber, count: number, into: Uint8Array): void {
    const { pageSize } = this.place
    this.#options.readPages(first, count, into)
    if (this.#overlay.size === 0) return
    for (let i = 0; i < count; i++) {
      if (this.#overlay.has(first + i)) this.#overlay.read(first + i, into.subarray(i * pageSize, (i + 1) * pageSize))
    }
  }

  #letGo(next: number): void {
    if (next <= this.#next) return
    this.#overlay.dropRange(this.#next, next - 1)
    this.#next = next
  }
}

const NONE = new Uint8Array(0)

function isSet(bits: Uint8Array, index: number): boolean {
  return (bits[index >> 3]! & (1 << (index & 7))) !== 0
}
