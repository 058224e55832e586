import { StemmaError, pageSum, type Milliseconds, type Position } from '@stemma/base'
import type { CommitRows, CommitStatements, PageChange } from '@stemma/log'
import { PAGE_COUNT_MAX, lockBytePage } from '@stemma/sqlite-file'
import type { PageSums } from '../page-sums.ts'
import type { RowTracker } from '../rows/row-tracker.ts'
import type { CommitFrames } from '../statements/record-queue.ts'
import type { StatementMatcher } from '../statements/statement-matcher.ts'
import { CommitPages, NOTHING_CUT_OFF, type CutOff } from './commit-pages.ts'
import type { BeforeChange, BuiltCommit } from './commit.ts'
import { FrameSet } from './frame-set.ts'
import type { FrameRing } from './frame-ring.ts'
import type { PageReader } from './page-reader.ts'
import type { SourceStats } from './source.ts'

/** Makes a commit out of the frames of one transaction, and keeps the sums of all pages up to date. */
export class CommitBuilder {
  readonly #ring: FrameRing
  readonly #reader: PageReader
  readonly #sums: PageSums
  readonly #rows: RowTracker | undefined
  readonly #statements: StatementMatcher | undefined
  readonly #bytesMax: number
  readonly #lockBytePage: number
  readonly #frames = new FrameSet()
  readonly beforeChange: Set<BeforeChange> = new Set()
  /** Pages whose former content was not known any more, so that they are given without it. */
  #pagesWithoutBefore = 0

  /** @param parts - `rows` when commits are to be told as rows too, `statements` when also as what the program ran */
  constructor(parts: {
    ring: FrameRing
    reader: PageReader
    sums: PageSums
    rows: RowTracker | undefined
    statements: StatementMatcher | undefined
    commitBytesMax: number
  }) {
    this.#ring = parts.ring
    this.#reader = parts.reader
    this.#sums = parts.sums
    this.#rows = parts.rows
    this.#statements = parts.statements
    this.#bytesMax = parts.commitBytesMax
    this.#lockBytePage = lockBytePage(parts.ring.pageSize)
  }

  /** `rows` and `statements` are closed with it. */
  close(): void {
    this.#rows?.close()
    this.#statements?.close()
  }

  stats(): Pick<SourceStats, 'pagesWithoutBefore' | 'rowsBegun' | 'rowsMapBytes'> {
    const { begun = 0, mapBytes = 0 } = this.#rows ?? {}
    return { pagesWithoutBefore: this.#pagesWithoutBefore, rowsBegun: begun, rowsMapBytes: mapBytes }
  }

  /** Forgets the frames of a transaction whose end was not seen. */
  drop(): void {
    this.#frames.clear()
  }

  /** Adds the frame at an index, which is in the ring. */
  add(pageNumber: number, index: number): void {
    if (pageNumber === 0 || pageNumber > PAGE_COUNT_MAX) throw damaged(`a frame of page ${pageNumber}`)
    const frames = this.#frames
    frames.add(pageNumber)
    if (frames.count <= this.#smallMax) return
    // Its first frames are about to leave the ring: from here on sums are taken as frames pass by.
    let at = frames.count === this.#smallMax + 1 ? 0 : frames.count - 1
    for (; at < frames.count; at++) {
      const page = this.#ring.page(index - frames.count + 1 + at)
      frames.setSum(at, pageSum(frames.pages[at]!, page))
    }
  }

  /**
   * Ends the transaction: takes its pages into the sums and gives the commit, which is good until the next call here.
   *
   * What can fail comes first: when it throws, nothing has changed but the frames, which are to be dropped.
   *
   * @param lastIndex - the index of the frame that ended it
   * @param isUrgent - nothing keeps the WAL from being restarted, so it is to be looked at again at once
   */
  finish(end: CommitEnd & { lastIndex: number; frames: CommitFrames; isUrgent: boolean }): BuiltCommit {
    const { pageCount } = end
    const firstIndex = end.lastIndex - this.#frames.count + 1
    this.#noteFrames(firstIndex)
    let changes: Change[]
    try {
      changes = this.#changes(firstIndex, pageCount)
      if (this.beforeChange.size > 0) this.#tellBefore(changes, firstIndex, pageCount)
    } catch (error) {
      this.#forgetFrames()
      throw error
    }
    const cutOff = this.#rows === undefined ? NOTHING_CUT_OFF : this.#cutOff(firstIndex, pageCount)
    const commit = this.#take(changes, end, { ...end, cutOff })
    this.#frames.clear()
    return commit
  }

  /** Gets ready to tell commits as rows and statements, if they are to be told so: at a moment when every page can be read. */
  beginViews(): void {
    const sums = this.#sums
    const here = { reader: this.#reader, ring: this.#ring, sums, changes: [], pageCountBefore: sums.pageCount }
    this.#rows?.tryToBegin(() => new CommitPages({ ...here, cutOff: NOTHING_CUT_OFF }, undefined).after, sums.digest)
    this.#statements?.begin(this.#reader.copy(1, this.#ring.lastIndexOf(1)))
  }

  /** A commit that stands for changes which nobody saw: these pages differ from their sums. */
  recover(pages: readonly { readonly pageNumber: number; readonly sum: bigint }[], end: CommitEnd): BuiltCommit {
    const changes = pages.map(
      ({ pageNumber, sum }) =>
        new LazyChange(this.#reader, {
          pageNumber,
          index: this.#ring.lastIndexOf(pageNumber),
          sum,
          beforeIndex: 0,
          beforeSum: undefined,
        }),
    )
    if (this.beforeChange.size > 0) this.#tellUnknown(pages, end.pageCount)
    return this.#take(changes, end, { frames: undefined, isUrgent: true, cutOff: NOTHING_CUT_OFF })
  }

  get #smallMax(): number {
    return this.#ring.capacity >>> 1
  }

  #noteFrames(firstIndex: number): void {
    const { pages, earlier, count } = this.#frames
    for (let i = 0; i < count; i++) {
      const pageNumber = pages[i]!
      earlier[i] = this.#ring.lastIndexOf(pageNumber)
      this.#ring.setLastIndexOf(pageNumber, firstIndex + i)
    }
  }

