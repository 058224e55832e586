import { Worker } from 'node:worker_threads'
import { StemmaError } from '@stemma/base'
import { DATABASE_HEADER_SIZE, decodeDatabaseHeader } from '@stemma/sqlite-file'
import type { Disk } from '../disk/disk.ts'
import type { SqliteDriver } from '../sqlite/driver.ts'

/** What the thread is told. */
export interface StructureRequest {
  readonly path: string
  readonly driver: string
}

/** What the thread answers: what is wrong, or undefined. */
export interface StructureReply {
  readonly problem: string | undefined
}

/**
 * Asks SQLite whether a database that came from elsewhere is sound. Nothing of its schema is trusted, and no page is mapped.
 *
 * The file must not be in WAL mode, so that no other file appears beside it.
 *
 * @returns the first thing that is wrong; undefined when nothing is
 * @see https://sqlite.org/security.html#untrusted_sqlite_database_files
 */
export function checkStructure(driver: SqliteDriver, path: string): string | undefined {
  let connection
  try {
    connection = driver.open(path, { mustExist: true, readOnly: true })
    connection.exec('PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0')
    const row = connection.prepare('PRAGMA quick_check(1)').get()
    const answer = String(row?.['quick_check'])
    return answer === 'ok' ? undefined : answer
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    connection?.close()
  }
}

/** The same on a thread of its own: it takes a second for a gigabyte or so. */
export function checkStructureInThread(driver: SqliteDriver, path: string): Promise<string | undefined> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const worker = new Worker(new URL(`./structure-worker.${extension}`, import.meta.url), {
    workerData: { path, driver: driver.name } satisfies StructureRequest,
  })
  return new Promise((resolve, reject) => {
    worker.once('message', ({ problem }: StructureReply) => resolve(problem))
    worker.once('error', reject)
    worker.once('exit', () => reject(new Error('the thread that checks a snapshot has ended')))
  })
}

/**
 * Checks the first page of a snapshot, as far as SQLite would not.
 *
 * @returns what is wrong; undefined when nothing is
 */
export function checkStart(
  disk: Disk,
  file: number,
  expected: { readonly pageSize: number; readonly pageCount: number },
): string | undefined {
  const bytes = new Uint8Array(DATABASE_HEADER_SIZE)
  disk.read(file, bytes, 0)
  try {
    const start = decodeDatabaseHeader(bytes)
    if (start.kind === 'empty') return 'its first page is empty'
    const { pageSize, writeVersion, readVersion, pageCount, changeCounter, versionValidFor } = start.header
    if (pageSize !== expected.pageSize) return `its first page says pages of ${pageSize} bytes`
    if (writeVersion !== 2 || readVersion !== 2) return 'its first page says that it is not in WAL mode'
    if (changeCounter === versionValidFor && pageCount !== expected.pageCount) return `its first page says ${pageCount} pages`
    return undefined
  } catch (error) {
    if (StemmaError.is(error)) return error.message
    throw error
  }
}
