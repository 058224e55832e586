import { StemmaError } from '@stemma/base'
import type { Place } from '../wal-place.ts'
import { Batches } from './batches.ts'
import { keepTailRemains } from './recovery.ts'
import { watchForRestart } from './restart-watch.ts'
import type { SourceParts } from './source-parts.ts'
import type { WalTail } from './wal-tail.ts'

/** What the live tail needs of the source. */
export interface TailedSource {
  /** Begins to compare the database with its log. The tail does nothing more until that is over. */
  mend(): void
  readonly isMending: boolean
  /** The WAL, which had so many frames, has begun anew. */
  restarted(frames: number): void
  /** The pin has been taken anew at this frame. */
  pinned(frame: number): void
  /** Something was read: writers may write more. */
  allowWrites(): void
}

/** Reads a WAL that others write and begin anew, so that nothing of it is missed: see `Pins`. */
export class LiveTail {
  readonly #parts: SourceParts
  readonly #source: TailedSource
  readonly #tail: WalTail
  readonly #batches: Batches
  /**
   * True when every frame up to the pin has been read or copied, so that no frame can be overwritten before it is. False in a
   * window, and after one until that is so again.
   */
  #tight = false
  #windowOpen = false
  #unclear = 0
  /**
   * True when some of what was given on may not be in the WAL any more, but only in the database: after a power cut nothing but the log
   * can tell it commit by commit.
   */
  isLogNeeded = false
  restarts = 0

  constructor(parts: SourceParts, tail: WalTail, source: TailedSource) {
    this.#parts = parts
    this.#source = source
    this.#tail = tail
    this.#batches = new Batches(tail, parts.place, (batch) => parts.options.onBatch(batch))
  }

  /** What was kept last. */
  get place(): Place | undefined {
    return this.#batches.place
  }

  get windowOpen(): boolean {
    return this.#windowOpen
  }

  /** True when the files hold no page that is newer than the tail. */
  get isExact(): boolean {
    return this.#tight && !this.#tail.isBehind
  }

  /** True when the pin may be let go of: all that was read is kept. */
  get mayOpenWindow(): boolean {
    return !this.#batches.isWaiting
  }

