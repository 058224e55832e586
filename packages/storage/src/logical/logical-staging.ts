import { StemmaError, type PageNumber, type TextEncoding } from '@stemma/base'
import type { Disk } from '../disk/disk.ts'
import type { CopyFile } from '../replica/copy-file.ts'
import { PageStore, damaged, type OldCopy, type SnapshotToStage } from '../replica/page-store.ts'
import { copyError } from '../replica/replica-error.ts'
import { OpenStaging, type PagesOfRange, type Staging } from '../replica/staging.ts'
import { scanSums } from '../snapshot/scan-sums.ts'
import type { SqliteDriver } from '../sqlite/driver.ts'
import { installPages } from './install-copy.ts'
import type { LogicalReplicaOptions } from './logical-replica.ts'
import { copyLogically, makeLogical, removeBeside, type PrepareOptions } from './prepare-copy.ts'
import { pagesOfFile } from './snapshot-rows.ts'
import type { CopyNote } from './copy-table.ts'

export interface LogicalStagingParts {
  readonly snapshot: SnapshotToStage
  readonly options: LogicalReplicaOptions
  readonly disk: Disk
  readonly driver: SqliteDriver
  /** The copy whose place the snapshot takes, locked. */
  readonly old: { readonly copy: CopyFile; readonly encoding: TextEncoding; readonly cookie: number } | undefined
  /** What the new copy will say of itself. */
  readonly note: CopyNote
  /** Gives the old copy back. */
  detach(): Promise<void>
  /** Opens the copy that is there: the new one, or the old one if it failed. */
  attach(): void
}

/**
 * A snapshot that becomes a logical copy. Pages come as they come to a physical copy, by difference where the old copy has pages of
 * the same size. Then the whole database is made a logical copy in a file beside, or copied table by table into one with other pages, and
 * takes the copy's name; or, where a copy lives, its pages, in one transaction.
 */
export class LogicalStaging implements Staging {
  readonly #parts: LogicalStagingParts
  readonly #pages: PageStore
  readonly #staging: OpenStaging
  readonly #path: string

  private constructor(parts: LogicalStagingParts, old: OldCopy | undefined) {
    const { snapshot, options, disk, driver } = parts
    this.#parts = parts
    this.#path = `${options.database}-stemma-staging`
    removeBeside(disk, this.#path)
    this.#pages = new PageStore({ snapshot, path: this.#path, disk, old })
    this.#staging = new OpenStaging({
      pages: this.#pages,
      path: this.#path,
      disk,
      driver,
      check: options.check ?? 'structure',
      thread: options.threads ?? true,
      install: () => this.#install(),
    })
  }

  /** Owns the lock on the old copy from here on. */
  static async open(parts: LogicalStagingParts): Promise<LogicalStaging> {
    try {
      return new LogicalStaging(parts, await offered(parts))
    } catch (error) {
      parts.old?.copy.close()
      throw error
    }
  }

  get snapshot(): SnapshotToStage {
    return this.#staging.snapshot
  }

  get next(): PageNumber {
    return this.#staging.next
  }

  get compare(): boolean {
    return this.#staging.compare
  }

  isOf(snapshot: SnapshotToStage): boolean {
    return this.#staging.isOf(snapshot)
  }

  have(first: PageNumber, count: number): Uint8Array {
    return this.#staging.have(first, count)
  }

  write(pages: PagesOfRange): void {
    this.#staging.write(pages)
  }

  async finish(): Promise<void> {
    const copy = this.#parts.old?.copy
    try {
      if (copy?.isLocked === false) copy.lock()
    } catch (error) {
      throw copyError(error)
    }
    await this.#staging.finish()
  }

  discard(): void {
    this.close()
    this.#parts.disk.remove(this.#path)
  }

  /** Leaves what came to a later attempt. */
  close(): void {
    this.#staging.close()
    this.#parts.old?.copy.close()
  }

  /** Lets the old copy be written. What was offered of it may be of no use then, which is found out at the end. */
  letGo(): void {
    this.#parts.old?.copy.unlock()
  }

  async #install(): Promise<void> {
    const { disk } = this.#parts
    const pages = this.#pages
    if (pages.replaces) await this.#complete()
    const made = this.#make()
    pages.close()
    const file = disk.open(made, 'write')
    try {
      await disk.syncInBackground(file)
      await this.#replace(made, file)
    } finally {
      disk.close(file)
    }
    for (const path of [this.#path, this.#building]) disk.remove(path)
  }

  get #building(): string {
    return `${this.#parts.options.database}-stemma-building`
  }

  /** Takes what is missing from the old copy, and looks whether that is what it was. */
  async #complete(): Promise<void> {
    const { disk, snapshot } = this.#parts
    const { pageSize, pageCount } = snapshot
    this.#pages.complete()
    const { file } = this.#pages
    const read = (first: PageNumber, count: number, into: Uint8Array): void => {
      const chunk = into.subarray(0, count * pageSize)
      const size = disk.read(file, chunk, (first - 1) * pageSize)
      chunk.fill(0, size)
    }
    const { digest } = await scanSums({ pageCount, pageSize, read })
    if (digest !== snapshot.digest) throw damaged(snapshot, 'pages of the old copy have changed meanwhile')
  }

  /** Makes the logical copy in a file of its own, and says which. */
  #make(): string {
    const { options, disk, driver, old, note } = this.#parts
    const { file } = this.#pages
    const { header, pageSize: pageSizeBefore } = pagesOfFile(disk, file)
    const pageSize = old?.copy.pageSize ?? options.pageSize ?? pageSizeBefore
    const encoding = old?.encoding ?? options.encoding ?? header.textEncoding
    const prepare: PrepareOptions = { disk, driver, note, cookieBefore: old?.cookie ?? 0 }
    if (pageSize === pageSizeBefore && encoding === header.textEncoding) {
      makeLogical(this.#path, file, prepare)
      return this.#path
    }
    if (encoding !== header.textEncoding && options.formats.some(({ view }) => view === 'statements'))
      throw new StemmaError(
        'BAD_ARGUMENT',
        `statements give the same in one text encoding only: the leader stores ${header.textEncoding}, the copy would store ${encoding}`,
        { leader: header.textEncoding, copy: encoding },
      )
    copyLogically(file, this.#building, { ...prepare, pageSize, encoding })
    return this.#building
  }

  async #replace(made: string, file: number): Promise<void> {
    const { options, disk, old, detach, attach } = this.#parts
    const { database } = options
    if (old !== undefined) {
      await detach()
      try {
        installPages(disk, old.copy, file)
      } finally {
        old.copy.close()
        attach()
      }
      return
    }
    if (disk.stat(database) !== undefined)
      throw new StemmaError('NOT_A_REPLICA', `${database} is not a copy that Stemma made`, { database })
    removeBeside(disk, database)
    disk.rename(made, database)
    disk.syncFolderOf(database)
    attach()
  }
}

/** The old copy's pages that a leader need not send, if they are worth comparing. */
async function offered({ old, snapshot, options }: LogicalStagingParts): Promise<OldCopy | undefined> {
  if (old === undefined || old.copy.pageSize !== snapshot.pageSize || options.encoding !== undefined) return undefined
  const { copy } = old
  const { pageCount, pageSize } = copy
  const read = (first: PageNumber, count: number, into: Uint8Array): void =>
    copy.readPages(first, into.subarray(0, count * pageSize))
  return { sums: await scanSums({ pageCount, pageSize, read }), readPages: (first, into) => copy.readPages(first, into) }
}
