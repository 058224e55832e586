import { StemmaError, assert } from '@stemma/base'
import type { DecodedEntry } from '@stemma/log'
import type { Disk } from '../disk/disk.ts'
import type { PageSums } from '../page-sums.ts'
import type { SqliteConnection, SqliteDriver, SqliteStatement } from '../sqlite/driver.ts'
import { openSidecar, sidecarError, sidecarPath } from '../sqlite/sidecar.ts'
import type { Place } from '../wal-place.ts'
import { EntryTable } from './entry-table.ts'
import { createLog } from './create-log.ts'
import { newIdentity, raiseEpoch, readIdentity, type Identity } from './identity.ts'
import type { LogBatch, LogRead, LogSize, LogStore, Retention } from './log-store.ts'
import { excessOf } from './retention.ts'
import { endRenewal, noteRenewal, readRenewal } from './renewal.ts'
import { SumsTable } from './sums-table.ts'

/** The log's own WAL is checkpointed when about this much is in it at a `sync`, and in any case at a `write` when it is four times as much. */
const WAL_BYTES_SOFT = 8 * 1024 * 1024

/** Space that entries left behind is given back to the disk when it is more than this and a quarter of the file. */
const FREE_BYTES_KEPT = 16 * 1024 * 1024
const VACUUM_PAGES = 500

/** What one call of `retain` drops at most, so that it takes a few milliseconds. */
const DROP_BYTES = 16 * 1024 * 1024
const DROP_ROWS = 500

/** What a transaction writes besides entries, about: tree pages, place and sums. */
const TRANSACTION_BYTES = 12 * 1024

/** Whose log is opened, and how. */
export interface LogStoreOptions {
  /** Path of the database. */
  readonly database: string
  readonly driver: SqliteDriver
  readonly disk: Disk
  /** Reads what another process writes. Every method that writes then fails. */
  readonly readOnly?: boolean
  /** For tests: so many bytes of changed sums wait before they are folded. */
  readonly waitingBytesMin?: number
}

/**
 * Opens the log of a database, or makes one.
 *
 * @throws StemmaError NO_LOG when it is to be read and isn't there
 * @throws StemmaError WRONG_ROLE, SIDECAR_VERSION, NOT_A_SIDECAR, DAMAGED_LOG, LOG_FULL, LOG_FAILED
 */
export function openLogStore(options: LogStoreOptions): LogStore {
  return new SqliteLogStore(options)
}

class SqliteLogStore implements LogStore {
  readonly #options: LogStoreOptions
  readonly #path: string
  readonly #readOnly: boolean
  #connection!: SqliteConnection
  #entries!: EntryTable
  #sums!: SumsTable
  readonly #pragmas = new Map<string, SqliteStatement>()
  #begin!: SqliteStatement
  #commit!: SqliteStatement
  #identity!: Identity
  /** Descriptor on the log's own `-wal`, which carries no locks. */
  #walFd: number | undefined
  /** What is in memory may not be what is on disk. */
  #stale = true
  /** About how much is in the log's WAL that the next write can't overwrite. */
  #walBytes = 0
  #syncing = 0
  #isOpen = false

  constructor(options: LogStoreOptions) {
    this.#options = options
    this.#path = sidecarPath(options.database)
    this.#readOnly = options.readOnly ?? false
    const renewal = this.#readOnly ? undefined : this.#failsWell(() => readRenewal(options.disk, options.database))
    this.#open(renewal ?? newIdentity())
    try {
      if (!this.#readOnly) this.#endRenewal(renewal)
    } catch (error) {
      this.#closeFiles()
      throw sidecarError(error, this.#path)
    }
  }

  get cluster(): string {
    return this.#identity.cluster
  }

  get node(): string {
    return this.#identity.node
  }

  get epoch(): number {
    return this.#identity.epoch
  }

  get url(): string {
    return this.#identity.url
  }

  announce(url: string): void {
    this.#write(() => {
      this.#connection.prepare('UPDATE node SET url = ?').run(url)
      this.#loadIdentity()
    })
  }

