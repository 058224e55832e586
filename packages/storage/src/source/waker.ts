import { watch, type FSWatcher } from 'node:fs'
import type { Milliseconds } from '@stemma/base'
import type { CommitGate } from './commit-gate.ts'

/**
 * Decides when to look at the WAL again.
 *
 * While commits come thick and fast it looks every millisecond and nobody need wake it. Otherwise it sleeps: a writer of this
 * process wakes it through the gate, any other by writing to the `-wal` file, which is watched; a slow poll stands behind both.
 */
export class Waker {
  readonly #path: string
  readonly #gate: CommitGate | undefined
  readonly #run: () => void
  readonly #isNew: () => boolean
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined
  #watcher: FSWatcher | undefined
  #sleepsAtGate = false
  /** Looks that are left after a file event: the wal-index changes just after the last write to the `-wal`. */
  #tries = 0
  #foundAt: Milliseconds = 0
  #stopped = false

  /**
   * @param options.run - what is to be done when somebody wakes; it calls one of `soon`, `after`, `busy` and `sleep` in the end
   * @param options.isNew - true when there is something to be read
   */
  constructor(options: { walPath: string; gate: CommitGate | undefined; run: () => void; isNew: () => boolean }) {
    this.#path = options.walPath
    this.#gate = options.gate
    this.#run = options.run
    this.#isNew = options.isNew
  }

  /** Looks as soon as the event loop has been round. */
  soon(): void {
    if (this.#stopped || this.#immediate !== undefined) return
    this.#immediate = setImmediate(() => {
      this.#immediate = undefined
      this.#wake()
    })
  }

  /** Looks after a while, and not sooner unless it is woken. */
  after(delay: Milliseconds): void {
    if (this.#stopped) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#wake(), delay)
  }

  /** What a file event told of has been read. */
  found(): void {
    this.#tries = 0
    this.#foundAt = performance.now()
  }

  /** Commits come thick and fast: file events would only cost. */
  busy(): void {
    this.#unwatch()
    this.after(BUSY_DELAY)
  }

  /** Nothing is left to be read. Sleeps until somebody writes. */
  sleep(): void {
    if (this.#stopped) return
    if (this.#tries > 0) {
      this.#tries--
      this.soon()
      return
    }
    this.#watch()
    this.after(POLL_DELAY)
    if (this.#gate !== undefined && !this.#sleepsAtGate) {
      this.#sleepsAtGate = true
      this.#gate.sleep(this.#gate.beforeSleep(), () => {
        this.#sleepsAtGate = false
        this.#wake()
      })
    }
    // What was written before anybody could know that we sleep would be missed without this.
    if (this.#isNew()) this.soon()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
    this.#unwatch()
    if (this.#sleepsAtGate) this.#gate?.wake()
  }

  #wake(): void {
    if (!this.#stopped) this.#run()
  }

  #watch(): void {
    if (this.#watcher !== undefined) return
    try {
      this.#watcher = watch(this.#path, { persistent: false }, () => this.#onFileEvent())
      this.#watcher.on('error', () => this.#unwatch())
    } catch {
      // No watch, or no file: the slow poll sees to it.
    }
  }

  #onFileEvent(): void {
    // Each commit makes several events, and the last of them comes when it has been read.
    if (performance.now() - this.#foundAt < ECHO) return this.after(BUSY_DELAY)
    this.#tries = TRIES
    this.soon()
  }

  #unwatch(): void {
    this.#watcher?.close()
    this.#watcher = undefined
  }
}

const BUSY_DELAY: Milliseconds = 1
const POLL_DELAY: Milliseconds = 1000
const TRIES = 20
/** A file event that comes so soon after a commit was read is most likely that commit's. */
const ECHO: Milliseconds = 0.3
