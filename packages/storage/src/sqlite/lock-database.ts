import { StemmaError } from '@stemma/base'
import type { Disk } from '../disk/disk.ts'
import { isBusy, type SqliteConnection, type SqliteDriver } from './driver.ts'

/** The right to be the only Stemma on a database. */
export interface DatabaseLock {
  release(): void
}

/**
 * Takes the right to be the only Stemma on a database, by a lock on an empty file of its own, `<database>-stemma-lock`. The
 * operating system takes it back when the process ends, however it ends; the file stays. It is no lock on the database:
 * other programs read and write that as before.
 *
 * @throws StemmaError ALREADY_OPEN when another Stemma, in any process or thread, has it
 * @throws StemmaError CANNOT_OPEN when the file can't be made
 */
export function lockDatabase(options: {
  readonly database: string
  readonly driver: SqliteDriver
  readonly disk: Disk
}): DatabaseLock {
  const { database, driver, disk } = options
  const path = `${database}-stemma-lock`
  let connection: SqliteConnection | undefined
  try {
    // A file that somebody holds open is never opened here: closing it would cancel the lock.
    if (disk.stat(path) === undefined) disk.close(disk.open(path, 'create'))
    connection = driver.open(path, { mustExist: true })
    connection.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    try {
      connection?.close()
    } catch {
      // The first error says more.
    }
    if (isBusy(error)) throw new StemmaError('ALREADY_OPEN', `another Stemma holds ${path}`, { database, path }, error)
    throw new StemmaError(
      'CANNOT_OPEN',
      `${path} can not be used: ${String((error as Error).message)}`,
      { database, path },
      error,
    )
  }
  const held = connection
  return { release: () => held.close() }
}