  write(batch: LogBatch): void {
    this.#write(() => {
      for (const run of batch.runs) this.#entries.append(run)
      this.#sums.append(batch.place, batch.changedSums)
    })
    for (const run of batch.runs) this.#walBytes += run.bytes.byteLength
    if (this.#walBytes > 4 * WAL_BYTES_SOFT) this.#failsWell(() => this.#checkpoint())
  }

  sync(): void {
    this.#failsWell(() => {
      this.#options.disk.sync(this.#openWal())
      if (this.#walBytes > WAL_BYTES_SOFT) this.#checkpoint()
    })
  }

  async syncInBackground(): Promise<void> {
    this.#syncing++
    try {
      await this.#options.disk.syncInBackground(this.#openWal())
    } catch (error) {
      throw sidecarError(error, this.#path)
    } finally {
      if (--this.#syncing === 0 && !this.#isOpen) this.#closeWal()
    }
    if (this.#isOpen && this.#walBytes > WAL_BYTES_SOFT) this.#failsWell(() => this.#checkpoint())
  }

  makeBy(format: string, sqlite: string): void {
    this.#write(() => this.#entries.makeBy(format, sqlite))
  }

  readPlace(): Place | undefined {
    return this.#read(() => this.#sums.place)
  }

  readSums(): PageSums {
    return this.#read(() => {
      if (this.#readOnly) this.#sums.load()
      return this.#sums.copySums()
    })
  }

  read(request: { readonly format: string; readonly after: number; readonly maxBytes: number }): LogRead {
    return this.#read(() => this.#entries.read(request, this.#sums.place?.position.sequence ?? 0))
  }

  entryAt(format: string, sequence: number): DecodedEntry | undefined {
    return this.#read(() => this.#entries.entryAt(format, sequence))
  }

  rewind(place: Place, sums: PageSums): void {
    this.#write(() => {
      this.#entries.cutAfter(place.position.sequence)
      this.#replace(place, sums)
    })
  }

  begin(place: Place, sums: PageSums): void {
    this.#write(() => {
      this.#replace(place, sums)
    })
  }

  retain(limits: Retention, neededAfter: number | undefined, now: number): boolean {
    return this.#failsWell(() => {
      this.#mustBeOpen()
      this.#refresh()
      const more =
        excessOf(this.#entries, limits, neededAfter ?? Infinity, now) !== undefined &&
        this.#drop(limits, neededAfter ?? Infinity, now)
      if (!more) this.#giveBackSpace()
      // Dropped entries go through the WAL too.
      if (this.#walBytes > WAL_BYTES_SOFT) this.#checkpoint()
      return more
    })
  }

  startOver(place: Place, sums: PageSums): void {
    const { disk, database } = this.#options
    const identity = { ...this.#identity, epoch: Math.max(this.#identity.epoch, place.position.epoch) }
    this.#failsWell(() => {
      this.#closeFiles()
      // SQLite makes it anew; its room is enough for the note.
      disk.remove(`${this.#path}-shm`)
      try {
        noteRenewal(disk, database, identity)
      } catch {
        // Somebody else was faster to fill the disk. Going on matters more than what a crash right now would do.
      }
      // SQLite throws away the WAL of an empty database, so a crash in between leaves nothing that could be read wrongly.
      for (const suffix of ['', '-wal']) disk.remove(this.#path + suffix)
    })
    this.#open(identity)
    this.begin(place, sums)
    this.#failsWell(() => endRenewal(disk, database))
  }

  size(): LogSize {
    return this.#read(() => {
      const { disk } = this.#options
      const formats = [...this.#entries.formats].map((log) => ({
        format: log.name,
        oldest: log.oldest + 1,
        newest: log.newest,
        bytes: log.bytesUpTo - log.bytesBefore,
      }))
      const fileBytes = (disk.stat(this.#path)?.size ?? 0) + (disk.stat(`${this.#path}-wal`)?.size ?? 0)
      return { bytes: this.#entries.bytes, fileBytes, formats }
    })
  }

  close(): void {
    this.#closeFiles()
  }

  #open(fresh: Identity): void {
    this.#stale = true
    const { database, driver, disk, waitingBytesMin } = this.#options
    this.#connection = openSidecar({
      database,
      driver,
      disk,
      role: 'leader',
      readOnly: this.#readOnly,
      create: (c) => createLog(c, fresh),
    })
    this.#pragmas.clear()
    try {
      this.#begin = this.#connection.prepare(this.#readOnly ? 'BEGIN' : 'BEGIN IMMEDIATE')
      this.#commit = this.#connection.prepare('COMMIT')
      this.#entries = new EntryTable(this.#connection)
      this.#sums = new SumsTable(this.#connection, waitingBytesMin)
      this.#isOpen = true
      this.#read(() => undefined)
    } catch (error) {
      this.#isOpen = true
      this.#closeFiles()
      throw sidecarError(error, this.#path)
    }
  }

  /** @param renewal - one that a crash ended: if the log lost its place, positions begin anew, in an epoch that nobody has seen */
  #endRenewal(renewal: Identity | undefined): void {
    if (renewal !== undefined && this.#sums.place === undefined) {
      this.#write(() => {
        raiseEpoch(this.#connection, renewal.epoch + 1)
        this.#loadIdentity()
      })
      this.sync()
    }
    endRenewal(this.#options.disk, this.#options.database)
  }

  /** Runs a transaction. What is in memory follows what is on disk, whatever happens. */
  #write(work: () => void): void {
    assert(!this.#readOnly, 'a log that may be written')
    try {
      this.#mustBeOpen()
      this.#refresh()
      this.#begin.run()
      this.#stale = true
      work()
      this.#commit.run()
      this.#stale = false
      this.#walBytes += TRANSACTION_BYTES
    } catch (error) {
      this.#rollBack()
      throw sidecarError(error, this.#path)
    }
  }

  #read<T>(work: () => T): T {
    return this.#failsWell(() => {
      this.#mustBeOpen()
      if (!this.#readOnly) {
        this.#refresh()
        return work()
      }
      // One moment for all that is read, since another process writes.
      this.#begin.run()
      try {
        this.#loadIdentity()
        this.#sums.loadPlace()
        this.#entries.load()
        return work()
      } finally {
        this.#rollBack()
      }
    })
  }

  #replace(place: Place, sums: PageSums): void {
    this.#sums.replace(place, sums)
    raiseEpoch(this.#connection, place.position.epoch)
    this.#loadIdentity()
    this.#walBytes += sums.pageCount * 8
  }

  #loadIdentity(): void {
    this.#identity = readIdentity(this.#connection, this.#path)
  }

  #refresh(): void {
    if (!this.#stale) return
    // A transaction that could not even be rolled back.
    if (this.#connection.inTransaction) this.#connection.exec('ROLLBACK')
    this.#loadIdentity()
    this.#entries.load()
    this.#sums.load()
    this.#stale = false
  }

  #rollBack(): void {
    try {
      if (this.#connection.inTransaction) this.#connection.exec('ROLLBACK')
    } catch {
      // SQLite rolls back by itself what it can't write; the first error says more.
    }
  }

  #failsWell<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw sidecarError(error, this.#path)
    }
  }

  /** Drops a part of what is to go; true when there is more. */
  #drop(limits: Retention, neededAfter: number, now: number): boolean {
    let log = excessOf(this.#entries, limits, neededAfter, now)
    this.#write(() => {
      const enough = this.#entries.bytes - DROP_BYTES
      for (let rows = 0; log !== undefined && rows < DROP_ROWS && this.#entries.bytes > enough; rows++) {
        this.#entries.dropOldestOf(log)
        log = excessOf(this.#entries, limits, neededAfter, now)
      }
    })
    return log !== undefined
  }

  #giveBackSpace(): void {
    const free = this.#pragma('freelist_count')
    const pageSize = this.#pragma('page_size')
    if (free * pageSize < FREE_BYTES_KEPT || free * 4 < this.#pragma('page_count')) return
    this.#connection.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`)
    this.#walBytes += VACUUM_PAGES * pageSize
  }

  #pragma(name: string): number {
    let statement = this.#pragmas.get(name)
    if (statement === undefined) {
      statement = this.#connection.prepare(`PRAGMA ${name}`)
      this.#pragmas.set(name, statement)
    }
    return Number(statement.get()?.[name] ?? 0)
  }

  /** Copies the log's WAL into its file, so that the next write begins it anew. */
  #checkpoint(): void {
    const row = this.#connection.prepare('PRAGMA wal_checkpoint(PASSIVE)').get()
    // All of it, or as much as a reader in another process lets us.
    const frames = Number(row?.['log'])
    this.#walBytes = frames === Number(row?.['checkpointed']) ? 0 : frames * this.#pragma('page_size')
  }

  #openWal(): number {
    this.#mustBeOpen()
    if (this.#walFd !== undefined) return this.#walFd
    const { disk } = this.#options
    // The name of the file must survive a power cut, like what is in it.
    disk.syncFolderOf(this.#path)
    return (this.#walFd = disk.open(`${this.#path}-wal`, 'write'))
  }

  #mustBeOpen(): void {
    if (!this.#isOpen) throw new StemmaError('LOG_FAILED', `${this.#path} is closed`, { path: this.#path })
  }

  #closeFiles(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    if (this.#syncing === 0) this.#closeWal()
    this.#connection.close()
  }

  #closeWal(): void {
    if (this.#walFd !== undefined) this.#options.disk.close(this.#walFd)
    this.#walFd = undefined
  }
}
