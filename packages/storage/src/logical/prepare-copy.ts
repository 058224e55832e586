import { StemmaError, type TextEncoding } from '@stemma/base'
import { autoVacuumOf } from '@stemma/sqlite-file'
import type { Disk } from '../disk/disk.ts'
import { TableCatalog } from '../rows/table-catalog.ts'
import type { SqliteConnection, SqliteDriver } from '../sqlite/driver.ts'
import { CommitWriter } from './commit-writer.ts'
import { makeCopyTable, type CopyNote } from './copy-table.ts'
import { rowsError } from './rows-error.ts'
import { pagesOfFile, rowsOfDatabase } from './snapshot-rows.ts'
import { StrippedSchema } from './stripped-schema.ts'

export interface PrepareOptions {
  readonly disk: Disk
  readonly driver: SqliteDriver
  /** What the copy will say of itself. */
  readonly note: CopyNote
  /** The schema cookie of the copy whose place it takes: readers of that one must notice. */
  readonly cookieBefore: number
}

const VERSIONS_OFFSET = 18
const NOT_WAL = new Uint8Array([1, 1])
const WAL = new Uint8Array([2, 2])

/**
 * Makes a whole database in a file of ours, that nobody else knows, a logical copy, where it stands. Not durable.
 *
 * @param file - a descriptor on it
 */
export function makeLogical(path: string, file: number, options: PrepareOptions): void {
  const { disk, driver } = options
  removeBeside(disk, path)
  disk.write(file, NOT_WAL, VERSIONS_OFFSET)
  const connection = openOwn(driver, path, true)
  try {
    finish(connection, options)
  } finally {
    connection.close()
  }
  disk.write(file, WAL, VERSIONS_OFFSET)
}

/**
 * Makes a logical copy of a database in another file, table by table, for a page size and text encoding of its own. Not durable.
 *
 * @param file - a descriptor on the database, which nobody writes
 * @param path - where the copy is made; what is there goes
 */
export function copyLogically(
  file: number,
  path: string,
  options: PrepareOptions & { readonly pageSize: number; readonly encoding: TextEncoding },
): void {
  const { disk, driver, pageSize, encoding } = options
  const pages = pagesOfFile(disk, file)
  disk.remove(path)
  removeBeside(disk, path)
  const connection = openOwn(driver, path, false)
  const catalog = new TableCatalog(driver, pages.header.textEncoding)
  try {
    const autoVacuum = { none: 0, full: 1, incremental: 2 }[autoVacuumOf(pages.header)]
    connection.exec(`PRAGMA page_size = ${pageSize}; PRAGMA encoding = '${encoding}'; PRAGMA auto_vacuum = ${autoVacuum}; BEGIN`)
    connection.exec('CREATE TABLE _stemma_copy (id)')
    const stripped = new StrippedSchema(connection)
    stripped.load()
    const forced = (): void => undefined
    const writer = new CommitWriter({ connection, stripped, catalog, encoding, onDifference: 'stop', forced })
    writer.write(rowsOfDatabase(pages), options.note.place.position)
    connection.exec('COMMIT; PRAGMA writable_schema = RESET')
    finish(connection, options)
  } catch (error) {
    if (!StemmaError.is(error, 'ROW_DIFFERS')) throw rowsError(error)
    throw new StemmaError('SNAPSHOT_UNSOUND', `the snapshot's rows are against its own constraints`, {}, error)
  } finally {
    catalog.close()
    connection.close()
  }
  const made = disk.open(path, 'write')
  try {
    disk.write(made, WAL, VERSIONS_OFFSET)
  } finally {
    disk.close(made)
  }
}

/** What an older file of this name may have left would be taken for its own by SQLite. */
export function removeBeside(disk: Disk, path: string): void {
  for (const suffix of ['-wal', '-shm', '-journal']) disk.remove(`${path}${suffix}`)
}

/** Opens a file of ours, with no journal: if this fails, the file is thrown away. */
function openOwn(driver: SqliteDriver, path: string, mustExist: boolean): SqliteConnection {
  const connection = driver.open(path, { mustExist, mayWriteSchema: true })
  try {
    connection.exec(`
      PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; PRAGMA cache_size = -32768;
      PRAGMA mmap_size = 0; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY
    `)
    connection.prepare('PRAGMA journal_mode = OFF').get()
    return connection
  } catch (error) {
    connection.close()
    throw error
  }
}

function finish(connection: SqliteConnection, { note, cookieBefore }: PrepareOptions): void {
  connection.exec('BEGIN')
  makeCopyTable(connection, note)
  const cookie = Number(connection.prepare('PRAGMA schema_version').get()?.['schema_version'])
  connection.exec(`PRAGMA schema_version = ${(Math.max(cookie, cookieBefore) + 1) | 0}; COMMIT`)
}
