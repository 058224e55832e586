import { betterSqlite3, nodeDisk, openLogStore } from '@stemma/storage'

/** How much of a log is read at a time, in bytes. */
const READ_BYTES = 1024 * 1024

/** A leader's log, opened for reading while the leader may go on. */
export interface LogReader {
  readonly formats: readonly {
    readonly format: string
    readonly oldest: number
    readonly newest: number
    readonly bytes: number
  }[]
  /** Runs of whole entries of one format, oldest first, from the first entry after a sequence. */
  runs(format: string, after: number): Iterable<Uint8Array>
  close(): void
}

/**
 * Opens the log beside a leader's database, whether or not the leader is at work.
 *
 * @throws StemmaError NO_LOG, WRONG_ROLE and others of the file
 */
export function openLogFile(database: string): LogReader {
  const store = openLogStore({ database, driver: betterSqlite3, disk: nodeDisk, readOnly: true })
  return {
    formats: store.size().formats,
    *runs(format, after) {
      for (let last = after; ;) {
        const read = store.read({ format, after: last, maxBytes: READ_BYTES })
        if (read.kind === 'end') return
        if (read.kind === 'gone') {
          if (read.oldest <= last) return
          last = read.oldest
          continue
        }
        yield read.run.bytes
        last = read.run.last
      }
    },
    close: () => store.close(),
  }
}
