import { StemmaError } from '@stemma/base'
import type { PageSums } from '../page-sums.ts'
import type { Place } from '../wal-place.ts'
import { Batches } from './batches.ts'
import type { BeforeChange } from './commit.ts'
import { FilesCheck } from './live-files.ts'
import { findTailRemains, recover } from './recovery.ts'
import type { SourceParts } from './source-parts.ts'
import type { Source, SourceStats } from './source.ts'
import { TROUBLE_DELAY, Troubles } from './troubles.ts'
import { Waker } from './waker.ts'
import { watchForRestart } from './restart-watch.ts'
import { WalKeeper, type KeptWal } from './wal-keeper.ts'
import { WalSyncs } from './wal-syncs.ts'
import { WalTail } from './wal-tail.ts'

/** Follows one database. See `Pins` for why nothing is missed, `WalKeeper` for a WAL that stays small, `recover` for mending. */
export class LiveSource implements Source, KeptWal {
  readonly #parts: SourceParts
  readonly #tail: WalTail
  readonly #batches: Batches
  readonly #keeper: WalKeeper
  readonly #waker: Waker
  readonly #filesCheck: FilesCheck
  readonly #troubles: Troubles
  readonly #syncs: WalSyncs
  readonly #abort = new AbortController()
  #state: 'opening' | 'following' | 'mending' | 'failed' | 'closed' = 'opening'
  #mending: Promise<void> | undefined
  /**
   * True when every frame up to the pin has been read, so that no frame can be overwritten before it is read. False in a
   * window, and after one until everything has been read.
   */
  #tight = false
  #windowOpen = false
  #unclear = 0
  #restarts = 0
  #mends = 0

