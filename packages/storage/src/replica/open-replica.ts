import { StemmaError, type Position } from '@stemma/base'
import type { DecodedEntry } from '@stemma/log'
import { openCheckpointThread, openCheckpointer } from '../checkpoint/checkpointer.ts'
import { nodeDisk, type Disk } from '../disk/disk.ts'
import { refuseLogicalCopy } from '../logical/copy-kind.ts'
import type { PageSums } from '../page-sums.ts'
import { betterSqlite3 } from '../sqlite/better-sqlite3.ts'
import type { SqliteDriver } from '../sqlite/driver.ts'
import { lockDatabase, type DatabaseLock } from '../sqlite/lock-database.ts'
import { Applier } from './applier.ts'
import { CopyFile } from './copy-file.ts'
import type { CopyPlace } from './copy-place.ts'
import { identifyCopy } from './identify-copy.ts'
import { PageStore, type SnapshotToStage } from './page-store.ts'
import { copyError } from './replica-error.ts'
import { ReplicaStore } from './replica-store.ts'
import type { Replica, ReplicaOptions, ReplicaState } from './replica.ts'
import { OpenStaging, type Staging } from './staging.ts'
import { placeOf } from './wal-appender.ts'
import { WalKeeper } from './wal-keeper.ts'

interface ReplicaParts {
  readonly options: ReplicaOptions
  readonly driver: SqliteDriver
  readonly disk: Disk
  readonly lock: DatabaseLock
  readonly store: ReplicaStore
}

/** A copy that is there, and what works on it. */
interface Attached {
  readonly copy: CopyFile
  readonly applier: Applier
  readonly keeper: WalKeeper
}

const DEFAULT_WAL_BYTES = 16 * 1024 * 1024
const DEFAULT_HARD_WAL_BYTES = 64 * 1024 * 1024
const DEFAULT_CACHE_BYTES = 16 * 1024 * 1024

/**
 * Opens a copy, or the place for one. Only one program can have it open at a time; any can read the database.
 *
 * @throws StemmaError ALREADY_OPEN, WRONG_COPY_KIND, WRONG_ROLE, NOT_A_REPLICA, NOT_A_DATABASE, NOT_WAL, and errors of the sidecar
 */
export async function openReplica(options: ReplicaOptions): Promise<Replica> {
  const { database, driver = betterSqlite3, disk = nodeDisk } = options
  const lock = lockDatabase({ database, driver, disk })
  let store: ReplicaStore | undefined
  try {
    refuseLogicalCopy(database, { disk, driver })
    store = new ReplicaStore({ database, driver, disk })
    const replica = new OpenReplica({ options, driver, disk, lock, store })
    await replica.attach()
    return replica
  } catch (error) {
    store?.close()
    lock.release()
    throw copyError(error)
  }
}

/** A replica from `openReplica` until it is closed. */
class OpenReplica implements Replica {
  readonly database: string
  readonly node: string
  readonly #parts: ReplicaParts
  #attached: Attached | undefined
  /** Set when it is not known where the copy stands. */
  #unknown: Extract<ReplicaState, { kind: 'unknown' }> | undefined
  /** The page sums are not to be trusted: the copy must be read through first. */
  #stale = false
  #staging: OpenStaging | undefined
  #syncing: Promise<void> = Promise.resolve()
  #syncFailed = false
  #closed = false

  constructor(parts: ReplicaParts) {
    this.#parts = parts
    this.database = parts.options.database
    this.node = parts.store.node
  }

  get state(): ReplicaState {
    if (this.#unknown !== undefined) return this.#unknown
    return this.#attached === undefined ? { kind: 'empty' } : { kind: 'ready', ...this.#attached.applier.place }
  }

  get walBytes(): number {
    const copy = this.#attached?.copy
    return copy?.isLocked === true ? copy.walBytes : 0
  }

  apply(entries: readonly DecodedEntry[]): void {
    const { applier, keeper } = this.#ready()
    try {
      applier.apply(entries)
    } catch (error) {
      if (StemmaError.is(error) && LOSES_TRACK.includes(error.code)) this.#loseTrack()
      throw error
    }
    keeper.look()
  }

  room(): Promise<void> | undefined {
    return this.#attached?.copy.isLocked === true ? this.#attached.keeper.room() : undefined
  }

  sync(): Promise<Position> {
    const attached = this.#ready()
    const sync = this.#sync(attached)
    this.#syncing = sync.then(
      () => undefined,
      () => undefined,
    )
    return sync
  }

