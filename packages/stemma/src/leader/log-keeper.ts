import { StemmaError, type Milliseconds } from '@stemma/base'
import type { LogBatch, PageSums, Retention } from '@stemma/storage'
import type { BufferedLog } from './buffered-log.ts'

/** A batch waits this long for others at most, in milliseconds. */
const FLUSH_MS: Milliseconds = 20

const RETAIN_MS: Milliseconds = 5_000

/** A log that could not be written for so long, in milliseconds, or while so many bytes came, is given up: the WAL and memory must not grow for ever. */
const FAILING_MS_MAX: Milliseconds = 30_000
const FAILING_BYTES_MAX = 64 * 1024 * 1024

interface LogKeeperParts {
  readonly log: BufferedLog
  readonly retention: Retention
  readonly now: () => Milliseconds
  /** The sums at the place of the newest batch. */
  sums(): PageSums
  /** The lowest sequence after which a follower may still need entries. */
  neededAfter(): number | undefined
  warn(error: unknown): void
}

/** Writes batches to the log in good time, and keeps the log and the disk from filling up. */
export class LogKeeper {
  readonly #parts: LogKeeperParts
  #newest: LogBatch | undefined
  #timer: NodeJS.Timeout | undefined
  #retainAt: Milliseconds = 0
  /** Since when it can't be written; undefined while it can. */
  #failingSince: Milliseconds | undefined

  constructor(parts: LogKeeperParts) {
    this.#parts = parts
  }

  add(batch: LogBatch): void {
    this.#parts.log.write(batch)
    this.#newest = batch
    if (this.#parts.log.isFull) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS)
  }

  /**
   * Writes what waits. A disk that is full costs old entries first, then all of them: followers that needed them take a snapshot,
   * and the leader goes on. So does a log that can't be written for other reasons for long.
   */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#parts.log.isLost) return this.#startOver()
    try {
      this.#parts.log.flush()
      this.#failingSince = undefined
    } catch (error) {
      if (!StemmaError.is(error, 'LOG_FULL')) return this.#tryLater(error)
      this.#parts.warn(error)
      this.#makeRoom()
    }
  }

  /** Drops what need not be kept any more. To be called now and then. */
  tick(): void {
    const { log, retention, now, neededAfter } = this.#parts
    if (now() < this.#retainAt) return
    try {
      // A part at a time, so that nobody waits long.
      const isMore = log.retain(retention, neededAfter(), now())
      this.#retainAt = isMore ? 0 : now() + RETAIN_MS
    } catch (error) {
      this.#retainAt = now() + RETAIN_MS
      this.#parts.warn(error)
    }
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  #makeRoom(): void {
    const { log, retention, now } = this.#parts
    try {
      // What waits is not in the log's size yet: asking for that would write it.
      while (log.retain({ ...retention, maxBytes: Math.floor(retention.maxBytes / 2) }, undefined, now()));
      log.flush()
      return
    } catch {
      // Not even that: all of it goes.
      this.#startOver()
    }
  }

  #startOver(): void {
    const { log } = this.#parts
    const place = this.#newest?.place
    if (place === undefined) return
    try {
      log.startOver(place, this.#parts.sums())
      this.#failingSince = undefined
    } catch (error) {
      this.#tryLater(error)
    }
  }

  /** Nothing is lost while it waits: the WAL keeps what the log doesn't have. So it must not wait for ever. */
  #tryLater(error: unknown): void {
    const { log, now, warn } = this.#parts
    warn(error)
    this.#failingSince ??= now()
    const failingMs = now() - this.#failingSince
    if (!log.isLost && (failingMs >= FAILING_MS_MAX || log.pendingBytes >= FAILING_BYTES_MAX)) {
      const why = `the log could not be written for ${Math.ceil(failingMs / 1000)} s and is given up; followers that need its entries take a snapshot`
      warn(new StemmaError('LOG_FAILED', why, { failingMs, pendingBytes: log.pendingBytes }, error))
      log.giveUp()
    }
    this.#timer ??= setTimeout(() => this.flush(), 50 * FLUSH_MS)
  }
}
