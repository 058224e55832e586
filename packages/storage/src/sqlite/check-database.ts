import { StemmaError } from '@stemma/base'
import type { Disk } from '../disk/disk.ts'
import { isBusy, sqliteCode, type SqliteConnection, type SqliteDriver } from './driver.ts'
import { checkSqliteVersion } from './sqlite-version.ts'

/** What may be done to a database to be followed. */
export interface CheckOptions {
  readonly driver: SqliteDriver
  readonly disk: Disk
  /** Allows to switch the database to WAL mode, which stays. False by default. */
  readonly convertToWal?: boolean
}

/** A database that can be followed. */
export interface CheckedDatabase {
  /** Absolute, without symbolic links: what SQLite itself derives the names of the `-wal` and `-shm` files from. */
  readonly path: string
  /** Bytes. */
  readonly pageSize: number
  readonly sqliteVersion: string
  /** It was switched to WAL mode just now. */
  readonly converted: boolean
}

const BUSY_TIMEOUT = 2_000

/** What statfs tells of file systems that other machines share, by their magic numbers in Linux (statfs(2)). */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB2'],
  [0xff534d42, 'CIFS'],
  [0x01021997, '9p'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'kAFS'],
  [0x73757245, 'Coda'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
  [0x564c, 'NCP'],
])

/**
 * Makes sure that a database can be followed, before anything of Stemma's is made beside it.
 *
 * @throws StemmaError NOT_ON_DISK, NO_DATABASE, NETWORK_FILE_SYSTEM, CANNOT_OPEN, NOT_A_DATABASE, DATABASE_BUSY, NOT_WAL, SQLITE_VERSION
 */
export function checkDatabase(database: string, options: CheckOptions): CheckedDatabase {
  const { disk } = options
  const path = checkReadable(database, disk)
  const network = NETWORK_FILE_SYSTEMS.get(disk.fileSystemType(path))
  if (network !== undefined)
    throw new StemmaError('NETWORK_FILE_SYSTEM', `${path} is on ${network}`, { path, fileSystem: network })
  try {
    return check(path, options)
  } catch (error) {
    throw databaseError(error, path)
  }
}

/**
 * Makes sure that a path names a file, and gives its absolute path without symbolic links.
 *
 * @throws StemmaError NOT_ON_DISK, NO_DATABASE
 */
export function checkReadable(database: string, disk: Disk): string {
  if (database === '' || database === ':memory:' || /^file:/i.test(database)) {
    const what = database === '' ? 'an empty path means a temporary database' : `${database} is no path of a file`
    throw new StemmaError('NOT_ON_DISK', what, { database })
  }
  const path = disk.realPath(database)
  if (path === undefined) throw new StemmaError('NO_DATABASE', `there is no file ${database}`, { database })
  return path
}

// Reading is all that this connection may do: the last connection that may write, when it closes, copies the WAL into the
// database and deletes it, and what Stemma had not read of it by then would be gone.
function check(path: string, options: CheckOptions): CheckedDatabase {
  const reading = options.driver.open(path, { mustExist: true, readOnly: true, busyTimeout: BUSY_TIMEOUT })
  try {
    const sqliteVersion = String(reading.prepare('SELECT sqlite_version() AS version').get()?.['version'])
    checkSqliteVersion(sqliteVersion)
    const converted = useWal(reading, path, options)
    const pageSize = Number(reading.prepare('PRAGMA page_size').get()?.['page_size'])
    return { path, pageSize, sqliteVersion, converted }
  } finally {
    reading.close()
  }
}

function useWal(reading: SqliteConnection, path: string, { driver, convertToWal }: CheckOptions): boolean {
  const mode = journalMode(reading, 'PRAGMA journal_mode')
  if (mode === 'wal') return false
  if (convertToWal !== true) throw new StemmaError('NOT_WAL', `${path} is in journal mode ${mode}`, { path, mode })
  const writing = driver.open(path, { mustExist: true, busyTimeout: BUSY_TIMEOUT })
  try {
    const now = journalMode(writing, 'PRAGMA journal_mode = WAL')
    if (now !== 'wal') throw new StemmaError('NOT_WAL', `${path} stays in journal mode ${now}`, { path, mode: now })
    return true
  } finally {
    writing.close()
  }
}

function journalMode(connection: SqliteConnection, sql: string): string {
  return String(connection.prepare(sql).get()?.['journal_mode']).toLowerCase()
}

/** Says what a failure to open or read a user's database means; a StemmaError is passed on as it is. */
export function databaseError(error: unknown, path: string): unknown {
  if (StemmaError.is(error)) return error
  const code = sqliteCode(error)
  const message = error instanceof Error ? error.message : String(error)
  const details = { path, cause: code ?? message }
  if (isBusy(error)) return new StemmaError('DATABASE_BUSY', `${path} is held by another program`, details, error)
  if (code === 'SQLITE_NOTADB') return new StemmaError('NOT_A_DATABASE', `${path} is no SQLite database`, details, error)
  if (code?.startsWith('SQLITE_CORRUPT')) return new StemmaError('DAMAGED_FILE', `${path} is damaged`, details, error)
  return new StemmaError('CANNOT_OPEN', `${path} can not be used: ${message}`, details, error)
}
