import { checksum32 } from '@stemma/base'
import type { Disk } from '../disk/disk.ts'
import { sidecarPath } from '../sqlite/sidecar.ts'
import type { Identity } from './identity.ts'

/** Never more than this is read, in bytes. */
const NOTE_BYTES_MAX = 256
const BEGINNING = 'Stemma renewal 1'

/** The path of the file that says whose log it is while the log is thrown away and made anew. */
function notePath(database: string): string {
  return `${sidecarPath(database)}-renewal`
}

/**
 * Notes durably whose log is about to be thrown away, so that a crash before it is made anew does not lose that.
 *
 *     Stemma renewal 1 CLUSTER NODE EPOCH CHECKSUM
 *
 * The checksum covers what stands before it. A note that is torn is none: the log has not been touched then.
 */
export function noteRenewal(disk: Disk, database: string, { cluster, node, epoch }: Identity): void {
  const path = notePath(database)
  const bytes = new TextEncoder().encode(sealed(`${BEGINNING} ${cluster} ${node} ${epoch}`))
  const file = disk.open(path, 'create')
  try {
    disk.write(file, bytes, 0)
    disk.truncate(file, bytes.byteLength)
    disk.sync(file)
  } finally {
    disk.close(file)
  }
  disk.syncFolderOf(path)
}

/** Whose log was being made anew when this ended; undefined when none was. */
export function readRenewal(disk: Disk, database: string): Identity | undefined {
  const path = notePath(database)
  if (disk.stat(path) === undefined) return undefined
  const file = disk.open(path, 'read')
  try {
    const bytes = new Uint8Array(NOTE_BYTES_MAX)
    const text = new TextDecoder().decode(bytes.subarray(0, disk.read(file, bytes, 0)))
    const [, note, cluster, node, epoch] = /^(Stemma renewal 1 (\w+) (\w+) (\d+)) \w+\n$/.exec(text) ?? []
    if (note === undefined || text !== sealed(note)) return undefined
    return { cluster: cluster!, node: node!, epoch: Number(epoch), url: '' }
  } finally {
    disk.close(file)
  }
}

/** The log is whole again. */
export function endRenewal(disk: Disk, database: string): void {
  disk.remove(notePath(database))
}

function sealed(note: string): string {
  return `${note} ${checksum32(new TextEncoder().encode(note)).toString(16)}\n`
}
