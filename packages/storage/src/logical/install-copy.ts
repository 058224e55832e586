import { lockBytePage } from '@stemma/sqlite-file'
import type { Disk } from '../disk/disk.ts'
import type { CopyFile } from '../replica/copy-file.ts'

const CHUNK_BYTES = 1024 * 1024

/**
 * Makes what is in a file the content of a copy that lives, in one transaction of its WAL, durably. Only pages that differ are
 * written. Readers go on with what they were reading.
 *
 * @param copy - locked
 * @param file - a descriptor on a database of the same page size
 */
export function installPages(disk: Disk, copy: CopyFile, file: number): void {
  const { pageSize, appender } = copy
  const pageCount = Math.floor(disk.size(file) / pageSize)
  const changed = changedPages(disk, copy, { file, pageCount })
  const page = new Uint8Array(pageSize)
  for (const [i, pageNumber] of changed.entries()) {
    disk.read(file, page, (pageNumber - 1) * pageSize)
    copy.noteFrame(pageNumber, appender.add(pageNumber, page, i === changed.length - 1 ? pageCount : 0))
  }
  appender.write()
  appender.publish()
  disk.sync(copy.wal)
}

function changedPages(disk: Disk, copy: CopyFile, { file, pageCount }: { file: number; pageCount: number }): number[] {
  const { pageSize } = copy
  const lockPage = lockBytePage(pageSize)
  const perChunk = Math.max(1, Math.floor(CHUNK_BYTES / pageSize))
  const [ours, theirs] = [Buffer.alloc(perChunk * pageSize), Buffer.alloc(perChunk * pageSize)]
  const changed: number[] = []
  for (let first = 1; first <= pageCount; first += perChunk) {
    const count = Math.min(perChunk, pageCount - first + 1)
    copy.readPages(first, ours.subarray(0, count * pageSize))
    disk.read(file, theirs.subarray(0, count * pageSize), (first - 1) * pageSize)
    for (let i = 0; i < count; i++) {
      if (first + i === lockPage) continue
      const isNew = first + i > copy.pageCount
      if (isNew || ours.compare(theirs, i * pageSize, (i + 1) * pageSize, i * pageSize, (i + 1) * pageSize) !== 0)
        changed.push(first + i)
    }
  }
  // The number of pages may be all that differs.
  return changed.length === 0 ? [1] : changed
}
