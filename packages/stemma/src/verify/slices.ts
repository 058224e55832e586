import { setImmediate as nextTurn } from 'node:timers/promises'

/** Work goes on for this long, then others have their turn; milliseconds. */
const SLICE_MS = 2

/** Looks at the clock once in so many items. */
const ITEMS = 32

/** Walks many items a slice of time at a time, so that whatever else this thread does never waits long. */
export class Slices {
  readonly #pause: () => Promise<void>
  #began = performance.now()
  #items = 0

  /** @param pause - what to wait for between slices; the next turn by default */
  constructor(pause: () => Promise<void> = () => nextTurn()) {
    this.#pause = pause
  }

  async walk<T>(items: Iterable<T>, take: (item: T) => void): Promise<void> {
    await this.#rest()
    for (const item of items) {
      take(item)
      if (++this.#items % ITEMS === 0 && performance.now() - this.#began > SLICE_MS) await this.#rest()
    }
  }

  async #rest(): Promise<void> {
    await this.#pause()
    this.#began = performance.now()
  }
}