  constructor(parts: SourceParts) {
    this.#parts = parts
    this.#syncs = new WalSyncs(parts.disk, parts.files.wal)
    const { options, database, index, place } = parts
    this.#troubles = new Troubles(options.onEvent)
    this.#filesCheck = new FilesCheck(parts.disk, database)
    this.#tail = new WalTail({
      ...parts,
      epoch: options.log.epoch,
      position: place?.position ?? { epoch: options.log.epoch, sequence: 0 },
      now: options.now ?? Date.now,
      onCommit: (commit) => {
        try {
          options.onCommit(commit)
        } catch (error) {
          this.#fail(error)
          throw error
        }
      },
    })
    this.#batches = new Batches(this.#tail, place, (batch) => options.onBatch(batch))
    const { checkpointer, softFrames, hardFrames } = parts
    this.#keeper = new WalKeeper({
      wal: this,
      checkpointer,
      gate: options.gate,
      softFrames,
      hardFrames,
      insist: options.insist ?? false,
      onTrouble: (error) => this.#troubles.tell(error),
    })
    this.#waker = new Waker({
      walPath: `${database}-wal`,
      gate: options.gate,
      run: () => this.#run(),
      isNew: () => index.read()?.lastFrame !== this.#tail.frame,
    })
  }

  get place(): Place {
    return this.#batches.place!
  }

  get sums(): PageSums {
    return this.#parts.sums
  }

  start(): void {
    if (this.#state !== 'opening') return
    this.#state = 'following'
    this.#parts.options.gate?.attach()
    this.#waker.soon()
  }

  wake(): void {
    if (this.#state === 'following') this.#run()
  }

  async catchUp(): Promise<void> {
    for (;;) {
      await this.#mending
      if (!this.#isFollowing()) return
      while (this.#look() === 'more' && this.#isFollowing());
      if (this.#isFollowing()) return this.#waker.soon()
    }
  }

  #isFollowing(): boolean {
    return this.#state === 'following'
  }

  syncWal(): Promise<void> {
    return this.#syncs.sync()
  }

  readPages(first: number, count: number, into: Uint8Array): void {
    const { reader, sums } = this.#parts
    reader.range(first, count, into)
    // Without a pin the files may hold pages that are newer than the place.
    if (this.#tight || reader.matches(first, count, into, sums)) return
    throw new StemmaError('DATABASE_BUSY', 'the database goes through a restart of its WAL', {})
  }

  beforeChange(listener: BeforeChange): () => void {
    const { beforeChange } = this.#parts.builder
    beforeChange.add(listener)
    return () => void beforeChange.delete(listener)
  }

  get isUnsettled(): boolean {
    return this.#windowOpen || this.#state === 'mending'
  }

  stats(): SourceStats {
    const { disk, files, builder } = this.#parts
    return {
      walBytes: disk.size(files.wal),
      frames: this.#tail.frame,
      backfilled: this.backfilled,
      commits: this.#tail.commits,
      restarts: this.#restarts,
      checkpoints: this.#keeper.checkpoints,
      windows: this.#keeper.windows,
      mends: this.#mends,
      ...builder.stats(),
    }
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return
    const wasFollowing = this.#state === 'following'
    this.#abort.abort()
    this.#waker.stop()
    await this.#keeper.stop()
    await this.#mending
    const { options, pins, checkpointer } = this.#parts
    try {
      if (wasFollowing && this.#windowOpen) this.closeWindow()
      else if (wasFollowing) this.#catchUp()
    } catch (error) {
      // What was not read now is read, or mended, at the next start.
      this.#troubles.tell(error)
    }
    this.#state = 'closed'
    options.gate?.detach()
    try {
      await checkpointer.close()
    } finally {
      this.#parts.builder.close()
      pins.close()
      await this.#syncs.close()
    }
  }

  /** Finds where to go on. Called once before `start`, and again whenever frames may have been missed. */
  async recover(): Promise<void> {
    const { index, options } = this.#parts
    this.#windowOpen = false
    this.#tight = false
    this.#parts.pins.move(() => undefined)
    const header = index.read()
    if (header === undefined) throw new StemmaError('DATABASE_BUSY', 'its wal-index is being written', {})
    const parts = {
      ...this.#parts,
      tail: this.#tail,
      log: options.log,
      signal: this.#abort.signal,
      mayRewind: this.#state === 'opening',
    }
    const recovered = await recover(options.onScan ? { ...parts, progress: options.onScan } : parts, header, this.#batches.place)
    // The pin is older than the header: when everything up to that has been read, nothing can be missed.
    this.#tight = this.#tail.hasRead(header)
    this.#keeper.restarted()
    this.#keeper.pinned(this.#tail.frame)
    if (recovered.kind === 'began' || recovered.kind === 'rewound') this.#batches.place = this.#tail.place
    else this.#batches.keep(true)
    if (recovered.kind === 'mended') {
      this.#mends++
      options.onEvent?.({ kind: 'gap-mended', pages: recovered.pages, position: this.#tail.position })
    } else if (recovered.kind === 'rewound') options.onEvent?.(recovered)
  }

  get frame(): number {
    return this.#tail.frame
  }

  get backfilled(): number {
    return this.#parts.index.backfilled
  }

  get windowOpen(): boolean {
    return this.#windowOpen
  }

  get isCheckpointing(): boolean {
    return this.#parts.index.isCheckpointing
  }

  movePin(): void {
    if (this.#state !== 'following') return
    this.#parts.pins.move(() => this.#catchUp())
  }

  renewPin(): void {
    this.#catchUp()
    this.#parts.pins.renew()
  }

  lockWrites(): void {
    this.#parts.pins.lockWrites()
  }

  unlockWrites(): void {
    this.#parts.pins.unlockWrites()
  }

  makeDurable(): Promise<void> {
    return this.#parts.options.log.syncInBackground()
  }

  allowWrites(): void {
    const { gate } = this.#parts.options
    if (gate === undefined || this.#state !== 'following') return
    const since = gate.entered
    const header = this.#parts.index.read()
    if (header === undefined) return
    const frames = this.#keeper.room(header.lastFrame, this.#tail.unread(header))
    gate.allow(since, frames / this.#tail.framesPerCommit)
  }

  openWindow(): void {
    // What the caller could not keep must not be overwritten.
    if (this.#batches.isWaiting || this.#state !== 'following') return
    this.#tight = false
    this.#windowOpen = true
    this.#parts.pins.release()
    const seen = watchForRestart(this.#parts.index, this.#tail)
    if (seen === 'restarted') this.#look()
    else if (seen === 'copied') this.closeWindow()
    this.#waker.soon()
  }

  closeWindow(): void {
    this.#parts.pins.move(() => undefined)
    this.#windowOpen = false
    this.#keeper.pinned(this.#tail.frame)
    this.#catchUp()
  }

  #run(): void {
    if (this.#state !== 'following') return
    try {
      this.#step()
      this.#troubles.over()
    } catch (error) {
      this.#troubles.tell(error)
      this.#waker.after(TROUBLE_DELAY)
    }
  }

  #step(): void {
    const commits = this.#tail.commits
    const found = this.#look()
    if (this.#state !== 'following') return
    if (this.#tail.commits > commits) this.#waker.found()
    this.#keeper.tick()
    this.allowWrites()
    if (this.#windowOpen || found === 'more') this.#waker.soon()
    else if (this.#tail.commits - commits >= BUSY_COMMITS) this.#waker.busy()
    else {
      const replaced = found === 'idle' ? this.#filesCheck.check() : undefined
      if (replaced === undefined) this.#waker.sleep()
      else this.#fail(replaced)
    }
  }

  /** One look at the WAL, and what follows from it. */
  #look(): 'idle' | 'read' | 'more' {
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
        this.#mend()
        return 'idle'
    }
  }

  /** Reads everything that is there now. What is written meanwhile may be left: a fast writer would never let it end. */
  #catchUp(): void {
    const end = this.#parts.index.read()
    while (this.#look() === 'more' && this.#state !== 'mending' && !this.#tail.hasRead(end)) this.allowWrites()
    if (this.#state === 'mending') throw new StemmaError('DATABASE_BUSY', 'the database is being compared with its log', {})
  }

  #goOnAfterRestart(): void {
    const { index, pins } = this.#parts
    const frames = this.#tail.frame
    if (this.#windowOpen) {
      pins.move(() => undefined)
      this.#windowOpen = false
    }
    const header = index.read()
    if (header === undefined) return this.#clear()
    if (this.#tail.isCurrent(header)) return
    // Under a pin behind which nothing is left to be read, a WAL can only begin anew when all of it has been read. Its salts then say nothing: a
    // connection that has never restarted a WAL makes new ones by chance (`nCkpt` in walFrames() of SQLite's wal.c).
    if (!this.#tight) {
      if (!this.#tail.isNext(header)) return this.#mend()
      const last = findTailRemains(this.#parts, this.#tail)
      if (last === undefined) return this.#mend()
      this.#tail.takeRemains(last)
      this.#batches.keep()
    }
    this.#tail.restart(header)
    this.#restarts++
    this.#keeper.restarted()
    this.#parts.options.onEvent?.({ kind: 'restarted', frames })
  }

  /** The files did not agree. That passes, or SQLite must recover the wal-index, which it does when a transaction begins. */
  #clear(): void {
    this.#unclear++
    if (this.#unclear % 50 === 0) {
      this.#tight = false
      this.#parts.pins.move(() => undefined)
    }
    if (this.#unclear > 1000) {
      this.#unclear = 0
      throw new StemmaError('DAMAGED_FILE', 'the -wal and -shm files of the database do not agree', {})
    }
  }

  #mend(): void {
    if (this.#state !== 'following') return
    this.#state = 'mending'
    // That takes long, and nobody is to wait for it.
    this.#parts.options.gate?.allowAll()
    this.#mending = this.#mendUntilDone().finally(() => (this.#mending = undefined))
  }

  async #mendUntilDone(): Promise<void> {
    while (this.#state === 'mending' && !this.#abort.signal.aborted) {
      try {
        await this.recover()
        if (this.#state !== 'mending') return
        this.#state = 'following'
        this.#waker.soon()
      } catch (error) {
        if (this.#abort.signal.aborted) return
        this.#troubles.tell(error)
        await new Promise((resolve) => setTimeout(resolve, TROUBLE_DELAY))
      }
    }
  }

  #fail(error: unknown): void {
    this.#state = 'failed'
    this.#waker.stop()
    this.#parts.options.gate?.detach()
    this.#parts.pins.release()
    this.#parts.options.onEvent?.({ kind: 'failed', error })
  }
}

const BUSY_COMMITS = 4
