import { StemmaError } from '@stemma/base'
import { WAL_INDEX_COPY_SIZE, decodeWalIndexHeader, type WalIndexHeader } from '@stemma/sqlite-file'
import type { Disk } from '../disk/disk.ts'
import { heldFiles } from '../disk/held-files.ts'
import type { PageSums } from '../page-sums.ts'
import { checkReadable, databaseError } from '../sqlite/check-database.ts'
import type { SqliteConnection, SqliteDriver } from '../sqlite/driver.ts'
import { scanSums, type ScanOptions } from './scan-sums.ts'
import { findWalPages, readFrame } from './wal-pages.ts'

const BUSY_TIMEOUT = 2_000
const TORN_READS_MAX = 1_000

/** How a database is read through. */
export interface DigestOptions {
  readonly driver: SqliteDriver
  readonly disk: Disk
  progress?(done: number, pageCount: number): void
  readonly signal?: AbortSignal
  /** Told of each page with its bytes and its sum, which are good during the call. May be told twice: the later time counts. */
  page?(pageNumber: number, page: Uint8Array, sum: bigint): void
}

/** What a database looks like at one moment between two transactions. */
export interface DatabaseDigest {
  readonly digest: bigint
  /** Bytes. */
  readonly pageSize: number
  readonly pageCount: number
  readonly sums: PageSums
}

/**
 * Computes the digest of any database at one moment, also of one that Stemma never touched, and while others write to it. It
 * changes nothing and holds up nobody, but for checkpoints, which wait.
 *
 * @throws StemmaError NOT_ON_DISK, NO_DATABASE, NOT_A_DATABASE, DATABASE_BUSY, CANNOT_OPEN, DAMAGED_FILE
 */
export async function digestDatabase(database: string, options: DigestOptions): Promise<DatabaseDigest> {
  const path = checkReadable(database, options.disk)
  let connection: SqliteConnection | undefined
  try {
    // Reading is all that it may do: closing it then never checkpoints.
    connection = options.driver.open(path, { mustExist: true, readOnly: true, busyTimeout: BUSY_TIMEOUT })
    connection.exec('PRAGMA mmap_size = 0; BEGIN')
    connection.prepare('SELECT 1 FROM sqlite_schema').get()
    const isWal = String(pragma(connection, 'journal_mode')).toLowerCase() === 'wal'
    return await digest(path, connection, isWal, options)
  } catch (error) {
    if (options.signal?.aborted === true) throw error
    throw databaseError(error, path)
  } finally {
    connection?.close()
  }
}

/**
 * The open read transaction keeps pages from going away in one of two ways.
 *
 * Either it reads the WAL up to a mark: then nobody begins the WAL anew, and nobody copies frames beyond the mark into the
 * database, so what the wal-index names as committed now, at the mark or after it, can be read: from the WAL, and what is not there from the file.
 *
 * Or all of the WAL was in the database when it began: then nobody copies anything into the database, but the WAL may be begun anew. If that
 * happens while we read, the database file alone is what we want, and we read again.
 *
 * @see walTryBeginRead() and walCheckpoint() in SQLite's wal.c
 */
async function digest(
  path: string,
  connection: SqliteConnection,
  isWal: boolean,
  options: DigestOptions,
): Promise<DatabaseDigest> {
  const { disk } = options
  const held = heldFiles(disk)
  const file = held.hold(path)
  const pageSize = Number(pragma(connection, 'page_size'))
  const scan = async (pageCount: number, read: ScanOptions['read']): Promise<DatabaseDigest> => {
    const sums = await scanSums({ ...scanOptions(options), pageCount, pageSize, read })
    return { digest: sums.digest, pageSize, pageCount, sums }
  }
  const readFile = (first: number, count: number, into: Uint8Array): void => {
    const size = count * pageSize
    const done = disk.read(file, into.subarray(0, size), (first - 1) * pageSize)
    if (done < size) into.fill(0, done, size)
  }
  const shm = isWal ? held.hold(`${path}-shm`) : undefined
  const header = shm === undefined ? undefined : readHeader(disk, shm, path)
  if (shm !== undefined && header !== undefined && header.lastFrame > 0) {
    const wal = disk.open(`${path}-wal`, 'read')
    try {
      const found = await scanWithWal({ disk, wal, header, readFile, scan })
      const now = readHeader(disk, shm, path)
      if (found !== undefined && now?.salt1 === header.salt1 && now.salt2 === header.salt2) return found
    } finally {
      disk.close(wal)
    }
  }
  return scan(Number(pragma(connection, 'page_count')), readFile)
}

interface WalScan {
  readonly disk: Disk
  readonly wal: number
  readonly header: WalIndexHeader
  readFile(first: number, count: number, into: Uint8Array): void
  scan(pageCount: number, read: ScanOptions['read']): Promise<DatabaseDigest>
}

async function scanWithWal({ disk, wal, header, readFile, scan }: WalScan): Promise<DatabaseDigest | undefined> {
  const frames = findWalPages(disk, wal, header)
  if (frames === undefined) return undefined
  const { pageSize } = header
  let isWhole = true
  const found = await scan(header.pageCount, (first, count, into) => {
    readFile(first, count, into)
    for (let i = 0; i < count; i++) {
      const frame = frames.get(first + i)
      if (frame !== undefined && !readFrame(disk, wal, frame, into.subarray(i * pageSize, (i + 1) * pageSize))) isWhole = false
    }
  })
  return isWhole ? found : undefined
}

function scanOptions({ progress, page, signal }: DigestOptions): Pick<ScanOptions, 'progress' | 'page' | 'signal'> {
  return { ...(progress === undefined ? {} : { progress }), ...(page === undefined ? {} : { page }), signal }
}

function readHeader(disk: Disk, shm: number, path: string): WalIndexHeader | undefined {
  const bytes = new Uint8Array(2 * WAL_INDEX_COPY_SIZE)
  for (let i = 0; i < TORN_READS_MAX; i++) {
    bytes.fill(0)
    disk.read(shm, bytes, 0)
    const start = decodeWalIndexHeader(bytes)
    if (start.kind === 'header') return start.header
    if (start.kind === 'empty') return undefined
  }
  throw new StemmaError('DATABASE_BUSY', `the wal-index of ${path} is never at rest`, { path })
}

function pragma(connection: SqliteConnection, name: string): unknown {
  return connection.prepare(`PRAGMA ${name}`).get()?.[name]
}
