import { StemmaError } from '@stemma/base'
import type { Disk } from '../disk/disk.ts'
import { isBusy, sqliteCode, type SqliteConnection, type SqliteDriver } from './driver.ts'

/** What a database is to Stemma. */
export type Role = 'leader' | 'replica'

/** "Stem": marks a file as a sidecar of Stemma (SQLite's `application_id`). */
export const SIDECAR_APPLICATION_ID = 0x5374656d

/** The version of the sidecar's tables (SQLite's `user_version`). */
export const SIDECAR_VERSION = 1

const BUSY_TIMEOUT = 2_000
const WAL_BYTES_KEPT = 16 * 1024 * 1024

/** Which database's sidecar is opened, and for whom. */
export interface SidecarOptions {
  /** The database that the sidecar belongs to. */
  readonly database: string
  readonly driver: SqliteDriver
  readonly disk: Disk
  readonly role: Role
  /** Makes the role's tables in a new sidecar; runs within the transaction that makes the sidecar. */
  create(connection: SqliteConnection): void
  /** Opens what another process writes; nothing is created. */
  readonly readOnly?: boolean
}

/** The path of the file in which Stemma keeps what it knows of a database. */
export function sidecarPath(database: string): string {
  return `${database}-stemma`
}

/**
 * Opens or makes a database's sidecar, a SQLite file in WAL mode that only its owner may read. It is never checkpointed
 * by itself: whoever opens it for writing does that.
 *
 * A sidecar says what made it (`application_id`), in which version (`user_version`), and what the database is to Stemma
 * (table `stemma`).
 *
 * @throws StemmaError NO_LOG when it is to be read and isn't there
 * @throws StemmaError WRONG_ROLE, SIDECAR_VERSION, NOT_A_SIDECAR, DAMAGED_LOG, LOG_FULL, LOG_FAILED
 */
export function openSidecar(options: SidecarOptions): SqliteConnection {
  const { database, driver, disk } = options
  const path = sidecarPath(database)
  const readOnly = options.readOnly ?? false
  let connection: SqliteConnection | undefined
  try {
    if (disk.stat(path) === undefined) {
      if (readOnly) throw new StemmaError('NO_LOG', `there is no ${path}`, { path })
      makePrivateFile(disk, path)
    }
    connection = driver.open(path, { mustExist: true, readOnly, busyTimeout: BUSY_TIMEOUT })
    prepare(connection, path, options)
    return connection
  } catch (error) {
    try {
      connection?.close()
    } catch {
      // The first error says more.
    }
    throw sidecarError(error, path)
  }
}

/** Says what a failure of a sidecar means; a StemmaError is passed on as it is. */
export function sidecarError(error: unknown, path: string): unknown {
  if (StemmaError.is(error)) return error
  const code = sqliteCode(error) ?? (error as { readonly code?: unknown } | undefined)?.code
  const details = { path, cause: String(code) }
  if (code === 'SQLITE_FULL' || code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    return new StemmaError('LOG_FULL', `no space to write ${path}`, details, error)
  }
  if (typeof code === 'string' && /^SQLITE_(CORRUPT|NOTADB)/.test(code)) {
    return new StemmaError('DAMAGED_LOG', `${path} is damaged`, details, error)
  }
  if (typeof code === 'string') {
    const why = isBusy(error) ? 'is held by another program' : `can not be used: ${String((error as Error).message)}`
    return new StemmaError('LOG_FAILED', `${path} ${why}`, details, error)
  }
  return error
}

// SQLite gives its -wal and -shm the mode of the database file.
function makePrivateFile(disk: Disk, path: string): void {
  // Nobody can have this file open yet, so closing it cancels no locks.
  disk.close(disk.open(path, 'create'))
  disk.syncFolderOf(path)
}

function prepare(connection: SqliteConnection, path: string, options: SidecarOptions): void {
  const isNew =
    pragma(connection, 'application_id') === 0 && connection.prepare('SELECT 1 FROM sqlite_schema').get() === undefined
  if (isNew) {
    if (options.readOnly) throw new StemmaError('NO_LOG', `${path} is empty`, { path })
    create(connection, options)
  } else {
    check(connection, path, options.role)
  }
  connection.exec('PRAGMA cache_size = -2000; PRAGMA temp_store = MEMORY')
  if (options.readOnly) return
  connection.exec(`PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = ${WAL_BYTES_KEPT}`)
}

function create(connection: SqliteConnection, { role, create: createTables }: SidecarOptions): void {
  connection.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  connection.exec('BEGIN IMMEDIATE')
  connection.exec('CREATE TABLE stemma(role TEXT NOT NULL)')
  connection.prepare('INSERT INTO stemma(role) VALUES (?)').run(role)
  createTables(connection)
  connection.exec(`PRAGMA application_id = ${SIDECAR_APPLICATION_ID}; PRAGMA user_version = ${SIDECAR_VERSION}`)
  connection.exec('COMMIT')
}

function check(connection: SqliteConnection, path: string, role: Role): void {
  if (pragma(connection, 'application_id') !== SIDECAR_APPLICATION_ID) {
    throw new StemmaError('NOT_A_SIDECAR', `${path} was not made by Stemma`, { path })
  }
  const version = pragma(connection, 'user_version')
  if (version !== SIDECAR_VERSION) {
    throw new StemmaError('SIDECAR_VERSION', `${path} is version ${version}, known is ${SIDECAR_VERSION}`, { path, version })
  }
  const found = connection.prepare('SELECT role FROM stemma').get()?.['role']
  if (found !== role) {
    throw new StemmaError('WRONG_ROLE', `this database is a ${String(found)}, not a ${role}`, {
      path,
      found: String(found),
      wanted: role,
    })
  }
}

function pragma(connection: SqliteConnection, name: string): number {
  return Number(connection.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0)
}
