import type { Milliseconds, Position } from '@stemma/base'
import type { EntryRun } from '@stemma/storage'
import { joinRuns } from './buffered-log.ts'

/** What is gathered for followers at most while a sync is under way, in bytes; what is more they read from the log. */
const GATHERED_BYTES_MAX = 4 * 1024 * 1024

/**
 * A sync that served so many commits, or so many bytes of them, is followed by a pause, in milliseconds: where commits come thick and fast,
 * syncs and small messages would cost more than all else.
 */
const BUSY_COMMITS = 64
const BUSY_BYTES = 128 * 1024
const PAUSE_MS: Milliseconds = 4

interface ShipperParts {
  /** Followers may get commits before they would outlive a power cut of the leader. */
  readonly immediate: boolean
  /** Resolves when everything committed before the call is on its medium. */
  sync(): Promise<void>
  /** Commits up to a position may be shipped; the runs end there. */
  ship(tip: Position, runs: readonly EntryRun[]): void
  failed(error: unknown): void
}

/** Decides when commits may be shipped: at once, or when the WAL that holds them is synced. One sync serves all that came before it. */
export class Shipper {
  readonly #parts: ShipperParts
  #tip: Position
  #shipped: Position
  #gathered: EntryRun[] = []
  #gatheredBytes = 0
  #syncing: Promise<void> | undefined
  #waiting: { readonly sequence: number; resolve(): void }[] = []

  /** @param tip - what may be shipped already */
  constructor(parts: ShipperParts, tip: Position) {
    this.#parts = parts
    this.#tip = tip
    this.#shipped = tip
  }

  /** Takes the entries of a batch; there may be none. */
  add(tip: Position, runs: readonly EntryRun[]): void {
    if (tip.sequence === this.#tip.sequence) return
    this.#tip = tip
    if (this.#parts.immediate) return this.#ship(tip, runs)
    this.#gathered.push(...runs)
    for (const run of runs) this.#gatheredBytes += run.bytes.byteLength
    if (this.#gatheredBytes > GATHERED_BYTES_MAX) {
      this.#gathered = []
      this.#gatheredBytes = 0
    }
    this.retry()
  }

  /** Syncs what is not synced yet, unless that is under way: for now and then, after a sync that failed. */
  retry(): void {
    if (this.#shipped.sequence === this.#tip.sequence) return
    this.#syncing ??= this.#syncAll().finally(() => (this.#syncing = undefined))
  }

  /** Resolves when a position may be shipped. */
  whenShipped(sequence: number): Promise<void> {
    if (this.#shipped.sequence >= sequence) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ sequence, resolve }))
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    await this.#syncing
  }

  async #syncAll(): Promise<void> {
    while (this.#shipped.sequence < this.#tip.sequence) {
      const [tip, shipped] = [this.#tip, this.#shipped]
      const gathered = this.#gathered
      const gatheredBytes = this.#gatheredBytes
      this.#gathered = []
      this.#gatheredBytes = 0
      try {
        await this.#parts.sync()
      } catch (error) {
        this.#parts.failed(error)
        return
      }
      const runs = [...Map.groupBy(gathered, (run) => run.format).values()].map(joinRuns)
      this.#ship(
        tip,
        runs.filter((run) => run.last === tip.sequence),
      )
      const isBusy = tip.sequence - shipped.sequence >= BUSY_COMMITS || gatheredBytes >= BUSY_BYTES
      if (isBusy) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  }

  #ship(tip: Position, runs: readonly EntryRun[]): void {
    this.#shipped = tip
    this.#parts.ship(tip, runs)
    const ready = this.#waiting.filter(({ sequence }) => sequence <= tip.sequence)
    this.#waiting = this.#waiting.filter(({ sequence }) => sequence > tip.sequence)
    for (const { resolve } of ready) resolve()
  }
}