  #forgetFrames(): void {
    const { pages, earlier, count } = this.#frames
    for (let i = count - 1; i >= 0; i--) this.#ring.setLastIndexOf(pages[i]!, earlier[i]!)
  }

  #changes(firstIndex: number, pageCount: number): Change[] {
    const { pages, count } = this.#frames
    const pageCountBefore = this.#sums.pageCount
    const isSmall = count <= this.#smallMax
    const changes: Change[] = []
    let isSorted = true
    let pageNumberBefore = 0
    this.#reader.reuse()
    for (let i = 0; i < count; i++) {
      const pageNumber = pages[i]!
      const index = firstIndex + i
      // A page that was written twice counts once, and pages may be written and cut off in one transaction.
      if (this.#ring.lastIndexOf(pageNumber) !== index || pageNumber > pageCount) continue
      changes.push(isSmall ? this.#smallChange(pageNumber, index, firstIndex) : this.#largeChange(pageNumber, i, firstIndex))
      if (pageNumber < pageNumberBefore) isSorted = false
      pageNumberBefore = pageNumber
    }
    if (pageCount > pageCountBefore && this.#addUnwritten(changes, firstIndex, pageCount)) isSorted = false
    if (!isSorted) changes.sort((a, b) => a.pageNumber - b.pageNumber)
    return changes
  }

  #smallChange(pageNumber: number, index: number, firstIndex: number): Change {
    const after = this.#ring.page(index)
    let before: Uint8Array | undefined
    if (pageNumber <= this.#sums.pageCount) {
      before = this.#reader.before(pageNumber, this.#earlierIndexOf(pageNumber, firstIndex), this.#sums.get(pageNumber))
      if (before === undefined) this.#pagesWithoutBefore++
    }
    return { pageNumber, before, after, sum: pageSum(pageNumber, after) }
  }

  #largeChange(pageNumber: number, at: number, firstIndex: number): Change {
    const isNew = pageNumber > this.#sums.pageCount
    return new LazyChange(this.#reader, {
      pageNumber,
      index: firstIndex + at,
      sum: this.#frames.sums[at]!,
      beforeIndex: this.#earlierIndexOf(pageNumber, firstIndex),
      beforeSum: isNew ? undefined : this.#sums.get(pageNumber),
    })
  }

  /**
   * Pages may join a database without a frame: taken and freed in one transaction. SQLite then reads whatever an older frame or
   * the file holds there, and so do we, so that a copy is the same in every byte.
   */
  #addUnwritten(changes: Change[], firstIndex: number, pageCount: number): boolean {
    let added = false
    for (let pageNumber = this.#sums.pageCount + 1; pageNumber <= pageCount; pageNumber++) {
      const index = this.#ring.lastIndexOf(pageNumber)
      if (index >= firstIndex || pageNumber === this.#lockBytePage) continue
      const after = this.#reader.copy(pageNumber, index)
      changes.push({ pageNumber, before: undefined, after, sum: pageSum(pageNumber, after) })
      added = true
    }
    return added
  }

  #tellBefore(changes: readonly Change[], firstIndex: number, pageCount: number): void {
    const pageCountBefore = this.#sums.pageCount
    const tell = (pageNumber: number, before: Uint8Array | undefined): void => {
      for (const listener of this.beforeChange) listener(pageNumber, before)
    }
    for (const change of changes) {
      if (change.pageNumber <= pageCountBefore) tell(change.pageNumber, change.before)
    }
    for (let pageNumber = pageCount + 1; pageNumber <= pageCountBefore; pageNumber++) {
      if (pageNumber === this.#lockBytePage) continue
      tell(
        pageNumber,
        this.#reader.beforeCopy(pageNumber, this.#earlierIndexOf(pageNumber, firstIndex), this.#sums.get(pageNumber)),
      )
    }
  }

  #tellUnknown(pages: readonly { readonly pageNumber: number }[], pageCount: number): void {
    const pageCountBefore = this.#sums.pageCount
    for (const listener of this.beforeChange) {
      for (const { pageNumber } of pages) if (pageNumber <= pageCountBefore) listener(pageNumber, undefined)
      for (let pageNumber = pageCount + 1; pageNumber <= pageCountBefore; pageNumber++) listener(pageNumber, undefined)
    }
  }

  /** The last frame of a page before the transaction whose frames begin at `firstIndex`. */
  #earlierIndexOf(pageNumber: number, firstIndex: number): number {
    let index = this.#ring.lastIndexOf(pageNumber)
    while (index >= firstIndex) index = this.#frames.earlier[index - firstIndex]!
    return index
  }

  /** Pages that the transaction cuts off: where they were found before it. */
  #cutOff(firstIndex: number, pageCount: number): CutOff {
    if (pageCount >= this.#sums.pageCount) return NOTHING_CUT_OFF
    const [frames, sums]: [number[], bigint[]] = [[], []]
    for (let pageNumber = pageCount + 1; pageNumber <= this.#sums.pageCount; pageNumber++) {
      frames.push(this.#earlierIndexOf(pageNumber, firstIndex))
      sums.push(this.#sums.get(pageNumber))
    }
    return { frames, sums }
  }

  /** @param seen - `frames` of a commit that was seen; undefined of one that is `recovered` */
  #take(
    changes: readonly Change[],
    end: CommitEnd,
    seen: { readonly frames: CommitFrames | undefined; readonly isUrgent: boolean; readonly cutOff: CutOff },
  ): BuiltCommit {
    const { frames, isUrgent, cutOff } = seen
    const sums = this.#sums
    const [pageCountBefore, digestBefore] = [sums.pageCount, sums.digest]
    sums.setPageCount(end.pageCount)
    for (const { pageNumber, sum } of changes) sums.set(pageNumber, sum)
    const oversized = changes.length * this.#ring.pageSize > this.#bytesMax
    const commit = {
      position: end.position,
      committedAt: end.committedAt,
      recovered: frames === undefined,
      oversized,
      pageSize: this.#ring.pageSize,
      pageCount: end.pageCount,
      pageCountBefore,
      digest: sums.digest,
      digestBefore,
      changed: changes,
      pages: () => (oversized ? [] : changes),
      rows: notAsked as () => CommitRows,
      statements: notSeen as () => CommitStatements,
    }
    if (this.#rows !== undefined) commit.rows = this.#trackRows(this.#rows, commit, cutOff)
    if (this.#statements !== undefined)
      commit.statements = this.#statements.step({ position: end.position, frames, isUrgent, changed: changes })
    return commit
  }

  #trackRows(tracker: RowTracker, commit: BuiltCommit, cutOff: CutOff): () => CommitRows {
    const { position, digest, digestBefore, changed: changes, pageCountBefore } = commit
    const seen = { reader: this.#reader, ring: this.#ring, sums: this.#sums, changes, pageCountBefore, cutOff }
    const pages = (reservedBytes: number | undefined): CommitPages => new CommitPages(seen, reservedBytes)
    const tracked = { position, digest, digestBefore, pages }
    if (commit.recovered) return tracker.skip(tracked, 'it stands for changes that nobody saw')
    if (commit.oversized) return tracker.skip(tracked, `it wrote ${changes.length} pages, more than are looked at`)
    return tracker.step(tracked)
  }
}

function notAsked(): never {
  throw new StemmaError('ROWS_UNKNOWN', 'this source was not asked to look at rows')
}

function notSeen(): never {
  throw new StemmaError('STATEMENTS_UNKNOWN', 'this source sees no statements')
}

type Change = PageChange

interface CommitEnd {
  readonly pageCount: number
  readonly position: Position
  readonly committedAt: Milliseconds
}

/** A page of a transaction that is too large to be held: read when it is looked at. */
class LazyChange implements PageChange {
  readonly pageNumber: number
  readonly sum: bigint
  readonly #reader: PageReader
  readonly #index: number
  readonly #beforeIndex: number
  readonly #beforeSum: bigint | undefined

  constructor(
    reader: PageReader,
    page: { pageNumber: number; index: number; sum: bigint; beforeIndex: number; beforeSum: bigint | undefined },
  ) {
    this.#reader = reader
    this.pageNumber = page.pageNumber
    this.sum = page.sum
    this.#index = page.index
    this.#beforeIndex = page.beforeIndex
    this.#beforeSum = page.beforeSum
  }

  get before(): Uint8Array | undefined {
    if (this.#beforeSum === undefined) return undefined
    return this.#reader.beforeCopy(this.pageNumber, this.#beforeIndex, this.#beforeSum)
  }

  get after(): Uint8Array {
    return this.#reader.copy(this.pageNumber, this.#index)
  }
}

function damaged(what: string): StemmaError {
  return new StemmaError('DAMAGED_FILE', `the WAL holds ${what}`)
}