  /** One look at the WAL, and what follows from it. */
  look(): 'idle' | 'read' | 'more' {
    if (this.#windowOpen) this.#keepInWindow()
    if (this.#tail.isBehind) this.isLogNeeded = true
    if (this.#batches.isWaiting) this.#batches.keep()
    const found = this.#tail.look(this.#tight)
    if (found !== 'unclear') this.#unclear = 0
    switch (found) {
      case 'idle':
      case 'read':
        if (!this.#windowOpen) this.#tight = true
        if (found === 'read') this.#batches.keep()
        return found
      case 'more':
        this.#batches.keep()
        return found
      case 'restarted':
        this.#goOnAfterRestart()
        return 'more'
      case 'unclear':
        this.#clear()
        return 'more'
      case 'lost':
        this.#source.mend()
        return 'idle'
    }
  }

  /** Moves the pin to the end of the WAL. */
  movePin(): void {
    this.#parts.pins.move(() => this.#catchUp())
  }

  /** The same under the write lock. */
  renewPin(): void {
    this.readAll()
    this.#parts.pins.renew()
  }

  /** Lets go of the pin, and watches the WAL for a few milliseconds. */
  openWindow(): void {
    this.#tight = false
    this.#windowOpen = true
    this.#parts.pins.release()
    const seen = watchForRestart(this.#parts.index, this.#tail)
    if (seen === 'restarted') this.#goOnAfterRestart()
    else if (seen === 'copied') this.closeWindow()
  }

  closeWindow(): void {
    this.#pinAnew()
    this.#windowOpen = false
    this.#source.pinned(this.#tail.frame)
    this.#catchUp()
  }

  /** Reads everything that is there now. What is written meanwhile may be left: a fast writer would never let it end. */
  readAll(): void {
    const end = this.#parts.index.read()
    while (this.look() === 'more' && !this.#source.isMending && !this.#tail.hasRead(end)) this.#source.allowWrites()
    this.#checkMending()
  }

  /** Takes the pin anew, before it is found out how to go on. */
  beginRecovery(): void {
    this.#windowOpen = false
    this.#tight = false
    this.#pinAnew()
  }

  /**
   * It was found out how to go on.
   *
   * @param isTight - everything up to the pin has been read
   * @param isKept - the log has the place already
   */
  endRecovery({ isTight, isKept }: { isTight: boolean; isKept: boolean }): void {
    this.#tight = isTight
    this.#source.pinned(this.#tail.frame)
    if (isKept) this.#batches.place = this.#tail.place
    else this.#batches.keep(true)
  }

  /** Reads all that was copied, however long it takes. It is as good as ever, whatever happened to the WAL since. */
  async readBacklog(signal: AbortSignal): Promise<void> {
    while (this.#tail.isBehind && !signal.aborted) {
      if (this.#batches.isWaiting) this.#batches.keep()
      this.#tail.takeKept()
      this.#batches.keep()
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Comes to the end of the WAL as it is now: reads what is there, or copies it when that is too much to be read at once. */
  #catchUp(): void {
    const header = this.#parts.index.read()
    const frames = header === undefined ? 0 : this.#tail.unread(header)
    // Writers who can be asked to wait never write more than can be read soon.
    if (this.#parts.options.gate === undefined && frames > this.#parts.readAtOnceFrames) this.#keepAll()
    else this.readAll()
  }

  #keepInWindow(): void {
    try {
      this.#keepAll()
    } catch (error) {
      // Frames that can't be copied must not be overwritten.
      if (this.#windowOpen) this.closeWindow()
      throw error
    }
  }

  /** Copies everything that is there now to the backlog. */
  #keepAll(): void {
    for (;;) {
      const header = this.#parts.index.read()
      if (header === undefined) throw new StemmaError('DATABASE_BUSY', 'its wal-index is being written', {})
      if (!this.#tail.isCurrent(header)) this.#goOnAfterRestart()
      else if (header.lastFrame < this.#tail.frame) this.#source.mend()
      else if (this.#tail.keep(header, this.#tight)) {
        if (!this.#windowOpen) this.#tight = true
        return
      }
      this.#checkMending()
    }
  }

  #checkMending(): void {
    if (this.#source.isMending) throw new StemmaError('DATABASE_BUSY', 'the database is being compared with its log', {})
  }

  #goOnAfterRestart(): void {
    const frames = this.#tail.frame
    if (this.#windowOpen) {
      this.#pinAnew()
      this.#windowOpen = false
    }
    const header = this.#parts.index.read()
    if (header === undefined) return this.#clear()
    if (this.#tail.isCurrent(header)) return
    // Under a pin behind which nothing is left to be read, a WAL can only begin anew when all of it has been read. Its salts then say nothing: a
    // connection that has never restarted a WAL makes new ones by chance (`nCkpt` in walFrames() of SQLite's wal.c).
    if (!this.#tight && !(this.#tail.isNext(header) && keepTailRemains(this.#parts, this.#tail))) return this.#source.mend()
    this.#tail.restart(header)
    this.isLogNeeded = true
    this.restarts++
    this.#source.restarted(frames)
  }

  /** The files did not agree. That passes, or SQLite must recover the wal-index, which it does when a transaction begins. */
  #clear(): void {
    this.#unclear++
    if (this.#unclear % 50 === 0) {
      this.#tight = false
      this.#pinAnew()
    }
    if (this.#unclear > 1000) {
      this.#unclear = 0
      throw new StemmaError('DAMAGED_FILE', 'the -wal and -shm files of the database do not agree', {})
    }
  }

  #pinAnew(): void {
    this.#parts.pins.move(() => undefined)
  }
}
