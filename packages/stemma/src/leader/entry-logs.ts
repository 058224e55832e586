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

  /** Is a follower's copy in our history? The digest tells: an entry may have been made anew since the copy took it. */
  checkHistory(
    copy: { readonly format: string; readonly position: Position; readonly digest: bigint },
    place: Place,
  ): HistoryAnswer {
    const { format, position, digest } = copy
    const { sequence, epoch } = position
    const answer = (isOurs: boolean): HistoryAnswer => (isOurs ? { kind: 'held' } : { kind: 'not-held', at: undefined })
    if (sequence > place.position.sequence) return answer(false)
    if (sequence === place.position.sequence) return answer(digest === place.digest && epoch === place.position.epoch)
    const entry = this.#log.entryAt(format, sequence)
    if (entry !== undefined) return answer(digest === entry.digest && epoch === entry.position.epoch)
    // The oldest entry kept says what the database was before it.
    const next = this.#log.entryAt(format, sequence + 1)
    if (next === undefined) return { kind: 'not-kept' }
    return answer(digest === next.digestBefore && epoch <= next.position.epoch)
  }
}
