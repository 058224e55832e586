import type { StemmaError } from '@stemma/base'
import type { Commit, LogFormat } from '@stemma/log'
import type { EntryRun } from '@stemma/storage'
import type { FormatWork } from '../status.ts'
import { EntryLog } from './entry-log.ts'
import type { FormatGuard } from './format-guard.ts'

/** How formats are called, and who is told what becomes of them. */
export interface EntryLogsOptions {
  /** What calls a format that isn't ours; undefined for one that is. */
  guardOf(format: LogFormat): FormatGuard | undefined
  failed(error: unknown): void
  /** A format that held up the leader is called no more. */
  suspended(format: string, error: StemmaError): void
}

/** The logs of all formats that a leader keeps. */
export class EntryLogs {
  readonly #options: EntryLogsOptions
  readonly #logs: readonly EntryLog[]
  readonly #ours: readonly EntryLog[]
  readonly #foreign: readonly EntryLog[]
  #toldFailure: unknown

  constructor(formats: readonly LogFormat[], options: EntryLogsOptions) {
    this.#options = options
    this.#logs = formats.map((format) => new EntryLog(format, options.guardOf(format)))
    this.#ours = this.#logs.filter(({ isGuarded }) => !isGuarded)
    this.#foreign = this.#logs.filter(({ isGuarded }) => isGuarded)
  }

  /** What was done so far, for each format. */
  get work(): FormatWork[] {
    return this.#logs.map((log) => log.work)
  }

  /** The formats that are still called. */
  get served(): LogFormat[] {
    return this.#logs.filter(({ suspended }) => suspended === undefined).map(({ format }) => format)
  }

  add(commit: Commit): void {
    for (const log of this.#ours) this.#add(log, commit)
    // Behind ours: one that is ended in the middle leaves nothing of this commit to be got wrong by them.
    for (const log of this.#foreign) {
      const wasServed = log.suspended === undefined
      this.#add(log, commit)
      if (wasServed && log.suspended !== undefined) this.#options.suspended(log.format.name, log.suspended)
    }
  }

  #add(log: EntryLog, commit: Commit): void {
    log.add(commit, (error) => {
      // What can't be known of a commit is told once, and not for each format that wanted to know it.
      if (error !== this.#toldFailure) this.#options.failed(error)
      this.#toldFailure = error
    })
  }

  /** The entries added since the last call: a run per format, or none. */
  takeRuns(): EntryRun[] {
    return this.#logs.flatMap((log) => log.takeRun() ?? [])
  }
}
