import { StemmaError, type Milliseconds } from '@stemma/base'
import { isBusy } from '../sqlite/driver.ts'
import type { SourceEvent } from './source.ts'

/** What failed is tried again after this long. */
export const TROUBLE_DELAY: Milliseconds = 100

/** Tells of what goes wrong once, until it is over. That somebody holds a lock is no trouble: it passes. */
export class Troubles {
  readonly #onEvent: ((event: SourceEvent) => void) | undefined
  #isTold = false

  constructor(onEvent: ((event: SourceEvent) => void) | undefined) {
    this.#onEvent = onEvent
  }

  tell(error: unknown): void {
    if (this.#isTold || isBusy(error) || StemmaError.is(error, 'DATABASE_BUSY')) return
    this.#isTold = true
    this.#onEvent?.({ kind: 'trouble', error })
  }

  over(): void {
    if (!this.#isTold) return
    this.#isTold = false
    this.#onEvent?.({ kind: 'trouble-over' })
  }
}
