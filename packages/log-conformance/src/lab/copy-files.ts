import { existsSync } from 'node:fs'
import { heldFiles, nodeDisk } from '@stemma/storage'

/** What a power cut would leave of a live database and its log, as another database. */
export function copyFiles(from: string, to: string): void {
  for (const suffix of ['', '-wal', '-stemma', '-stemma-wal']) {
    if (!existsSync(from + suffix)) continue
    // Closing any descriptor on a database drops SQLite's locks on it; on a WAL there are none.
    const isDatabase = !suffix.endsWith('-wal')
    const file = isDatabase ? heldFiles(nodeDisk).hold(from + suffix) : nodeDisk.open(from + suffix, 'read')
    const bytes = new Uint8Array(nodeDisk.size(file))
    nodeDisk.read(file, bytes, 0)
    if (!isDatabase) nodeDisk.close(file)
    const copy = nodeDisk.open(to + suffix, 'create')
    nodeDisk.write(copy, bytes, 0)
    nodeDisk.close(copy)
  }
}
