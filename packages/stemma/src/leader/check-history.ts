import type { Position } from '@stemma/base'
import type { HistoryAnswer } from '@stemma/protocol'
import type { LogStore, Place } from '@stemma/storage'

/**
 * Is a position in a history? The digest tells: an entry may have been made anew since a copy took it. Without one, epoch and sequence are
 * believed.
 *
 * @param place - where the history ends
 */
export function checkHistory(
  log: Pick<LogStore, 'entryAt' | 'read'>,
  copy: { readonly format: string; readonly position: Position; readonly digest: bigint | undefined },
  place: { readonly position: Position; readonly digest: bigint },
): HistoryAnswer {
  const { format, position, digest } = copy
  const { sequence, epoch } = position
  const isSame = (other: bigint): boolean => digest === undefined || digest === other
  const answer = (isOurs: boolean): HistoryAnswer => (isOurs ? { kind: 'held' } : { kind: 'not-held', at: undefined })
  if (sequence > place.position.sequence) return answer(false)
  if (sequence === place.position.sequence) return answer(isSame(place.digest) && epoch === place.position.epoch)
  const entry = log.entryAt(format, sequence)
  if (entry !== undefined) return answer(isSame(entry.digest) && epoch === entry.position.epoch)
  // The oldest entry kept says what the database was before it.
  const next = log.entryAt(format, sequence + 1)
  if (next === undefined) return { kind: 'not-kept', oldest: oldestPosition(log, format, place) }
  return answer(isSame(next.digestBefore) && epoch <= next.position.epoch)
}

/** The first position of which the log has what follows. */
function oldestPosition(
  log: Pick<LogStore, 'entryAt' | 'read'>,
  format: string,
  { position }: Pick<Place, 'position'>,
): Position {
  const read = log.read({ format, after: 0, maxBytes: 1 })
  if (read.kind === 'end') return position
  const sequence = read.kind === 'gone' ? read.oldest : 0
  return { epoch: log.entryAt(format, sequence + 1)?.position.epoch ?? position.epoch, sequence }
}
