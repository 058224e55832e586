import { StemmaError, showPosition, type Position } from '@stemma/base'
import type { DecodedEntry } from '@stemma/log'

/**
 * Tells whether an entry is the next one after a place.
 *
 * @param place - where the copy stands, or the entry before
 * @returns false for an entry that the copy has
 * @throws StemmaError ENTRY_GAP when entries are missing, HISTORY_DIVERGED when it does not follow on, SNAPSHOT_NEEDED for a barrier
 */
export function followsOn(place: { readonly position: Position; readonly digest: bigint }, entry: DecodedEntry): boolean {
  const { epoch, sequence } = entry.position
  const at = place.position
  const isNext = sequence === at.sequence + 1 && epoch >= at.epoch && entry.digestBefore === place.digest
  if (isNext && !entry.barrier) return true
  const had = sequence < at.sequence || (sequence === at.sequence && entry.digest === place.digest)
  if (had && epoch <= at.epoch) return false
  const here = showPosition(at)
  const there = showPosition(entry.position)
  if (sequence > at.sequence + 1)
    throw new StemmaError('ENTRY_GAP', `the copy stands at ${here}, the entry at ${there}`, { here, there })
  if (!isNext) {
    throw new StemmaError('HISTORY_DIVERGED', `the entry at ${there} does not follow on from what the copy has at ${here}`, {
      here,
      there,
    })
  }
  throw new StemmaError('SNAPSHOT_NEEDED', `the commit at ${there} is not in its entry`, { here, there })
}
