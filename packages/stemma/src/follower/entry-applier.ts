import type { Milliseconds, Position, StemmaError } from '@stemma/base'
import type { DecodedEntry } from '@stemma/log'
import type { FollowerInput } from '@stemma/protocol'
import type { Replica } from '@stemma/storage'
import { decodeRun } from '../decode-run.ts'
import type { FormatWork } from '../status.ts'
import { asStemmaError } from '../unexpected.ts'

/** Errors after which only a snapshot by difference helps. */
const RESYNC = new Set(['REPLICA_DIFFERS', 'REPLICA_WRITTEN', 'SNAPSHOT_NEEDED', 'HISTORY_DIVERGED'])

/** Between two syncs, so that under load each serves several commits, and the disk has time for others. */
const SYNC_PAUSE_MS: Milliseconds = 2

/** Where small entries may be much work, about so much of it is done at a time: acks and checkpoints come in between. */
const SLICE_MS: Milliseconds = 200
const SLICE_ENTRIES_MIN = 1
const SLICE_ENTRIES_MAX = 10_000
const SLICE_ENTRIES_FIRST = 256

/** Applies entries as they come: those that wait are applied together. Says what became of them, and when they are durable. */
export class EntryApplier {
  readonly #replica: Replica
  readonly #step: (input: FollowerInput) => void
  readonly #warn: (error: unknown) => void
  readonly #merge: boolean
  readonly #slices: boolean
  #waiting: Uint8Array[] = []
  /** What was decoded and waits for the next slice. */
  #rest: readonly DecodedEntry[] = []
  #sliceEntries = SLICE_ENTRIES_FIRST
  #isScheduled = false
  #durable: Position | undefined
  #syncing: Promise<void> | undefined
  #isClosed = false
  /** When the entry applied last was committed, by the leader's clock. */
  committedAt: Milliseconds = 0

  #entries = 0
  #bytes = 0
  #tookMs = 0
  #delayMs: Milliseconds | undefined

  /**
   * @param parts.merge - the replica puts entries that come together into one transaction: the more the better
   * @param parts.slices - a small entry may be much work
   */
  constructor(parts: {
    replica: Replica
    merge: boolean
    slices: boolean
    step: (input: FollowerInput) => void
    warn: (error: unknown) => void
  }) {
    this.#merge = parts.merge
    this.#slices = parts.slices
    this.#replica = parts.replica
    this.#step = parts.step
    this.#warn = parts.warn
  }

  /** What was done so far. */
  get work(): Omit<FormatWork, 'format'> {
    const [entries, bytes, tookMs, delayMs] = [this.#entries, this.#bytes, this.#tookMs, this.#delayMs]
    return { entries, bytes, tookMs, barriers: 0, ...(delayMs === undefined ? {} : { delayMs }) }
  }

  /** Takes whole entries, one after another. They are copied. */
  add(bytes: Uint8Array): void {
    this.#waiting.push(bytes.slice())
    this.#schedule()
  }

  /** Drops what waits: the protocol has thrown it away. */
  drop(): void {
    this.#waiting = []
    this.#rest = []
  }

  /** Resolves when no sync is under way: before the copy becomes another. */
  async idle(): Promise<void> {
    this.drop()
    await this.#syncing
    this.#durable = undefined
  }

  /** Resolves when nothing is under way any more; what waits is dropped. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.idle()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    // What else has arrived by then comes along.
    setImmediate(() => this.#applyWaiting())
  }

  #applyWaiting(): void {
    this.#isScheduled = false
    if (this.#isClosed || (this.#waiting.length === 0 && this.#rest.length === 0)) return
    const room = this.#replica.room()
    if (room !== undefined) {
      this.#isScheduled = true
      return void room.then(() => this.#applyWaiting())
    }
    // Each entry that is not merged takes frames of its own: a little at a time, so that the WAL can be kept short in between.
    const runs = this.#waiting.splice(0, this.#rest.length > 0 ? 0 : this.#merge ? Infinity : 1)
    const before = positionOf(this.#replica)
    const startedAt = performance.now()
    let failure: StemmaError | undefined
    let entries: DecodedEntry[] = []
    try {
      entries = this.#takeSlice(runs.flatMap(decodeRun))
      if (this.#waiting.length > 0 || this.#rest.length > 0) this.#schedule()
      this.#replica.apply(entries)
    } catch (error) {
      failure = asStemmaError(error)
      this.drop()
    }
    const tookMs = performance.now() - startedAt
    this.#adapt(entries.length, tookMs)
    this.#count(before, entries, tookMs)
    this.#tellApplied(before, entries)
    if (failure === undefined) return
    const isBarrier = failure.code === 'SNAPSHOT_NEEDED'
    if (RESYNC.has(failure.code)) this.#step({ kind: 'needs-resync', why: isBarrier ? 'barrier' : 'differs', error: failure })
    else this.#step({ kind: 'failed', error: failure })
  }

  #takeSlice(decoded: readonly DecodedEntry[]): DecodedEntry[] {
    const entries = [...this.#rest, ...decoded]
    if (!this.#slices) return entries
    this.#rest = entries.slice(this.#sliceEntries)
    return entries.slice(0, this.#sliceEntries)
  }

  #adapt(count: number, tookMs: Milliseconds): void {
    if (tookMs > SLICE_MS) this.#sliceEntries = Math.max(SLICE_ENTRIES_MIN, Math.floor((count * SLICE_MS) / tookMs))
    else if (count === this.#sliceEntries) this.#sliceEntries = Math.min(SLICE_ENTRIES_MAX, 2 * this.#sliceEntries)
  }

  #count(before: Position | undefined, entries: readonly DecodedEntry[], tookMs: Milliseconds): void {
    this.#tookMs += tookMs
    const [from, to] = [before?.sequence ?? 0, positionOf(this.#replica)?.sequence ?? 0]
    for (const { position, byteLength, committedAt } of entries) {
      // Those that the copy had already, and those behind a failure, are not applied.
      if (position.sequence <= from || position.sequence > to) continue
      this.#entries++
      this.#bytes += byteLength
      if (position.sequence === to) this.#delayMs = Math.max(0, Date.now() - committedAt)
    }
  }

  #tellApplied(before: Position | undefined, entries: readonly DecodedEntry[]): void {
    const { state } = this.#replica
    if (state.kind !== 'ready') return
    const { position, digest } = state
    const last = entries.findLast((entry) => entry.position.sequence === position.sequence)
    if (last !== undefined) this.committedAt = last.committedAt
    // Entries that the copy had already are answered as well.
    if (position.sequence === before?.sequence && last === undefined) return
    this.#step({ kind: 'applied', position, digest, committedAt: this.committedAt })
    this.#syncing ??= this.#syncAll().finally(() => (this.#syncing = undefined))
  }

  async #syncAll(): Promise<void> {
    for (;;) {
      const position = positionOf(this.#replica)
      if (this.#isClosed || position === undefined || position.sequence === this.#durable?.sequence) return
      try {
        this.#durable = await this.#replica.sync()
      } catch (error) {
        // The next entries, or the end, bring another try. Nobody was told that these are durable.
        if (!this.#isClosed) this.#warn(error)
        return
      }
      if (!this.#isClosed) this.#step({ kind: 'durable', position: this.#durable })
      await new Promise((resolve) => setTimeout(resolve, SYNC_PAUSE_MS))
    }
  }
}

function positionOf(replica: Replica): Position | undefined {
  return replica.state.kind === 'ready' ? replica.state.position : undefined
}
