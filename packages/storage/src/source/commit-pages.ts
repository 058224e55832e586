import { StemmaError, type PageNumber } from '@stemma/base'
import type { PageChange } from '@stemma/log'
import type { DatabaseChange, Pages } from '@stemma/sqlite-file'
import type { PageSums } from '../page-sums.ts'
import type { FrameRing } from './frame-ring.ts'
import type { PageReader } from './page-reader.ts'

/** What a commit is seen through. */
export interface SeenCommit {
  readonly reader: PageReader
  readonly ring: FrameRing
  /** After the commit. */
  readonly sums: PageSums
  /** In the order of their page numbers. */
  readonly changes: readonly PageChange[]
  readonly pageCountBefore: number
  readonly cutOff: CutOff
}

/** Pages that a commit cut off, from the first one beyond its end on: the index of each one's last frame before the commit, and its sum. */
export interface CutOff {
  readonly frames: readonly number[]
  readonly sums: readonly bigint[]
}

export const NOTHING_CUT_OFF: CutOff = { frames: [], sums: [] }

/**
 * The database before a commit and after it, for as long as the commit is good. Pages that it did not write are read from where they
 * are when somebody asks, and checked by their sums.
 *
 * Reading throws StemmaError ROWS_UNKNOWN when a page can't be known any more: its sum is another than it must be.
 */
export class CommitPages implements DatabaseChange {
  readonly before: Pages
  readonly after: Pages
  readonly written: readonly PageNumber[]
  readonly #commit: SeenCommit
  /** Bytes of pages that were read for this commit, so that who asks twice is given the same. */
  readonly #read = new Map<PageNumber, Uint8Array>()

  /** @param reservedBytes - of each page before the commit; undefined when that is to be looked up */
  constructor(commit: SeenCommit, reservedBytes: number | undefined) {
    this.#commit = commit
    const { changes } = commit
    const { pageSize } = commit.ring
    this.written = changes.map(({ pageNumber }) => pageNumber)
    // VACUUM may have made it another. When nobody knows what it was before, nobody knows page 1 either, and nothing will be read.
    const first = changes[0]?.pageNumber === 1 ? changes[0] : undefined
    const before = reservedBytes ?? (first?.before ?? first?.after ?? this.#unwritten(1))[RESERVED_BYTES_OFFSET]!
    const after = first === undefined ? before : first.after[RESERVED_BYTES_OFFSET]!
    this.before = {
      pageSize,
      usableSize: pageSize - before,
      pageCount: commit.pageCountBefore,
      read: (pageNumber) => this.#before(pageNumber),
    }
    this.after = {
      pageSize,
      usableSize: pageSize - after,
      pageCount: commit.sums.pageCount,
      read: (pageNumber) => changeOf(changes, pageNumber)?.after ?? this.#unwritten(pageNumber),
    }
  }

  #before(pageNumber: PageNumber): Uint8Array {
    const { changes, sums, cutOff } = this.#commit
    const change = changeOf(changes, pageNumber)
    if (change !== undefined) return change.before ?? unknown(pageNumber)
    const at = pageNumber - sums.pageCount - 1
    if (at < 0) return this.#unwritten(pageNumber)
    return this.#find(pageNumber, cutOff.frames[at]!, cutOff.sums[at]!)
  }

  #unwritten(pageNumber: PageNumber): Uint8Array {
    const { ring, sums } = this.#commit
    return this.#find(pageNumber, ring.lastIndexOf(pageNumber), sums.get(pageNumber))
  }

  #find(pageNumber: PageNumber, frame: number, sum: bigint): Uint8Array {
    const known = this.#read.get(pageNumber)
    if (known !== undefined) return known
    const bytes = this.#commit.reader.beforeCopy(pageNumber, frame, sum) ?? unknown(pageNumber)
    if (this.#read.size >= KEPT_MAX) this.#read.clear()
    this.#read.set(pageNumber, bytes)
    return bytes
  }
}

const KEPT_MAX = 256

/** In page 1. */
const RESERVED_BYTES_OFFSET = 20

function changeOf(changes: readonly PageChange[], pageNumber: PageNumber): PageChange | undefined {
  let [low, high] = [0, changes.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (changes[middle]!.pageNumber < pageNumber) low = middle + 1
    else high = middle
  }
  const found = changes[low]
  return found?.pageNumber === pageNumber ? found : undefined
}

function unknown(pageNumber: PageNumber): never {
  throw new StemmaError('ROWS_UNKNOWN', `page ${pageNumber} can not be known any more as it was`, { pageNumber })
}
