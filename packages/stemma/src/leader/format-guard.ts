import { StemmaError, showPosition, type Milliseconds } from '@stemma/base'
import type { Commit, LogFormat } from '@stemma/log'
import { TimeLimit } from '@stemma/storage'

/** How long formats of others may take. All of it is time that passes, so that a machine that is busy counts as well. */
export interface FormatLimits {
  /** Milliseconds: a call of `encode` that takes longer is ended. Less than followers wait for a leader that says nothing. */
  readonly encodeMs: Milliseconds
  /** Milliseconds that a format may take for each commit, in the long run. */
  readonly commitMs: Milliseconds
  /** And for each MiB that it writes: a commit that is large may take longer. */
  readonly mebibyteMs: Milliseconds
  /** Milliseconds by which it may be over that. */
  readonly overdraftMs: Milliseconds
}

/** What a format may take when nobody says otherwise: far more than one that works takes. */
export const FORMAT_LIMITS: FormatLimits = { encodeMs: 20_000, commitMs: 100, mebibyteMs: 1_000, overdraftMs: 10_000 }

const MEBIBYTE = 1024 * 1024

/**
 * Calls a format of somebody else's for a leader, which it must not hold up. One that takes too long, at once or on the whole, is called no more.
 *
 * What it leaves to run later, the memory that it takes while it runs, and what it does to the process are not limited.
 */
export class FormatGuard {
  readonly #format: LogFormat
  readonly #limits: FormatLimits
  readonly #limit: TimeLimit
  readonly #now: () => Milliseconds
  #overdraftMs = 0
  #suspended: StemmaError | undefined

  constructor(format: LogFormat, limits: FormatLimits = FORMAT_LIMITS, now: () => Milliseconds = () => performance.now()) {
    this.#format = format
    this.#limits = limits
    this.#limit = new TimeLimit(limits.encodeMs)
    this.#now = now
  }

  /** Why the format is called no more; undefined while it is. */
  get suspended(): StemmaError | undefined {
    return this.#suspended
  }

  /**
   * Encodes a commit.
   *
   * @returns what the format gave, whatever that is
   * @throws what the format threw; StemmaError FORMAT_SUSPENDED when it was ended, or was before
   */
  encode(commit: Commit): unknown {
    if (this.#suspended !== undefined) throw this.#suspended
    lookAt(commit, this.#format)
    const startedAt = this.#now()
    let payload: unknown
    const run = (): void => {
      payload = this.#format.encode(commit)
    }
    let isEnded = false
    try {
      isEnded = !this.#limit.run(run)
    } finally {
      this.#account(commit, this.#now() - startedAt, payload)
    }
    if (isEnded) throw (this.#suspended = this.#error(commit, `took more than ${this.#limits.encodeMs} ms, and was ended`))
    return payload
  }

  #account(commit: Commit, tookMs: Milliseconds, payload: unknown): void {
    const { commitMs, mebibyteMs, overdraftMs } = this.#limits
    const mebibytes = payload instanceof Uint8Array ? payload.byteLength / MEBIBYTE : 0
    this.#overdraftMs = Math.max(0, this.#overdraftMs + tookMs - commitMs - mebibytes * mebibyteMs)
    if (this.#overdraftMs <= overdraftMs) return
    const allowed = `${commitMs} ms for a commit and ${mebibyteMs} ms for a MiB`
    this.#suspended = this.#error(commit, `is ${Math.round(this.#overdraftMs)} ms behind ${allowed}`)
  }

  #error({ position }: Commit, what: string): StemmaError {
    const { name } = this.#format
    const message = `the format ${name} ${what} at ${showPosition(position)}; it is left out until this leader is opened again`
    return new StemmaError('FORMAT_SUSPENDED', message, { format: name, position })
  }
}

/** What a commit knows is found out when it is asked for, and remembered: not at the format's cost, and not where it may be cut off in the middle. */
function lookAt(commit: Commit, { view }: LogFormat): void {
  try {
    commit[view]()
  } catch {
    // The format meets the same error, and may know what to do.
  }
}
