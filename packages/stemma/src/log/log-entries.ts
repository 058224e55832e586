import { StemmaError } from '@stemma/base'
import { type DecodedEntry, type EntryDescription, type LogFormat, decodeEntry } from '@stemma/log'
import type { KnownLayouts } from '../changes/known-layouts.ts'
import type { LogReader } from './log-file.ts'

/** A source tells a table's layout again after so many commits at the latest. */
export const LAYOUTS_WITHIN = 1024

/**
 * The entries of one format behind a sequence, oldest first.
 *
 * @throws StemmaError DAMAGED_ENTRY
 */
export function* entriesOf(log: LogReader, format: string, after: number): Generator<DecodedEntry> {
  for (const { entry } of rawEntriesOf(log, format, after)) yield entry
}

/** The same, each with its own bytes. */
export function* rawEntriesOf(
  log: LogReader,
  format: string,
  after: number,
): Generator<{ readonly entry: DecodedEntry; readonly bytes: Uint8Array }> {
  for (const run of log.runs(format, after)) {
    for (let offset = 0; offset < run.byteLength;) {
      const entry = decodeEntry(run, offset)
      if (entry === undefined)
        throw new StemmaError('DAMAGED_ENTRY', `the log ends in the middle of an entry`, { format, offset })
      const bytes = run.subarray(offset, offset + entry.byteLength)
      offset += entry.byteLength
      if (entry.position.sequence > after) yield { entry, bytes }
    }
  }
}

/** Explains an entry to people; `layouts` learn from it, and know what the entries before it have told. */
export function describeEntry(entry: DecodedEntry, format: LogFormat | undefined, layouts: KnownLayouts): EntryDescription {
  if (entry.barrier) return { summary: 'could not be put into an entry: followers take a snapshot here', details: [] }
  if (format === undefined) return { summary: `${entry.payload.byteLength} bytes`, details: [] }
  if (format.view === 'pages' || format.isFeedOnly === true) return format.describe(entry.payload, entry.formatVersion)
  const decoded = format.decode(entry.payload, entry.formatVersion)
  if (!('kind' in decoded)) layouts.take(decoded)
  else if (decoded.kind === 'rows') layouts.take(decoded.rows)
  return format.describe(entry.payload, entry.formatVersion, (table) => layouts.of(table))
}
