import type { Script } from './generate/script.ts'

/** What is wrong, and after which step. */
export interface Failure {
  /** A few words that stay the same while the script gets smaller: which check failed. */
  readonly kind: string
  readonly message: string
  /** The index of the statement after which it was found. */
  readonly step: number
}

/** Runs a script, and looks whether all is well. */
export type Judge = (script: Script) => Promise<Failure | undefined>

/** Something is not as SQLite has it. */
export class Differs extends Error {
  readonly kind: string

  constructor(kind: string, message: string) {
    super(message)
    this.kind = kind
  }
}

/** What was thrown, as a failure. */
export function failureOf(error: unknown, step: number): Failure {
  if (error instanceof Differs) return { kind: error.kind, message: error.message, step }
  if (!(error instanceof Error)) return { kind: 'thrown', message: String(error), step }
  const code = 'code' in error ? String(error.code) : error.name
  return { kind: code, message: error.stack ?? error.message, step }
}
