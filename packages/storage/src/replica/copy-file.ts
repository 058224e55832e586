import { StemmaError, type PageNumber } from '@stemma/base'
import {
  FRAME_HEADER_SIZE,
  WAL_INDEX_BLOCK_SIZE,
  WAL_INDEX_HEADER_SIZE,
  WalIndexBlock,
  decodeCheckpointInfo,
  decodeWalIndexHeader,
  firstFrameOf,
  frameOffset,
  hashBlockOf,
  isPageSize,
  lastFrameOf,
  type WalIndexHeader,
} from '@stemma/sqlite-file'
import type { Disk } from '../disk/disk.ts'
import { heldFiles } from '../disk/held-files.ts'
import { isBusy, type SqliteConnection, type SqliteDriver } from '../sqlite/driver.ts'
import { randomSalts } from './random-salts.ts'
import { WalAppender } from './wal-appender.ts'

export interface CopyFileOptions {
  readonly database: string
  readonly driver: SqliteDriver
  readonly disk: Disk
}

// Another process may hold the write lock for a moment, to recover the WAL or to checkpoint it.
const LOCK_TIMEOUT = 2_000

/**
 * The files of a copy that lives: the database, its `-wal` and its `-shm`, and the WAL's write lock, which one connection of
 * SQLite holds for us. While it holds it, nobody else can write the copy, and we may.
 *
 * The lock is held by a read transaction too, which holds back checkpoints at the place where it began: `lock` anew, before one.
 */
export class CopyFile {
  /** Bytes. */
  readonly pageSize: number
  readonly #options: CopyFileOptions
  #connection: SqliteConnection | undefined
  readonly #file: number
  #wal: number | undefined
  #shm: number | undefined
  #appender: WalAppender | undefined
  /** The last frame that holds a page. */
  readonly #frames = new Map<PageNumber, number>()
  #checkpointBytes = new Uint8Array(WAL_INDEX_HEADER_SIZE)

  private constructor(options: CopyFileOptions, file: number, pageSize: number) {
    this.#options = options
    this.#file = file
    this.pageSize = pageSize
  }

  /**
   * Opens a database in WAL mode and takes its write lock.
   *
   * @throws StemmaError NOT_A_DATABASE, NOT_WAL, DATABASE_BUSY
   */
  static open(options: CopyFileOptions): CopyFile {
    const { database, disk } = options
    const file = heldFiles(disk).hold(database)
    const copy = new CopyFile(options, file, pageSizeOf(disk, file, database))
    try {
      copy.lock()
      return copy
    } catch (error) {
      copy.close()
      throw error
    }
  }

  /** What the wal-index says: the copy's last transaction. */
  get header(): WalIndexHeader {
    return this.#held().header
  }

  get appender(): WalAppender {
    return this.#held()
  }

  get isLocked(): boolean {
    return this.#appender !== undefined
  }

  /** The descriptor on the `-wal`, for syncing it. */
  get wal(): number {
    return this.#wal!
  }

  /** Bytes of the WAL that hold frames. */
  get walBytes(): number {
    return this.header.lastFrame === 0 ? 0 : frameOffset(this.header.lastFrame + 1, this.pageSize)
  }

