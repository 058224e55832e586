import type { Milliseconds } from '@stemma/base'
import type { Engine } from './engine.ts'
import type { ErrorOutput } from './failure.ts'
import type { Terminal } from './screen.ts'
import type { SignalSource } from './stop.ts'

/** The world as a command sees it. `main.ts` gives it the process; a test gives it what it likes. */
export interface Context {
  readonly engine: Engine
  readonly output: Terminal
  /** Writes to the same place as `output`, and resolves when its reader has taken it; rejects with EPIPE when the reader is gone. */
  writeOut(what: string | Uint8Array): Promise<void>
  readonly errors: ErrorOutput
  readonly signals: SignalSource
  readonly env: Readonly<Record<string, string | undefined>>
  /** Milliseconds since some fixed moment. */
  now(): Milliseconds
  /** Calls again and again, at about this distance, until the function that it gives back is called. */
  every(delayMs: number, call: () => void): () => void
}
