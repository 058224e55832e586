import type { Disk } from '../disk/disk.ts'
import type { SqliteDriver } from '../sqlite/driver.ts'
import { openSidecar, sidecarError, sidecarPath } from '../sqlite/sidecar.ts'
import type { CopyPlace } from './copy-place.ts'
import { readPlaces } from './place-ring.ts'
import { joinHistories, readHistories } from './replica-store.ts'

/** What a copy's sidecar says, whether or not anybody has the copy open. */
export interface KeptPlaces {
  /** The node that made the copy: 32 hexadecimal digits. */
  readonly node: string
  /**
   * Newest first. Places are noted before the transactions that they describe, so the copy may stand at an older one: at the one whose
   * digest it has.
   */
  readonly places: readonly CopyPlace[]
}

/**
 * Reads a copy's places and changes nothing.
 *
 * @throws StemmaError NO_LOG when there is no sidecar; WRONG_ROLE when the database is a leader's; and errors of the sidecar
 */
export function readKeptPlaces(options: {
  readonly database: string
  readonly driver: SqliteDriver
  readonly disk: Disk
}): KeptPlaces {
  const connection = openSidecar({ ...options, role: 'replica', readOnly: true, create() {} })
  try {
    const node = String(connection.prepare('SELECT node FROM replica').get()?.['node'] ?? '')
    const places = joinHistories(readPlaces(options.disk, options.database), readHistories(connection))
    return { node, places }
  } catch (error) {
    throw sidecarError(error, sidecarPath(options.database))
  } finally {
    connection.close()
  }
}
