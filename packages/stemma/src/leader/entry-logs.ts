import type { Commit, LogFormat } from '@stemma/log'
import type { EntryRun } from '@stemma/storage'
import type { FormatWork } from '../status.ts'
import { EntryLog } from './entry-log.ts'

/** The logs of all formats that a leader keeps. */
export class EntryLogs {
  readonly #onFailure: (error: unknown) => void
  readonly #logs: readonly EntryLog[]
  #toldFailure: unknown

  constructor(formats: readonly LogFormat[], onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure
    this.#logs = formats.map((format) => new EntryLog(format))
  }

  /** What was done so far, for each format. */
  get work(): FormatWork[] {
    return this.#logs.map((log) => log.work)
  }

  add(commit: Commit): void {
    for (const log of this.#logs) {
      log.add(commit, (error) => {
        // What can't be known of a commit is told once, and not for each format that wanted to know it.
        if (error !== this.#toldFailure) this.#onFailure(error)
        this.#toldFailure = error
      })
    }
  }

  /** The entries added since the last call: a run per format, or none. */
  takeRuns(): EntryRun[] {
    return this.#logs.flatMap((log) => log.takeRun() ?? [])
  }
}