  /** Pages in the database. */
  get pageCount(): number {
    const { lastFrame, pageCount } = this.header
    if (lastFrame > 0 || pageCount > 0) return pageCount
    return Math.floor(this.#options.disk.size(this.#file) / this.pageSize)
  }

  /** Pages that the WAL holds. */
  get pagesInWal(): ReadonlyMap<PageNumber, number> {
    return this.#frames
  }

  /**
   * Takes the write lock; gives it back first when it is held. SQLite recovers the wal-index by the way, if it must.
   *
   * @returns the copy's last transaction
   * @throws StemmaError DATABASE_BUSY
   */
  lock(): WalIndexHeader {
    const before = this.#appender?.header
    this.unlock()
    return this.#lock(before)
  }

  /** Gives the write lock back. What was written and not published is forgotten. It never fails. */
  unlock(): void {
    this.#appender = undefined
    const connection = this.#connection
    if (connection?.inTransaction !== true) return
    try {
      // Not ROLLBACK: SQLite would then take the wal-index header that we wrote for one that it knows, and not drop its old page 1.
      connection.exec('COMMIT')
    } catch {
      // Whoever reads might have to recover the wal-index, so the lock must go by all means.
      this.#disconnect()
    }
  }

  /** Notes which frame holds a page. */
  noteFrame(pageNumber: PageNumber, frame: number): void {
    this.#frames.set(pageNumber, frame)
  }

  /** Fills `into` with a page as the last transaction added left it; zeros when the files don't have it. */
  readPage(pageNumber: PageNumber, into: Uint8Array): void {
    const { disk } = this.#options
    const frame = this.#frames.get(pageNumber)
    if (frame === undefined) {
      const size = disk.read(this.#file, into, (pageNumber - 1) * this.pageSize)
      if (size < into.byteLength) into.fill(0, size)
      return
    }
    const buffered = this.#appender?.bufferedPage(frame)
    if (buffered !== undefined) return into.set(buffered)
    const size = disk.read(this.#wal!, into, frameOffset(frame, this.pageSize) + FRAME_HEADER_SIZE)
    if (size < into.byteLength) throw new StemmaError('DAMAGED_FILE', `the WAL of the copy ends within frame ${frame}`, { frame })
  }

  /** Fills `into` with whole pages, one after another, as the last transaction left them. */
  readPages(first: PageNumber, into: Uint8Array): void {
    const { disk } = this.#options
    const size = disk.read(this.#file, into, (first - 1) * this.pageSize)
    if (size < into.byteLength) into.fill(0, size)
    if (this.#frames.size === 0) return
    const count = into.byteLength / this.pageSize
    for (let i = 0; i < count; i++) {
      if (this.#frames.has(first + i)) this.readPage(first + i, into.subarray(i * this.pageSize, (i + 1) * this.pageSize))
    }
  }

  /** Frames that a checkpoint has copied into the database. */
  backfilledFrames(): number {
    this.#options.disk.read(this.#shm!, this.#checkpointBytes, 0)
    return decodeCheckpointInfo(this.#checkpointBytes)?.backfilled ?? 0
  }

  /**
   * Checkpoints what no reader holds back, and begins the WAL anew if nobody reads from it. The lock is given back for it, and
   * taken again.
   *
   * @returns what the copy's last transaction is then
   */
  restartWal(): WalIndexHeader {
    const before = this.#appender?.header
    this.unlock()
    const connection = this.#connect()
    connection.exec('PRAGMA busy_timeout = 0')
    try {
      connection.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()
    } finally {
      connection.exec(`PRAGMA busy_timeout = ${LOCK_TIMEOUT}`)
    }
    return this.#lock(before)
  }

  /** Gives the lock back and closes everything but the held descriptors. The last to close makes the `-wal` go. */
  close(): void {
    this.unlock()
    this.#disconnect()
  }

  #connect(): SqliteConnection {
    if (this.#connection !== undefined) return this.#connection
    const { database, driver } = this.#options
    const connection = driver.open(database, { mustExist: true, busyTimeout: LOCK_TIMEOUT })
    try {
      connection.exec('PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -64')
    } catch (error) {
      connection.close()
      throw error
    }
    this.#connection = connection
    return connection
  }

  #disconnect(): void {
    const [connection, wal] = [this.#connection, this.#wal]
    // If nobody else has the database open, its -wal and -shm go now, and are others when they come again.
    this.#connection = this.#wal = this.#shm = undefined
    try {
      connection?.close()
    } finally {
      if (wal !== undefined) this.#options.disk.close(wal)
    }
  }

  /** @param known - the transaction that the map of frames stands at, if it is known to be right */
  #lock(known: WalIndexHeader | undefined): WalIndexHeader {
    const connection = this.#connect()
    try {
      connection.exec('BEGIN IMMEDIATE')
    } catch (error) {
      if (!isBusy(error)) throw error
      throw new StemmaError('DATABASE_BUSY', `another program writes to ${this.#options.database}`, {}, error)
    }
    try {
      const header = this.#readHeader()
      if (known === undefined || !isSameHeader(known, header)) this.#readFrames(header)
      this.#appender = this.#newAppender(header)
      return header
    } catch (error) {
      this.unlock()
      throw error
    }
  }

  #held(): WalAppender {
    if (this.#appender === undefined) throw new StemmaError('DATABASE_BUSY', `${this.#options.database} is not locked`, {})
    return this.#appender
  }

  #readHeader(): WalIndexHeader {
    const { database, disk } = this.#options
    this.#wal ??= disk.open(`${database}-wal`, 'write')
    this.#shm ??= heldFiles(disk).hold(`${database}-shm`)
    const bytes = new Uint8Array(WAL_INDEX_HEADER_SIZE)
    disk.read(this.#shm, bytes, 0)
    const start = decodeWalIndexHeader(bytes)
    // SQLite has just made it whole under its locks.
    if (start.kind !== 'header') throw new StemmaError('DAMAGED_FILE', `the wal-index of ${database} is ${start.kind}`, {})
    const { header } = start
    if (header.lastFrame > 0 && header.pageSize !== this.pageSize) {
      throw new StemmaError(
        'DAMAGED_FILE',
        `the WAL of ${database} has pages of ${header.pageSize} bytes, the database ${this.pageSize}`,
        {},
      )
    }
    return header
  }

  #readFrames(header: WalIndexHeader): void {
    this.#frames.clear()
    if (header.lastFrame === 0) return
    for (let number = 0; number <= hashBlockOf(header.lastFrame); number++) {
      const bytes = new Uint8Array(WAL_INDEX_BLOCK_SIZE)
      this.#options.disk.read(this.#shm!, bytes, number * WAL_INDEX_BLOCK_SIZE)
      const block = new WalIndexBlock(bytes, number)
      const last = Math.min(lastFrameOf(number), header.lastFrame)
      for (let frame = firstFrameOf(number); frame <= last; frame++) this.#frames.set(block.pageOf(frame), frame)
    }
  }

  #newAppender(header: WalIndexHeader): WalAppender {
    const { disk } = this.#options
    return new WalAppender({ disk, wal: this.#wal!, shm: this.#shm!, pageSize: this.pageSize, header, newSalts: randomSalts })
  }
}

function isSameHeader(a: WalIndexHeader, b: WalIndexHeader): boolean {
  return a.lastFrame === b.lastFrame && a.salt1 === b.salt1 && a.salt2 === b.salt2 && a.changeCounter === b.changeCounter
}

function pageSizeOf(disk: Disk, file: number, database: string): number {
  const bytes = new Uint8Array(100)
  const size = disk.read(file, bytes, 0)
  const magic = String.fromCharCode(...bytes.subarray(0, 16))
  const stored = (bytes[16]! << 8) | bytes[17]!
  const pageSize = stored === 1 ? 65_536 : stored
  if (size < 100 || magic !== 'SQLite format 3\0' || !isPageSize(pageSize)) {
    throw new StemmaError('NOT_A_DATABASE', `${database} is no SQLite database`, { database })
  }
  if (bytes[18] !== 2 || bytes[19] !== 2) throw new StemmaError('NOT_WAL', `${database} is not in WAL mode`, { database })
  return pageSize
}
