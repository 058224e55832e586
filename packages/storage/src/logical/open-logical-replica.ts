import { randomBytes } from 'node:crypto'
import { StemmaError, type Position } from '@stemma/base'
import type { DecodedEntry } from '@stemma/log'
import { nodeDisk, type Disk } from '../disk/disk.ts'
import { CopyFile } from '../replica/copy-file.ts'
import type { SnapshotToStage } from '../replica/page-store.ts'
import { copyError } from '../replica/replica-error.ts'
import type { Replica, ReplicaState } from '../replica/replica.ts'
import type { Staging } from '../replica/staging.ts'
import { betterSqlite3 } from '../sqlite/better-sqlite3.ts'
import type { SqliteDriver } from '../sqlite/driver.ts'
import { lockDatabase, type DatabaseLock } from '../sqlite/lock-database.ts'
import { AttachedCopy } from './attached-copy.ts'
import { refusePhysicalCopy } from './copy-kind.ts'
import { LogicalStaging } from './logical-staging.ts'
import type { LogicalReplicaOptions } from './logical-replica.ts'

interface Parts {
  readonly options: LogicalReplicaOptions
  readonly driver: SqliteDriver
  readonly disk: Disk
  readonly lock: DatabaseLock
}

/**
 * Opens a logical copy, or the place for one: a database that holds the leader's rows, in pages of its own. Only one program can have
 * it open at a time; any can read the database.
 *
 * @throws StemmaError ALREADY_OPEN, WRONG_COPY_KIND, WRONG_ROLE, NOT_A_REPLICA, NOT_A_DATABASE, NOT_WAL, PAGE_SIZE_MISMATCH,
 *   BAD_ARGUMENT when the copy has another text encoding than the one that is asked for
 */
export async function openLogicalReplica(options: LogicalReplicaOptions): Promise<Replica> {
  const { database, driver = betterSqlite3, disk = nodeDisk } = options
  const lock = lockDatabase({ database, driver, disk })
  try {
    refusePhysicalCopy(database, { disk, driver })
    const replica = new OpenLogicalReplica({ options, driver, disk, lock })
    replica.attach()
    return replica
  } catch (error) {
    lock.release()
    throw copyError(error)
  }
}

/** A logical replica from `openLogicalReplica` until it is closed. */
class OpenLogicalReplica implements Replica {
  readonly database: string
  readonly #parts: Parts
  #node: string = randomBytes(16).toString('hex')
  #attached: AttachedCopy | undefined
  #staging: LogicalStaging | undefined
  #closed = false

  constructor(parts: Parts) {
    this.#parts = parts
    this.database = parts.options.database
  }

  get node(): string {
    return this.#node
  }

  get state(): ReplicaState {
    return this.#attached === undefined ? { kind: 'empty' } : { kind: 'ready', ...this.#attached.applier.place }
  }

  get walBytes(): number {
    return this.#attached?.walBytes ?? 0
  }

  apply(entries: readonly DecodedEntry[]): void {
    const attached = this.#ready()
    // What the staging offers of the copy is held still by a lock.
    this.#staging?.letGo()
    try {
      attached.lookForOthers()
      attached.applier.apply(entries)
      attached.keep()
    } catch (error) {
      throw copyError(error)
    }
  }

  room(): Promise<void> | undefined {
    return this.#attached?.room()
  }

  async sync(): Promise<Position> {
    const attached = this.#ready()
    const { position } = attached.applier.place
    await attached.sync()
    return position
  }

  async stage(snapshot: SnapshotToStage): Promise<Staging> {
    this.#mustBeOpen()
    if (this.#staging?.isOf(snapshot) === true) return this.#staging
    this.#staging?.close()
    this.#staging = undefined
    const { options, disk, driver } = this.#parts
    try {
      // It may be there, if opening it failed.
      if (this.#attached === undefined) this.attach()
      this.#mustFit(snapshot)
      const attached = this.#attached
      attached?.applier.settle()
      const cookie = attached?.schemaCookie() ?? 0
      const copy = attached && CopyFile.open({ database: this.database, disk, driver })
      this.#staging = await LogicalStaging.open({
        snapshot,
        options,
        disk,
        driver,
        old: attached && copy && { copy, encoding: attached.encoding, cookie },
        note: { node: this.#node, place: { ...snapshot, wal: undefined } },
        detach: () => this.#detach(),
        attach: () => this.attach(),
      })
      return this.#staging
    } catch (error) {
      throw copyError(error)
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    try {
      this.#staging?.close()
      await this.#detach()
    } finally {
      this.#parts.lock.release()
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Looks at the file: is there a copy, and where does it stand? */
  attach(): void {
    const { options, disk, driver } = this.#parts
    if (disk.stat(this.database) === undefined) return
    const attached = AttachedCopy.open({ options, disk, driver })
    this.#attached = attached
    this.#node = attached.note.node
    this.#staging = undefined
    if (options.pageSize !== undefined && options.pageSize !== attached.pageSize) {
      throw new StemmaError(
        'PAGE_SIZE_MISMATCH',
        `${this.database} has pages of ${attached.pageSize} bytes, not ${options.pageSize}`,
      )
    }
    if (options.encoding !== undefined && options.encoding !== attached.encoding) {
      throw new StemmaError('BAD_ARGUMENT', `${this.database} stores its text as ${attached.encoding}, not ${options.encoding}`)
    }
    refuseUnknownEncoding(options, attached)
  }

  async #detach(): Promise<void> {
    const attached = this.#attached
    this.#attached = undefined
    await attached?.close()
  }

  #mustFit({ cluster }: SnapshotToStage): void {
    const { state } = this
    if (state.kind !== 'ready' || state.cluster === cluster) return
    throw new StemmaError(
      'CLUSTER_MISMATCH',
      `${this.database} is a copy of database ${state.cluster}, the snapshot is of ${cluster}`,
      {},
    )
  }

  #ready(): AttachedCopy {
    this.#mustBeOpen()
    try {
      // It may be there, if opening it failed.
      if (this.#attached === undefined) this.attach()
    } catch (error) {
      throw copyError(error)
    }
    if (this.#attached === undefined) throw new StemmaError('SNAPSHOT_NEEDED', `there is no copy ${this.database} yet`, {})
    return this.#attached
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new StemmaError('CLOSED', `the copy ${this.database} was closed`, {})
  }
}

/** Statements give the same in one encoding only, and a copy by rows may have another than the leader. Most databases are UTF-8. */
function refuseUnknownEncoding({ database, formats }: LogicalReplicaOptions, { encoding, note }: AttachedCopy): void {
  const format = formats.find(({ view }) => view === 'statements')
  if (format === undefined || format.name === note.place.format || encoding === 'utf-8') return
  throw new StemmaError(
    'BAD_ARGUMENT',
    `${database} was made by ${note.place.format} and stores its text as ${encoding}, perhaps other than the leader: by ${format.name}, follow into a new file`,
    { encoding, format: note.place.format },
  )
}
