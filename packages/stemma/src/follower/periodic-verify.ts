import { StemmaError, type Milliseconds } from '@stemma/base'
import type { VerifyResult } from '../verify/verify-result.ts'
import { verifyCopy, type VerifyOptions } from '../verify/verify-copy.ts'
import { asStemmaError } from '../unexpected.ts'

interface PeriodicVerifyParts extends Pick<VerifyOptions, 'leader' | 'database' | 'token' | 'tls'> {
  readonly everyMs: Milliseconds
  told(result: VerifyResult): void
  failed(error: StemmaError): void
}

/** Compares a copy with its leader again and again, over a link of its own. The next comparison waits until the last has ended. */
export class PeriodicVerify {
  readonly #parts: PeriodicVerifyParts
  readonly #stop = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(parts: PeriodicVerifyParts) {
    this.#parts = parts
    this.#wait()
  }

  /** Resolves when a comparison that is under way has ended. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#stop.abort(new StemmaError('CLOSED', 'this follower was closed'))
    await this.#running
  }

  #wait(): void {
    this.#timer = setTimeout(() => {
      this.#running = this.#verify()
    }, this.#parts.everyMs)
  }

  async #verify(): Promise<void> {
    const { told, failed, everyMs: _, ...options } = this.#parts
    const { signal } = this.#stop
    try {
      told(await verifyCopy({ ...options, signal }))
    } catch (error) {
      if (!signal.aborted) failed(asStemmaError(error))
    }
    if (!signal.aborted) this.#wait()
  }
}
