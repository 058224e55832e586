import { StemmaError, assert, pageSum, showPosition } from '@stemma/base'
import type { DecodedEntry, PageFormat } from '@stemma/log'
import type { PageSums } from '../page-sums.ts'
import type { CopyFile } from './copy-file.ts'
import { isSameWalPlace, type CopyPlace } from './copy-place.ts'
import { followsOn } from './follows-on.ts'
import { PageStage, type StagedPage } from './page-stage.ts'
import { copyError, isDiskFull } from './replica-error.ts'
import type { ReplicaStore } from './replica-store.ts'
import { placeOf } from './wal-appender.ts'

export interface ApplierOptions {
  readonly copy: CopyFile
  readonly store: ReplicaStore
  readonly formats: readonly PageFormat[]
  /** The sums of the copy's pages; the applier keeps them up to date. */
  readonly sums: PageSums
  readonly place: CopyPlace
  /** Entries that come together become one transaction; else each becomes one of its own. */
  readonly merge: boolean
  /** Bytes of pages that are kept in memory between groups. */
  readonly cacheBytes: number
}

/** A transaction that was put together and is not yet visible. */
interface Sealed {
  readonly place: CopyPlace
  /** How far the journal of old sums goes with it. */
  readonly undo: number
}

interface OldSum {
  readonly pageNumber: number
  readonly sum: bigint
  /** Pages in the database before. */
  readonly pageCount: number
}

// A group ends when it holds so many bytes of pages; what follows is the next group.
const GROUP_BYTES = 32 * 1024 * 1024
// Transactions that are not merged are written together, about so many frames at a time.
const FRAMES_TOGETHER = 128

/**
 * Applies entries to a copy: pages in memory, then frames in the WAL, then a note of the place, then visible.
 *
 * Whatever fails, the copy is left at the end of an entry, and `place` says which.
 */
export class Applier {
  readonly sums: PageSums
  readonly #options: ApplierOptions
  readonly #copy: CopyFile
  readonly #stage: PageStage
  readonly #formats: ReadonlyMap<string, PageFormat>
  readonly #low = new BigUint64Array(1)
  readonly #lowWords = new Uint32Array(this.#low.buffer)
  #place: CopyPlace
  #sealed: Sealed[] = []
  #noted = false
  #undo: OldSum[] = []
  /** Something failed, and what the files hold has not been looked at since. */
  #unsettled = false
  /** SQLite's count of transactions, after the last of ours. */
  #changeCounter: number

  constructor(options: ApplierOptions) {
    this.#options = options
    this.#copy = options.copy
    this.#place = options.place
    this.sums = options.sums
    this.#changeCounter = options.copy.header.changeCounter
    this.#formats = new Map(options.formats.map((format) => [format.name, format]))
    const { cacheBytes, copy } = options
    this.#stage = new PageStage({ pageSize: copy.pageSize, cacheBytes, readPage: (page, into) => copy.readPage(page, into) })
  }

  /** Where the copy stands, as its readers see it. */
  get place(): CopyPlace {
    return this.#place
  }

  /**
   * Applies entries that follow on from `place`; those that the copy has already are skipped. When it returns, readers see them.
   *
   * @throws StemmaError ENTRY_GAP, HISTORY_DIVERGED, REPLICA_DIFFERS, DAMAGED_ENTRY, SNAPSHOT_NEEDED, REPLICA_WRITTEN,
   *   REPLICA_FULL, REPLICA_FAILED. The entries before the one at fault have been applied.
   */
  apply(entries: readonly DecodedEntry[]): void {
    this.settle()
    if (this.#options.merge && entries.length > 1) {
      try {
        return this.#run(entries, true)
      } catch (error) {
        if (!isEntryAtFault(error)) throw error
      }
    }
    this.#run(entries, false)
  }

