import { decodeEntryHead, type DecodedEntry } from '@stemma/log'
import type { EntryRun, LogBatch, LogRead, LogSize, LogStore, PageSums, Place, Retention } from '@stemma/storage'

/** What waits to be written to the log at most, in bytes. */
const PENDING_BYTES_MAX = 1024 * 1024

/**
 * A log whose batches wait a little: those that come one after another are written in one transaction.
 *
 * What waits is lost when the process dies. The WAL still has it then, since `sync` comes before any checkpoint. What is shipped `synced` is
 * flushed before; what is shipped `immediate` some milliseconds after, so that a follower may hold what the log lost. It goes on where the WAL still
 * has it, and else mends when that shows.
 */
export class BufferedLog implements LogStore {
  readonly #store: LogStore
  #pending: LogBatch[] = []
  #bytes = 0
  #isLost = false

  constructor(store: LogStore) {
    this.#store = store
  }

  get cluster(): string {
    return this.#store.cluster
  }

  get node(): string {
    return this.#store.node
  }

  get epoch(): number {
    return this.#store.epoch
  }

  get url(): string {
    return this.#store.url
  }

  announce(url: string): void {
    this.#store.announce(url)
  }

  /** True when `flush` has something to do. */
  get hasPending(): boolean {
    return this.#pending.length > 0
  }

  /**
   * True when the log was thrown away, on a full disk or since it could not be written for long, and could not begin anew yet: it has no entries, and
   * `startOver` is to be called again. What is committed meanwhile is kept by nobody, so nothing waits for it.
   */
  get isLost(): boolean {
    return this.#isLost
  }

  /** Bytes that wait to be written, about. */
  get pendingBytes(): number {
    return this.#bytes
  }

  /**
   * Takes the log for thrown away, though the disk may still have some of it: it can't be written. What waits is dropped. From now on it is as with a
   * log that could not begin anew on a full disk: `isLost`.
   */
  giveUp(): void {
    this.#forget()
    this.#isLost = true
  }

  /** True when so much waits that it is time for `flush`. */
  get isFull(): boolean {
    return this.#bytes >= PENDING_BYTES_MAX
  }

  /** Takes a batch. It is written by the next `flush`, and by everything that asks the log. */
  write(batch: LogBatch): void {
    // It will begin anew at a later place.
    if (this.#isLost) return
    this.#pending.push(batch)
    this.#bytes += batch.changedSums.size * 16
    for (const run of batch.runs) this.#bytes += run.bytes.byteLength
  }

  /** Writes what waits, in one transaction. After an error all of it still waits. */
  flush(): void {
    if (this.#pending.length === 0 || this.#isLost) return
    this.#store.write(mergeBatches(this.#pending))
    this.#forget()
  }

  sync(): void {
    if (this.#isLost) return
    this.flush()
    this.#store.sync()
  }

  async syncInBackground(): Promise<void> {
    if (this.#isLost) return
    this.flush()
    await this.#store.syncInBackground()
  }

  makeBy(format: string, sqlite: string): void {
    this.flush()
    this.#store.makeBy(format, sqlite)
  }

  readPlace(): Place | undefined {
    this.flush()
    return this.#store.readPlace()
  }

  readSums(): PageSums {
    this.flush()
    return this.#store.readSums()
  }

  read(request: { readonly format: string; readonly after: number; readonly maxBytes: number }): LogRead {
    this.#tryFlush()
    return this.#isLost ? { kind: 'end' } : this.#store.read(request)
  }

  /** The same, and nothing beyond `upTo`. */
  readUpTo(upTo: number, request: { readonly format: string; readonly after: number; readonly maxBytes: number }): LogRead {
    const read = this.read(request)
    if (read.kind !== 'run' || read.run.last <= upTo) return read
    return read.run.first > upTo ? { kind: 'end' } : { kind: 'run', run: cutRun(read.run, upTo) }
  }

  entryAt(format: string, sequence: number): DecodedEntry | undefined {
    this.#tryFlush()
    return this.#isLost ? undefined : this.#store.entryAt(format, sequence)
  }

  rewind(place: Place, sums: PageSums): void {
    this.#forget()
    this.#store.rewind(place, sums)
  }

  begin(place: Place, sums: PageSums): void {
    this.flush()
    this.#store.begin(place, sums)
  }

  retain(limits: Retention, neededAfter: number | undefined, now: number): boolean {
    if (this.#isLost) return false
    return this.#store.retain(limits, neededAfter, now)
  }

  startOver(place: Place, sums: PageSums): void {
    this.#forget()
    this.#isLost = true
    this.#store.startOver(place, sums)
    this.#isLost = false
  }

  size(): LogSize {
    this.#tryFlush()
    return this.#isLost ? { bytes: 0, fileBytes: 0, formats: [] } : this.#store.size()
  }

  close(): void {
    try {
      this.flush()
    } finally {
      this.#store.close()
    }
  }

  /** Who asks what is in the log gets an answer also while nothing can be added to it. */
  #tryFlush(): void {
    try {
      this.flush()
    } catch {
      // Whoever keeps the log flushes it too, and deals with this.
    }
  }

  #forget(): void {
    this.#pending = []
    this.#bytes = 0
  }
}

function cutRun(run: EntryRun, last: number): EntryRun {
  let end = 0
  for (let sequence = run.first; sequence <= last; sequence++) end += decodeEntryHead(run.bytes, end)!.byteLength
  return { format: run.format, first: run.first, last, bytes: run.bytes.subarray(0, end) }
}

/** Batches that follow on from each other, as one. */
function mergeBatches(batches: readonly LogBatch[]): LogBatch {
  const last = batches.at(-1)!
  if (batches.length === 1) return last
  const changedSums = new Map<number, bigint>()
  for (const batch of batches) for (const [pageNumber, sum] of batch.changedSums) changedSums.set(pageNumber, sum)
  const byFormat = Map.groupBy(
    batches.flatMap((batch) => batch.runs),
    (run) => run.format,
  )
  return { runs: Array.from(byFormat.values(), joinRuns), place: last.place, changedSums }
}

/** Runs of one format that follow on from each other, as one. */
export function joinRuns(runs: readonly EntryRun[]): EntryRun {
  const first = runs[0]!
  if (runs.length === 1) return first
  return { format: first.format, first: first.first, last: runs.at(-1)!.last, bytes: Buffer.concat(runs.map((run) => run.bytes)) }
}
