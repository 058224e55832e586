import type { Position } from '@stemma/base'
import type { Commit, LogFormat } from '@stemma/log'
import type { HistoryAnswer } from '@stemma/protocol'
import type { EntryRun, Place } from '@stemma/storage'
import type { BufferedLog } from './buffered-log.ts'
import { EntryLog } from './entry-log.ts'

/** The logs of all formats that a leader keeps. */
export class EntryLogs {
  readonly #log: BufferedLog
  readonly #onFailure: (error: unknown) => void
  readonly #logs: readonly EntryLog[]

  constructor(formats: readonly LogFormat[], log: BufferedLog, onFailure: (error: unknown) => void) {
    this.#log = log
    this.#onFailure = onFailure
    this.#logs = formats.map((format) => new EntryLog(format))
  }

  add(commit: Commit): void {
    for (const log of this.#logs) log.add(commit, this.#onFailure)
  }

  /** The entries added since the last call: a run per format, or none. */
  takeRuns(): EntryRun[] {
    return this.#logs.flatMap((log) => log.takeRun() ?? [])
  }

  /**
   * Is a follower's copy in our history? The digest tells: an entry may have been made anew since the copy took it. A feed has none, and
   * is believed by epoch and sequence.
   */
  checkHistory(
    copy: { readonly format: string; readonly position: Position; readonly digest: bigint | undefined },
    place: Place,
  ): HistoryAnswer {
    const { format, position, digest } = copy
    const { sequence, epoch } = position
    const isSame = (other: bigint): boolean => digest === undefined || digest === other
    const answer = (isOurs: boolean): HistoryAnswer => (isOurs ? { kind: 'held' } : { kind: 'not-held', at: undefined })
    if (sequence > place.position.sequence) return answer(false)
    if (sequence === place.position.sequence) return answer(isSame(place.digest) && epoch === place.position.epoch)
    const entry = this.#log.entryAt(format, sequence)
    if (entry !== undefined) return answer(isSame(entry.digest) && epoch === entry.position.epoch)
    // The oldest entry kept says what the database was before it.
    const next = this.#log.entryAt(format, sequence + 1)
    if (next === undefined) return { kind: 'not-kept', oldest: this.#oldest(format, place) }
    return answer(isSame(next.digestBefore) && epoch <= next.position.epoch)
  }

  /** The first position of which the log has what follows. */
  #oldest(format: string, { position }: Place): Position {
    const read = this.#log.read({ format, after: 0, maxBytes: 1 })
    if (read.kind === 'end') return position
    const sequence = read.kind === 'gone' ? read.oldest : 0
    return { epoch: this.#log.entryAt(format, sequence + 1)?.position.epoch ?? position.epoch, sequence }
  }
}
