import type { Place } from '../wal-place.ts'
import type { SourceBatch } from './source.ts'
import type { WalTail } from './wal-tail.ts'

/** Hands what was read to whoever keeps it, and remembers what could not be kept yet. */
export class Batches {
  readonly #tail: WalTail
  readonly #onBatch: (batch: SourceBatch) => void
  #unkept: SourceBatch | undefined
  /** What was kept last. */
  place: Place | undefined

  constructor(tail: WalTail, place: Place | undefined, onBatch: (batch: SourceBatch) => void) {
    this.#tail = tail
    this.place = place
    this.#onBatch = onBatch
  }

  get isWaiting(): boolean {
    return this.#unkept !== undefined
  }

  /**
   * Has the commits since the last time kept.
   *
   * @param always - also when there was none: the place in the WAL is another
   * @throws what the caller throws; the same batch comes again then
   */
  keep(always = false): void {
    if (this.#unkept === undefined) {
      const changedSums = this.#tail.takeChangedSums()
      const place = this.#tail.place
      if (!always && place.position.sequence === this.place?.position.sequence) return
      this.#unkept = { place, changedSums }
    }
    this.#onBatch(this.#unkept)
    this.place = this.#unkept.place
    this.#unkept = undefined
  }
}