  /**
   * After a failure: sees what the files hold, and takes the write lock again.
   *
   * @throws StemmaError REPLICA_WRITTEN when somebody else has written to the copy; or what keeps failing
   */
  settle(): void {
    if (!this.#unsettled) return
    this.#stage.clear()
    try {
      this.#copy.unlock()
      this.#copy.lock()
    } catch (error) {
      throw copyError(error)
    }
    const now = placeOf(this.#copy.header)
    let kept = this.#noted ? this.#sealed.length : 0
    while (kept > 0 && !isSameWalPlace(this.#sealed[kept - 1]!.place.wal, now)) kept--
    this.#takeBack(kept)
    this.#unsettled = false
    if (kept === 0) this.#expectUnchanged()
    this.#changeCounter = this.#copy.header.changeCounter
  }

  /**
   * Brings the copy to another place in one transaction: the pages given are what differs.
   *
   * @param pages - numbers and new sums; `read` gives each page when its turn comes
   */
  install(place: CopyPlace, pages: readonly PageToInstall[], read: (pageNumber: number) => Uint8Array): CopyPlace {
    this.settle()
    this.#stage.clear()
    const appender = this.#copy.appender
    try {
      pages.forEach(({ pageNumber }, index) => {
        const isLast = index === pages.length - 1
        // The last frame ends the transaction, so it is written after the note of the place.
        this.#copy.noteFrame(pageNumber, appender.add(pageNumber, read(pageNumber), isLast ? place.pageCount : 0))
      })
    } catch (error) {
      throw this.#failed(error)
    }
    this.#setPageCount(place.pageCount)
    for (const { pageNumber, sum } of pages) this.#setSum(pageNumber, sum)
    this.#sealed.push({ place: { ...place, wal: appender.place }, undo: this.#undo.length })
    this.#flush()
    return this.#place
  }

  #run(entries: readonly DecodedEntry[], merge: boolean): void {
    const stage = this.#stage
    let at: Pick<DecodedEntry, 'position' | 'digest'> = this.#place
    let last: DecodedEntry | undefined
    try {
      for (const entry of entries) {
        if (!followsOn(at, entry)) continue
        if (last === undefined) stage.begin(this.sums.pageCount)
        this.#formatOf(entry).apply(entry.payload, entry.formatVersion, stage)
        stage.endEntry()
        at = last = entry
        if (merge && stage.stagedBytes < GROUP_BYTES) continue
        this.#seal(entry)
        last = undefined
        if (merge || this.#sealed.length >= FRAMES_TOGETHER) this.#flush()
      }
      if (last !== undefined) this.#seal(last)
    } catch (error) {
      stage.abandon()
      if (this.#unsettled) throw error
      this.#flush()
      throw copyError(error)
    }
    this.#flush()
  }

  #formatOf(entry: DecodedEntry): PageFormat {
    const format = this.#formats.get(entry.format)
    if (!format?.reads.includes(entry.formatVersion)) {
      const readable = [...this.#formats.keys()].join(', ')
      throw new StemmaError(
        'NO_COMMON_FORMAT',
        `the copy reads ${readable}, the entry is ${entry.format} ${entry.formatVersion}`,
        {},
      )
    }
    return format
  }

  /** Ends a transaction: checks what it comes to, and adds its frames. */
  #seal(entry: DecodedEntry): void {
    const { sums } = this
    const stage = this.#stage
    const { pageCount } = stage
    const changed: StagedPage[] = []
    const newSums: bigint[] = []
    const wrong: number[] = []
    let digest = sums.digest
    for (const page of stage.staged) {
      const sum = pageSum(page.pageNumber, page.bytes)
      if (page.expected >= 0) {
        this.#low[0] = sum
        if (this.#lowWords[0] !== page.expected) wrong.push(page.pageNumber)
      }
      const old = sums.get(page.pageNumber)
      if (sum === old) continue
      digest ^= sum ^ old
      changed.push(page)
      newSums.push(sum)
    }
    for (let gone = pageCount + 1; gone <= sums.pageCount; gone++) digest ^= sums.get(gone)
    if (wrong.length > 0 || digest !== entry.digest) throw differs(entry, wrong)

    if (changed.length === 0 && pageCount !== sums.pageCount) {
      stage.page(1)
      changed.push(stage.staged.find((page) => page.pageNumber === 1)!)
      newSums.push(sums.get(1))
    }
    const { appender } = this.#copy
    if (appender.waiting && appender.room < changed.length) this.#flush()
    this.#setPageCount(pageCount)
    try {
      for (let i = 0; i < changed.length; i++) {
        const { pageNumber, bytes } = changed[i]!
        this.#setSum(pageNumber, newSums[i]!)
        this.#copy.noteFrame(pageNumber, appender.add(pageNumber, bytes, i === changed.length - 1 ? pageCount : 0))
      }
    } catch (error) {
      throw this.#failed(error)
    }
    const { cluster, pageSize } = this.#place
    const { position, format } = entry
    const place: CopyPlace = { cluster, format, position, digest, pageSize, pageCount, wal: appender.place }
    this.#sealed.push({ place, undo: this.#undo.length })
  }

  /** Notes where the sealed transactions lead, and makes them visible. */
  #flush(): void {
    if (this.#sealed.length === 0) return
    const { appender } = this.#copy
    const { store } = this.#options
    try {
      store.note(this.#sealed.map(({ place }) => place))
      this.#noted = true
      if (appender.header.lastFrame === 0 && appender.place !== undefined) store.moveSums(appender.header, appender.place)
      if (appender.waiting) {
        appender.write()
        appender.publish()
        this.#changeCounter = appender.header.changeCounter
      }
    } catch (error) {
      throw this.#failed(error)
    }
    this.#takeBack(this.#sealed.length)
  }

  /** Counts the first `kept` sealed transactions as applied, and undoes the rest. */
  #takeBack(kept: number): void {
    const undo = kept > 0 ? this.#sealed[kept - 1]!.undo : 0
    while (this.#undo.length > undo) {
      const { pageNumber, sum, pageCount } = this.#undo.pop()!
      if (pageCount !== this.sums.pageCount) this.sums.setPageCount(pageCount)
      this.sums.set(pageNumber, sum)
    }
    if (kept > 0) this.#place = this.#sealed[kept - 1]!.place
    assert(this.#place.digest === this.sums.digest, 'page sums that make up the digest of the place')
    this.#sealed = []
    this.#undo = []
    this.#noted = false
  }

  #failed(error: unknown): unknown {
    this.#unsettled = true
    const failure = copyError(error)
    try {
      this.settle()
      // A WAL that begins anew gives back the room that it took.
      if (isDiskFull(failure)) this.#copy.restartWal()
      this.#expectUnchanged()
    } catch {
      // It is tried again before the next entries; what failed first says more.
      this.#unsettled = true
    }
    return failure
  }

  /** Checkpoints and begins the WAL anew, if readers let it; `place.wal` is undefined then. */
  restartWal(): void {
    this.settle()
    try {
      this.#copy.restartWal()
    } catch (error) {
      throw this.#failed(error)
    }
    this.#expectUnchanged()
  }

  /** Takes the write lock anew, so that a checkpoint can go up to here. */
  relock(): void {
    this.settle()
    try {
      this.#copy.lock()
    } catch (error) {
      throw this.#failed(error)
    }
    this.#expectUnchanged()
  }

  /** While the lock was not ours somebody may have emptied the WAL, but nobody may have written. */
  #expectUnchanged(): void {
    const { header } = this.#copy
    if (header.lastFrame === 0 && header.changeCounter === this.#changeCounter) {
      if (this.#place.wal !== undefined) this.#place = { ...this.#place, wal: undefined }
      return
    }
    if (header.lastFrame === 0 || !isSameWalPlace(this.#place.wal, placeOf(header))) throw writtenByOthers(this.#place)
  }

  #setSum(pageNumber: number, sum: bigint): void {
    this.#undo.push({ pageNumber, sum: this.sums.get(pageNumber), pageCount: this.sums.pageCount })
    this.sums.set(pageNumber, sum)
  }

  #setPageCount(pageCount: number): void {
    const before = this.sums.pageCount
    if (pageCount === before) return
    for (let gone = pageCount + 1; gone <= before; gone++) {
      this.#undo.push({ pageNumber: gone, sum: this.sums.get(gone), pageCount: before })
    }
    if (pageCount > before && before > 0) this.#undo.push({ pageNumber: before, sum: this.sums.get(before), pageCount: before })
    this.sums.setPageCount(pageCount)
  }
}

export interface PageToInstall {
  readonly pageNumber: number
  readonly sum: bigint
}

function isEntryAtFault(error: unknown): boolean {
  return (
    StemmaError.is(error) && !['REPLICA_FULL', 'REPLICA_FAILED', 'REPLICA_WRITTEN', 'LOG_FULL', 'LOG_FAILED'].includes(error.code)
  )
}

function differs(entry: DecodedEntry, pages: readonly number[]): StemmaError {
  const position = showPosition(entry.position)
  const where =
    pages.length === 0
      ? 'in pages that these entries do not touch'
      : `in page${pages.length > 1 ? 's' : ''} ${pages.slice(0, 10).join(', ')}`
  return new StemmaError('REPLICA_DIFFERS', `at ${position} the copy differs from the leader ${where}`, {
    position,
    pages: pages.slice(0, 1000),
  })
}

export function writtenByOthers(place: CopyPlace): StemmaError {
  const position = showPosition(place.position)
  return new StemmaError('REPLICA_WRITTEN', `the copy is no longer as it was left at ${position}`, { position })
}
