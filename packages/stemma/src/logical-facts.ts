import { StemmaError } from '@stemma/base'
import { betterSqlite3, nodeDisk, readCopyNote, sidecarPath, type CopyNote } from '@stemma/storage'

/** How long SQLite waits for whoever has the copy locked, in milliseconds. */
const BUSY_MS = 1_000

/**
 * What a copy by rows says of itself, whether or not anybody follows it now; undefined when a database is no such copy.
 *
 * @throws StemmaError SIDECAR_VERSION
 */
export function readLogicalNote(database: string): CopyNote | undefined {
  // A database with a sidecar is a leader or a copy by pages, whose WAL is not SQLite's to touch.
  if (nodeDisk.stat(database) === undefined || nodeDisk.stat(sidecarPath(database)) !== undefined) return undefined
  let connection
  try {
    connection = betterSqlite3.open(database, { mustExist: true, readOnly: true, busyTimeout: BUSY_MS })
    return readCopyNote(connection)
  } catch (error) {
    if (StemmaError.is(error)) throw error
    // No database, or one that can't be read: whoever looks at it next says so.
    return undefined
  } finally {
    connection?.close()
  }
}
