import type { EntryTable, FormatLog } from './entry-table.ts'
import type { Retention } from './log-store.ts'

/** The format whose oldest entries exceed a limit, if any. */
export function excessOf(entries: EntryTable, limits: Retention, neededAfter: number, now: number): FormatLog | undefined {
  let oldest: FormatLog | undefined
  let unneeded = 0
  for (const log of entries.formats) {
    if (log.newest <= log.oldest) continue
    if (oldest === undefined || log.oldest < oldest.oldest) oldest = log
    unneeded += entries.bytesUpTo(log, neededAfter)
  }
  if (oldest === undefined) return undefined
  if (entries.bytes > limits.maxBytes || unneeded > limits.unneededBytes) return oldest
  const at = entries.oldestTime(oldest)
  return at !== undefined && now - at > limits.maxAge ? oldest : undefined
}
