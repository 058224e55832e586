import { StemmaError, type PageNumber } from '@stemma/base'
import type { Disk } from '../disk/disk.ts'
import type { SqliteDriver } from '../sqlite/driver.ts'
import type { PageStore, SnapshotToStage } from './page-store.ts'
import { copyError } from './replica-error.ts'
import { checkStart, checkStructure, checkStructureInThread } from './structure-check.ts'

/** Pages of a range, as a leader sends them. */
export interface PagesOfRange {
  readonly first: PageNumber
  readonly count: number
  /**
   * One bit a page of the range, lowest bit first; set for a page that is not in `bytes`, since its sum is the one that `have`
   * gave. Empty when all are there. The page at byte 1 GiB, which is never data, is always left out.
   */
  readonly leftOut: Uint8Array
  /** The pages that are there, one after another; read, not kept. */
  readonly bytes: Uint8Array
}

/** A snapshot that is being fetched. Until `finish` the copy is as it was. */
export interface Staging {
  readonly snapshot: SnapshotToStage
  /** The first page that has not come yet. */
  readonly next: PageNumber
  /** We have pages, from the copy or a broken-off attempt, that need not be sent if they are the same. */
  readonly compare: boolean
  /** Sums of the pages of a range that we have, 8 bytes each, little-endian, 0 for none; nothing at all when we have none of them. */
  have(first: PageNumber, count: number): Uint8Array
  /** @throws StemmaError SNAPSHOT_DAMAGED when these are no such pages; REPLICA_FULL, REPLICA_FAILED */
  write(pages: PagesOfRange): void
  /**
   * Checks the snapshot and makes it the copy, durably. Programs that read the copy go on to read what they were reading, and
   * see the snapshot when they look again.
   *
   * @throws StemmaError SNAPSHOT_DAMAGED when it is not what was promised, SNAPSHOT_UNSOUND when it is no sound database; then
   *   what came is thrown away. REPLICA_FULL, REPLICA_FAILED: what came is kept
   */
  finish(): Promise<void>
  /** Throws away what came. */
  discard(): void
}

export interface StagingParts {
  readonly pages: PageStore
  readonly path: string
  readonly disk: Disk
  readonly driver: SqliteDriver
  readonly check: 'structure' | 'digest'
  readonly thread: boolean
  install(pages: PageStore): Promise<void>
}

// What comes is handed to the medium early, so that less is left to wait for at the end.
const BYTES_BETWEEN_SYNCS = 16 * 1024 * 1024
const VERSIONS_OFFSET = 18
const NOT_WAL = new Uint8Array([1, 1])
const WAL = new Uint8Array([2, 2])

export class OpenStaging implements Staging {
  readonly #parts: StagingParts
  #unsynced = 0
  #syncing: Promise<void> | undefined
  #finishing = false
  /** The file says for now that it is not in WAL mode. */
  #isMarked = false

  constructor(parts: StagingParts) {
    this.#parts = parts
  }

  get snapshot(): SnapshotToStage {
    return this.#parts.pages.snapshot
  }

  get next(): PageNumber {
    return this.#parts.pages.next
  }

  get compare(): boolean {
    return this.#parts.pages.compare
  }

  /** Whether it can be gone on with for this snapshot. */
  isOf(snapshot: SnapshotToStage): boolean {
    if (!this.#parts.pages.isOpen) return false
    const { cluster, format, position, digest, pageSize, pageCount } = this.snapshot
    return (
      snapshot.cluster === cluster &&
      snapshot.format === format &&
      snapshot.position.epoch === position.epoch &&
      snapshot.position.sequence === position.sequence &&
      snapshot.digest === digest &&
      snapshot.pageSize === pageSize &&
      snapshot.pageCount === pageCount
    )
  }

  have(first: PageNumber, count: number): Uint8Array {
    try {
      return this.#parts.pages.have(first, count)
    } catch (error) {
      throw copyError(error)
    }
  }

  write(pages: PagesOfRange): void {
    try {
      this.#parts.pages.write(pages)
    } catch (error) {
      // What came so far is of use to a new attempt, page by page, but this one is at an end.
      if (StemmaError.is(error, 'SNAPSHOT_DAMAGED')) this.close()
      throw copyError(error)
    }
    this.#unsynced += pages.bytes.byteLength
    if (this.#unsynced < BYTES_BETWEEN_SYNCS || this.#syncing !== undefined) return
    this.#unsynced = 0
    // Only to be early: the sync that counts comes at the end.
    this.#syncing = this.#parts.disk
      .syncInBackground(this.#parts.pages.file)
      .catch(() => undefined)
      .then(() => void (this.#syncing = undefined))
  }

  async finish(): Promise<void> {
    if (this.#finishing) throw new StemmaError('BAD_ARGUMENT', 'this snapshot is being finished already', {})
    this.#finishing = true
    const { pages, install } = this.#parts
    try {
      await this.#syncing
      pages.checkDigest()
      await this.#check()
      await install(pages)
    } catch (error) {
      const isUseless = StemmaError.is(error, 'SNAPSHOT_DAMAGED') || StemmaError.is(error, 'SNAPSHOT_UNSOUND')
      if (isUseless) this.#discardQuietly()
      throw copyError(error)
    } finally {
      this.#finishing = false
    }
  }

  discard(): void {
    this.close()
    this.#parts.disk.remove(this.#parts.path)
  }

  /** Leaves what came to a later attempt. */
  close(): void {
    this.#parts.pages.close()
  }

  async #check(): Promise<void> {
    const { pages, path, disk, driver, check, thread } = this.#parts
    // An earlier check may have ended in the middle.
    this.#unmark()
    if (check === 'structure') pages.complete()
    else if (!pages.replaces) disk.truncate(pages.file, this.snapshot.pageCount * this.snapshot.pageSize)
    if (check === 'structure' || !pages.replaces) {
      const wrong = checkStart(disk, pages.file, this.snapshot)
      if (wrong !== undefined) throw unsound(this.snapshot, wrong)
    }
    if (check !== 'structure') return
    // Not in WAL mode, so that no other file appears beside it.
    this.#isMarked = true
    disk.write(pages.file, NOT_WAL, VERSIONS_OFFSET)
    const problem = thread ? await checkStructureInThread(driver, path) : checkStructure(driver, path)
    this.#unmark()
    if (problem !== undefined) throw unsound(this.snapshot, problem)
  }

  #unmark(): void {
    if (!this.#isMarked) return
    this.#parts.disk.write(this.#parts.pages.file, WAL, VERSIONS_OFFSET)
    this.#isMarked = false
  }

  #discardQuietly(): void {
    try {
      this.discard()
    } catch {
      // The next attempt finds it, and makes use of what is right in it.
    }
  }
}

function unsound({ position }: SnapshotToStage, why: string): StemmaError {
  return new StemmaError(
    'SNAPSHOT_UNSOUND',
    `the snapshot at ${position.epoch}:${position.sequence} is no sound database: ${why}`,
    { position },
  )
}
