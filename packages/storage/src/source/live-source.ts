import { StemmaError } from '@stemma/base'
import type { PageSums } from '../page-sums.ts'
import type { Place } from '../wal-place.ts'
import type { BeforeChange } from './commit.ts'
import { FilesCheck } from './live-files.ts'
import { LiveTail, type TailedSource } from './live-tail.ts'
import { recover } from './recovery.ts'
import type { SourceParts } from './source-parts.ts'
import type { Source, SourceStats } from './source.ts'
import { TROUBLE_DELAY, Troubles } from './troubles.ts'
import { Waker } from './waker.ts'
import { WalKeeper, type KeptWal } from './wal-keeper.ts'
import { WalSyncs } from './wal-syncs.ts'
import { WalTail } from './wal-tail.ts'

/** Follows one database. See `Pins` for why nothing is missed, `WalKeeper` for a WAL that stays small, `recover` for mending. */
export class LiveSource implements Source, KeptWal {
  readonly #parts: SourceParts
  readonly #tail: WalTail
  readonly #live: LiveTail
  readonly #keeper: WalKeeper
  readonly #waker: Waker
  readonly #filesCheck: FilesCheck
  readonly #troubles: Troubles
  readonly #syncs: WalSyncs
  readonly #abort = new AbortController()
  #state: 'opening' | 'following' | 'mending' | 'failed' | 'closed' = 'opening'
  #mending: Promise<void> | undefined
  #mends = 0
  #backlogTries = 0

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
    this.#live = new LiveTail(parts, this.#tail, this.#tailed())
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
    return this.#live.place!
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
      while (this.#live.look() === 'more' && this.#isFollowing());
      if (this.#isFollowing()) return this.#waker.soon()
    }
  }

  #isFollowing(): boolean {
    return this.#state === 'following'
  }

  async syncWal(): Promise<void> {
    const live = this.#live
    const { isLogNeeded } = live
    live.isLogNeeded = false
    try {
      await this.#syncs.sync()
      if (isLogNeeded) await this.makeDurable()
    } catch (error) {
      live.isLogNeeded ||= isLogNeeded
      throw error
    }
  }

  readPages(first: number, count: number, into: Uint8Array): void {
    const { reader, sums } = this.#parts
    reader.range(first, count, into)
    // Without a pin, or with a backlog, the files may hold pages that are newer than the place.
    if (this.#live.isExact || reader.matches(first, count, into, sums)) return
    throw new StemmaError('DATABASE_BUSY', 'the database goes through a restart of its WAL', {})
  }

  beforeChange(listener: BeforeChange): () => void {
    const { beforeChange } = this.#parts.builder
    beforeChange.add(listener)
    return () => void beforeChange.delete(listener)
  }

  get isUnsettled(): boolean {
    return this.windowOpen || this.#tail.isBehind || this.#state === 'mending'
  }

  stats(): SourceStats {
    const { disk, files, builder } = this.#parts
    return {
      walBytes: disk.size(files.wal),
      frames: this.#tail.frame,
      backfilled: this.backfilled,
      commits: this.#tail.commits,
      restarts: this.#live.restarts,
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
      if (wasFollowing && this.windowOpen) this.closeWindow()
      if (wasFollowing) this.#live.readAll()
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
      this.#parts.backlog.clear()
      await this.#syncs.close()
    }
  }

  /** Finds where to go on. Called once before `start`, and again whenever frames may have been missed. */
  async recover(): Promise<void> {
    const { index, options } = this.#parts
    this.#live.beginRecovery()
    await this.#readBacklog()
    const header = index.read()
    if (header === undefined) throw new StemmaError('DATABASE_BUSY', 'its wal-index is being written', {})
    const parts = {
      ...this.#parts,
      tail: this.#tail,
      log: options.log,
      signal: this.#abort.signal,
      mayRewind: this.#state === 'opening',
    }
    const recovered = await recover(options.onScan ? { ...parts, progress: options.onScan } : parts, header, this.#live.place)
    this.#keeper.restarted()
    this.#live.endRecovery({
      // The pin is older than the header: when everything up to that has been read, nothing can be missed.
      isTight: this.#tail.hasRead(header),
      isKept: recovered.kind === 'began' || recovered.kind === 'rewound',
    })
    if (recovered.kind === 'mended') {
      this.#mends++
      options.onEvent?.({ kind: 'gap-mended', pages: recovered.pages, position: this.#tail.position })
    } else if (recovered.kind === 'rewound') options.onEvent?.(recovered)
  }

  get frame(): number {
    return this.#tail.frame
  }

  get lastFrame(): number {
    return this.#parts.index.lastFrame
  }

  get backfilled(): number {
    return this.#parts.index.backfilled
  }

  get windowOpen(): boolean {
    return this.#live.windowOpen
  }

  get isCheckpointing(): boolean {
    return this.#parts.index.isCheckpointing
  }

  movePin(): void {
    if (this.#state === 'following') this.#live.movePin()
  }

  renewPin(): void {
    this.#live.renewPin()
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
    if (!this.#live.mayOpenWindow || this.#state !== 'following') return
    this.#waker.soon()
    this.#live.openWindow()
  }

  closeWindow(): void {
    this.#live.closeWindow()
  }

  #tailed(): TailedSource {
    const isMending = (): boolean => this.#state === 'mending'
    return {
      mend: () => this.#mend(),
      get isMending() {
        return isMending()
      },
      restarted: (frames) => {
        this.#keeper.restarted()
        this.#parts.options.onEvent?.({ kind: 'restarted', frames })
      },
      pinned: (frame) => this.#keeper.pinned(frame),
      allowWrites: () => this.allowWrites(),
    }
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
    const found = this.#live.look()
    if (this.#state !== 'following') return
    if (this.#tail.commits > commits) this.#waker.found()
    this.#keeper.tick()
    this.allowWrites()
    if (this.windowOpen || found === 'more') this.#waker.soon()
    else if (this.#tail.commits - commits >= BUSY_COMMITS) this.#waker.busy()
    else {
      const replaced = found === 'idle' ? this.#filesCheck.check() : undefined
      if (replaced === undefined) this.#waker.sleep()
      else this.#fail(replaced)
    }
  }

  #mend(): void {
    if (this.#state !== 'following') return
    this.#state = 'mending'
    // That takes long, and nobody is to wait for it.
    this.#parts.options.gate?.allowAll()
    this.#mending = this.#mendUntilDone().finally(() => (this.#mending = undefined))
  }

  /** When what was copied can't be read, the comparison finds what it held. */
  async #readBacklog(): Promise<void> {
    try {
      await this.#live.readBacklog(this.#abort.signal)
    } catch (error) {
      if (this.#backlogTries++ < BACKLOG_TRIES) throw error
    }
    this.#backlogTries = 0
    this.#parts.backlog.clear()
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
const BACKLOG_TRIES = 20