  async #sync({ applier, copy }: Attached): Promise<Position> {
    const { store, disk } = this.#parts
    try {
      // After a sync that failed, the system may take for written what it could not write. A checkpoint writes it elsewhere.
      if (this.#syncFailed) {
        applier.restartWal()
        if (applier.place.wal !== undefined)
          throw new StemmaError('REPLICA_FAILED', 'a sync failed, and readers hold back the checkpoint', {})
      }
      const { position } = applier.place
      await Promise.all([store.sync(), disk.syncInBackground(copy.wal)])
      this.#syncFailed = false
      return position
    } catch (error) {
      this.#syncFailed = true
      throw copyError(error)
    }
  }

  async stage(snapshot: SnapshotToStage): Promise<Staging> {
    this.#mustBeOpen()
    if (this.#staging?.isOf(snapshot) === true) return this.#staging
    this.#staging?.close()
    this.#staging = undefined
    try {
      if (this.#attached === undefined || this.#stale) await this.attach()
      this.#mustFit(snapshot)
      this.#staging = this.#newStaging(snapshot)
      return this.#staging
    } catch (error) {
      throw copyError(error)
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const { store, lock } = this.#parts
    try {
      this.#staging?.close()
      await this.#detach(true)
    } finally {
      try {
        store.close()
      } finally {
        lock.release()
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Looks at the files: is there a copy, and where does it stand? */
  async attach(): Promise<void> {
    const before = this.#unknown
    const { disk, driver, store, options } = this.#parts
    await this.#detach(false)
    if (disk.stat(this.database) === undefined) return
    // Until it is known.
    this.#unknown = before
    const history = store.newestHistory()
    if (history === undefined && options.adopt !== true) throw notAReplica(this.database)
    const copy = CopyFile.open({ database: this.database, disk, driver })
    try {
      const found = await identifyCopy(copy, store, {
        trust: options.verify === 'after-crash' && !this.#stale,
        progress: (done, pageCount) => options.onEvent?.({ kind: 'verifying', done, pageCount }),
      })
      const { pageSize } = copy
      if (found.kind === 'known') {
        if (found.place.wal === undefined) store.keepSums(found.sums, copy.header, undefined)
        this.#use(copy, found.place, found.sums)
        return
      }
      const { digest, pageCount } = found.sums
      this.#use(copy, { ...NOWHERE, digest, pageSize, pageCount, wal: placeOf(copy.header) }, found.sums)
      const epoch = store.places()[0]?.position.epoch ?? 0
      this.#unknown = { kind: 'unknown', cluster: history?.cluster, epoch, pageSize }
      options.onEvent?.({ kind: 'not-as-left', pages: found.damaged })
    } catch (error) {
      this.#attached = undefined
      copy.close()
      throw error
    }
  }

  #use(copy: CopyFile, place: CopyPlace, sums: PageSums): void {
    const { options, store, driver } = this.#parts
    const { formats, merge = true, cacheBytes = DEFAULT_CACHE_BYTES, threads = true } = options
    const applier = new Applier({ copy, store, formats, sums, place, merge, cacheBytes })
    const keeper = new WalKeeper({
      copy,
      applier,
      store,
      softBytes: options.softWalBytes ?? DEFAULT_WAL_BYTES,
      hardBytes: options.hardWalBytes ?? DEFAULT_HARD_WAL_BYTES,
      openCheckpointer: async () =>
        threads ? openCheckpointThread(driver, this.database) : openCheckpointer(driver, this.database),
      done: (round) => options.onEvent?.({ kind: 'checkpointed', ...round }),
      failed: (error) => {
        if (StemmaError.is(error, 'REPLICA_WRITTEN')) this.#loseTrack()
        options.onEvent?.({ kind: 'warning', error: copyError(error) })
      },
    })
    this.#attached = { copy, applier, keeper }
    this.#unknown = undefined
    this.#stale = false
  }

  /** Gives the copy's files back. In good order, what would be found out again is noted down. */
  async #detach(inGoodOrder: boolean): Promise<void> {
    const attached = this.#attached
    if (attached === undefined) return
    const { copy, applier, keeper } = attached
    await keeper.close()
    // A descriptor that is being synced must not be closed: another file could get its number.
    await this.#syncing
    if (inGoodOrder && this.#unknown === undefined && copy.isLocked) {
      try {
        const changed = [...copy.pagesInWal.keys()]
        applier.restartWal()
        if (applier.place.wal === undefined) this.#parts.store.keepSums(applier.sums, EMPTY_WAL, changed)
      } catch (error) {
        this.#parts.options.onEvent?.({ kind: 'warning', error: copyError(error) })
      }
    }
    this.#attached = undefined
    this.#unknown = undefined
    copy.close()
  }

  /** The copy's pages are not what they are thought to be. */
  #loseTrack(): void {
    const attached = this.#attached
    if (attached === undefined) return
    const { cluster, position, pageSize } = attached.applier.place
    this.#stale = true
    this.#unknown ??= { kind: 'unknown', cluster, epoch: position.epoch, pageSize }
  }

  #newStaging(snapshot: SnapshotToStage): OpenStaging {
    const { disk, driver, options } = this.#parts
    const path = `${this.database}-stemma-staging`
    const { copy, applier } = this.#attached ?? {}
    const old = copy &&
      applier && { sums: applier.sums, readPages: (first: number, into: Uint8Array) => copy.readPages(first, into) }
    return new OpenStaging({
      pages: new PageStore({ snapshot, path, disk, old }),
      path,
      disk,
      driver,
      check: options.check ?? 'structure',
      thread: options.threads ?? true,
      install: (pages) => this.#install(pages, path),
    })
  }

  async #install(pages: PageStore, path: string): Promise<void> {
    const { snapshot } = pages
    const { disk } = this.#parts
    const place: CopyPlace = { ...snapshot, wal: undefined }
    const attached = this.#attached
    if (attached === undefined) {
      await this.#installFirst(pages, path, place)
    } else {
      const page = new Uint8Array(snapshot.pageSize)
      attached.applier.install(place, pages.changedPages(), (pageNumber) => {
        pages.readPage(pageNumber, page)
        return page
      })
      this.#unknown = undefined
      pages.close()
      disk.remove(path)
    }
    this.#staging = undefined
    await this.sync()
    this.#attached?.keeper.look()
  }

  /** Nobody has the copy open yet, since there is none: the file takes its name. */
  async #installFirst(pages: PageStore, path: string, place: CopyPlace): Promise<void> {
    const { disk, driver, store } = this.#parts
    await disk.syncInBackground(pages.file)
    store.note([place])
    await store.sync()
    if (disk.stat(this.database) !== undefined) throw notAReplica(this.database)
    // What an older database of this name may have left would be taken for its own by SQLite.
    for (const suffix of ['-wal', '-shm', '-journal']) disk.remove(`${this.database}${suffix}`)
    pages.close()
    disk.rename(path, this.database)
    disk.syncFolderOf(this.database)
    const copy = CopyFile.open({ database: this.database, disk, driver })
    this.#use(copy, place, pages.sums)
    store.keepSums(pages.sums, copy.header, undefined)
  }

  #mustFit({ cluster, pageSize }: SnapshotToStage): void {
    const { state } = this
    if (state.kind === 'empty') return
    if (state.cluster !== undefined && state.cluster !== cluster) {
      throw new StemmaError(
        'CLUSTER_MISMATCH',
        `${this.database} is a copy of database ${state.cluster}, the snapshot is of ${cluster}`,
        {},
      )
    }
    if (state.pageSize !== pageSize) {
      throw new StemmaError(
        'PAGE_SIZE_MISMATCH',
        `${this.database} has pages of ${state.pageSize} bytes, the snapshot ${pageSize}`,
        {},
      )
    }
  }

  #ready(): Attached {
    this.#mustBeOpen()
    const attached = this.#attached
    if (attached === undefined || this.#unknown !== undefined) {
      throw new StemmaError(
        'SNAPSHOT_NEEDED',
        `where the copy ${this.database} stands is ${this.state.kind === 'empty' ? 'nowhere' : 'not known'}`,
        {},
      )
    }
    return attached
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new StemmaError('CLOSED', `the copy ${this.database} was closed`, {})
  }
}

function notAReplica(database: string): StemmaError {
  return new StemmaError('NOT_A_REPLICA', `${database} is not a copy that Stemma made`, { database })
}

const LOSES_TRACK: readonly string[] = ['REPLICA_WRITTEN', 'REPLICA_DIFFERS', 'DAMAGED_FILE']
const NOWHERE = { cluster: '', format: '', position: { epoch: 0, sequence: 0 } } as const
const EMPTY_WAL = { salt1: 0, salt2: 0 } as const
