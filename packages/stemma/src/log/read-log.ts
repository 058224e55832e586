import type { Milliseconds, Position } from '@stemma/base'
import { KnownLayouts } from '../changes/known-layouts.ts'
import { loadFormats } from '../formats.ts'
import { LAYOUTS_WITHIN, describeEntry, rawEntriesOf } from './log-entries.ts'
import { openLogFile } from './log-file.ts'

/** Which log is read, and which part of it. */
export interface ReadLogOptions {
  /** Path of a leader's database on this machine; the leader may be at work, or not. */
  readonly database: string
  /** Which of the logs: a format, by its name or module. */
  readonly format: string
  /** Entries behind this sequence; by default the newest of all. */
  readonly after?: number
  /** How many at most; 20 by default. */
  readonly limit?: number
}

/** One commit in one format, as a leader keeps and sends it, and what it says to people. */
export interface LogEntry {
  readonly position: Position
  /** By the leader's clock. */
  readonly committedAt: Milliseconds
  /** The commit is what changed while no leader watched. */
  readonly recovered: boolean
  /** The commit could not be told in this format: followers take a snapshot here. */
  readonly barrier: boolean
  /** One line: `3 pages, 412 bytes`. */
  readonly summary: string
  /** More lines, one a fact. */
  readonly details: readonly string[]
  /** The whole entry, envelope and payload. */
  readonly bytes: Uint8Array
  /** The format's own part of them. */
  readonly payload: Uint8Array
}

/**
 * Reads entries of a leader's log, oldest first, each explained. What a leader has taken and not written yet is not among them: milliseconds.
 *
 * @throws StemmaError NO_LOG, WRONG_ROLE, UNKNOWN_FORMAT, DAMAGED_ENTRY
 */
export async function readLog(options: ReadLogOptions): Promise<LogEntry[]> {
  const { database, limit = 20 } = options
  const [format] = await loadFormats([options.format])
  const { name } = format!
  const log = openLogFile(database)
  try {
    const newest = log.formats.find((each) => each.format === name)?.newest ?? 0
    const after = options.after ?? Math.max(0, newest - limit)
    const layouts = new KnownLayouts()
    const found: LogEntry[] = []
    // A row's entry tells its table's columns now and then: what the entries before have told is of use.
    for (const { entry, bytes } of rawEntriesOf(log, name, Math.max(0, after - LAYOUTS_WITHIN))) {
      if (found.length === limit) break
      const { position, committedAt, recovered, barrier } = entry
      const { summary, details } = describeEntry(entry, format, layouts)
      if (position.sequence <= after) continue
      const own = bytes.slice()
      const payload = entry.payload.slice()
      found.push({ position, committedAt, recovered, barrier, summary, details, bytes: own, payload })
    }
    return found
  } finally {
    log.close()
  }
}
