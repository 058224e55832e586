import { StemmaError } from '@stemma/base'
import type { Disk } from '../disk/disk.ts'
import type { SqliteDriver } from '../sqlite/driver.ts'
import { openSidecar, sidecarPath } from '../sqlite/sidecar.ts'
import { COPY_TABLE } from './copy-table.ts'

/**
 * Refuses a database that is a physical copy, or a leader: they have a sidecar.
 *
 * @throws StemmaError WRONG_COPY_KIND, WRONG_ROLE, and errors of the sidecar
 */
export function refusePhysicalCopy(database: string, parts: { readonly disk: Disk; readonly driver: SqliteDriver }): void {
  const path = sidecarPath(database)
  if (parts.disk.stat(path) === undefined) return
  openSidecar({ database, ...parts, role: 'replica', readOnly: true, create: () => undefined }).close()
  throw new StemmaError('WRONG_COPY_KIND', `${database} is a copy by pages: ${path} is beside it`, { database, path })
}

/**
 * Refuses a database that is a logical copy. Only for one that has no sidecar: the WAL of a physical copy is not to be touched.
 *
 * @throws StemmaError WRONG_COPY_KIND
 */
export function refuseLogicalCopy(
  database: string,
  { disk, driver }: { readonly disk: Disk; readonly driver: SqliteDriver },
): void {
  if (disk.stat(database) === undefined || disk.stat(sidecarPath(database)) !== undefined) return
  if (!isLogicalCopy(database, driver)) return
  throw new StemmaError('WRONG_COPY_KIND', `${database} is a copy by rows: it has a table ${COPY_TABLE}`, { database })
}

function isLogicalCopy(database: string, driver: SqliteDriver): boolean {
  let connection
  try {
    connection = driver.open(database, { mustExist: true, readOnly: true })
    return connection.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(COPY_TABLE) !== undefined
  } catch {
    // No database, or one that can't be read: whoever opens it next says so.
    return false
  } finally {
    connection?.close()
  }
}
