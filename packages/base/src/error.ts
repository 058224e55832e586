/** What the caller can do about a failure. */
export type Recovery =
  | 'retry' // the same call may work later
  | 'resync' // start again from a snapshot
  | 'fix-input' // the caller passed something wrong
  | 'stop' // state can't be trusted; a person must look

export interface ErrorEntry {
  readonly recovery: Recovery
  /** What to do next, for someone who has never read this code. */
  readonly hint: string
}

/**
 * Every failure a caller may want to tell from another.
 *
 * A code keeps its meaning for as long as the package keeps its major version.
 * Messages and hints are for people and may change in any release.
 */
export type ErrorCode =
  | 'BAD_ARGUMENT'
  | 'DAMAGED_FILE'
  | 'DAMAGED_ENTRY'
  | 'ENVELOPE_VERSION'

/** What each code means for the caller. */
export const ERRORS: Readonly<Record<ErrorCode, ErrorEntry>> = {
  BAD_ARGUMENT: {
    recovery: 'fix-input',
    hint: 'Correct the argument that the message names. `stemma help <command>` lists what each command takes.',
  },
  DAMAGED_FILE: {
    recovery: 'stop',
    hint: 'Run `PRAGMA integrity_check` on the database with the sqlite3 program. A damaged replica can be deleted and followed anew.',
  },
  DAMAGED_ENTRY: {
    recovery: 'resync',
    hint: 'These bytes are not what the leader wrote. The follower fetches them again; if it happens repeatedly, check disk, memory and network.',
  },
  ENVELOPE_VERSION: {
    recovery: 'stop',
    hint: 'A newer Stemma wrote this log. Upgrade this end.',
  },
}

/** A failure with a code. Anything else that is thrown is a bug or a host error. */
export class StemmaError extends Error {
  override readonly name = 'StemmaError'
  readonly code: ErrorCode
  /** The values that explain this failure, ready for a structured log. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, details: Record<string, unknown> = {}, cause?: unknown) {
    super(`${code}: ${message}`, cause === undefined ? undefined : { cause })
    this.code = code
    this.details = details
  }

  get recovery(): Recovery {
    return ERRORS[this.code].recovery
  }

  get hint(): string {
    return ERRORS[this.code].hint
  }

  /** True for an error of this class, even one made by another copy of this package. */
  static is(value: unknown, code?: ErrorCode): value is StemmaError {
    if (!(value instanceof Error) || value.name !== 'StemmaError') return false
    return code === undefined || (value as StemmaError).code === code
  }
}
