import type { Position } from '@stemma/base'
import type { DecodedEntry } from '@stemma/log'

/** One commit as an entry has it, for those who take payloads as they are. */
export interface FeedEntry {
  /** Behind this commit: where to go on from when it has been dealt with. */
  readonly position: Position
  /** True when the commit could not be put into an entry: it has no payload. */
  readonly barrier: boolean
  readonly payload: Uint8Array
}

export function readFeedEntry({ position, barrier, payload }: DecodedEntry): FeedEntry {
  return { position, barrier, payload }
}
