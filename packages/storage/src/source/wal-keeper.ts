import type { Milliseconds } from '@stemma/base'
import type { Checkpointer } from '../checkpoint/checkpointer.ts'
import type { CheckpointResult } from '../checkpoint/connection.ts'
import { isBusy } from '../sqlite/driver.ts'
import type { CommitGate } from './commit-gate.ts'

/** What the keeper needs of the source. */
export interface KeptWal {
  /** Frames of this generation that have been read or copied. */
  readonly frame: number
  /** All of its frames. */
  readonly lastFrame: number
  /** Frames that a checkpoint has copied into the database. */
  readonly backfilled: number
  /** Moves the pin to the end of the WAL, having read or copied up to there. Throws when it can't. */
  movePin(): void
  /** Lets go of the pin and looks at the WAL as often as possible; until `closeWindow` or until the WAL has begun anew. */
  openWindow(): void
  /** Tells writers at the gate how much they may write, by `WalKeeper.room`. */
  allowWrites(): void
  closeWindow(): void
  readonly windowOpen: boolean
  /** Somebody is copying frames into the database. */
  readonly isCheckpointing: boolean
  /** Makes the place and everything before it durable. */
  makeDurable(): Promise<void>
  /** Takes the write lock without waiting, or throws SQLITE_BUSY. Nobody writes until `unlockWrites`. */
  lockWrites(): void
  unlockWrites(): void
  /** Under the write lock: reads up to the end, lets go of the pin and takes it anew. */
  renewPin(): void
}

/**
 * Keeps the WAL small: copies its frames into the database from time to time, and arranges that writers begin it anew.
 *
 * Most of it needs nobody's help: the pin moves on and a checkpoint on another thread copies what came before it. But the WAL begins
 * anew only when a writer finds every frame copied and nobody reading frames, and a busy writer always adds some.
 * Three ways lead there: writers of this process wait at the gate for a moment; or we let go of the pin for a few milliseconds, so that
 * another process's own checkpoint does the rest; or, when asked to insist, we take the write lock.
 */
export class WalKeeper {
  readonly #wal: KeptWal
  readonly #checkpointer: Checkpointer
  readonly #gate: CommitGate | undefined
  readonly #bulkFrames: number
  readonly #softFrames: number
  readonly #hardFrames: number
  readonly #insist: boolean
  readonly #onTrouble: (error: unknown) => void
  #job: Promise<void> | undefined
  #pinnedAt = 0
  #stopped = false
  /** No attempt at a restart before the WAL has this many frames, and not before this moment. */
  #nextTurnFrames = 0
  #nextTurnAt: Milliseconds = 0
  #failedTurns = 0
  /** Every frame is in the database and the pin allows it: the next writer begins the WAL anew. */
  #willRestart = false
  #windowEnd: Milliseconds = 0
  /**
   * The place was made durable in this generation. Commits that are read at the very end of a generation are not, when it ends; but
   * their frames stay in the file until the next generation comes that far, and before that this is done again.
   */
  #durable = false
  /** The last checkpoint stopped long before our pin: somebody reads an old state. */
  #isBlocked = false
  checkpoints = 0
  turnsTried = 0
  windows = 0

  constructor(parts: {
    wal: KeptWal
    checkpointer: Checkpointer
    gate: CommitGate | undefined
    softFrames: number
    hardFrames: number
    insist: boolean
    onTrouble: (error: unknown) => void
  }) {
    this.#wal = parts.wal
    this.#checkpointer = parts.checkpointer
    this.#gate = parts.gate
    this.#softFrames = Math.max(16, parts.softFrames)
    this.#bulkFrames = Math.max(4, this.#softFrames >>> 1)
    this.#hardFrames = parts.hardFrames
    this.#insist = parts.insist
    this.#onTrouble = parts.onTrouble
  }

  /** Called after each look at the WAL. Cheap when there is nothing to do. */
  tick(): void {
    if (this.#stopped) return
    const { lastFrame } = this.#wal
    if (this.#wal.windowOpen && (this.#isReady() || this.#isOver())) this.#shut()
    if (this.#job !== undefined || this.#wal.windowOpen) return
    if (lastFrame >= Math.max(this.#softFrames, this.#nextTurnFrames) && performance.now() >= this.#nextTurnAt) {
      this.#begin(() => this.#turn())
    } else if (lastFrame - this.#pinnedAt >= this.#bulkFrames) this.#begin(() => this.#copyMost())
  }

  /**
   * How many frames may still come before the WAL is too large, or too many of them wait to be read.
   *
   * Where waiting would be of no use it may grow: when somebody reads an old state, or checkpoints fail for whatever reason.
   *
   * @param frames - of this generation
   * @param unread - of them
   */
  room(frames: number, unread: number): number {
    const isHopeless = this.#isBlocked || this.#failedTurns > FAILED_TURNS_MAX
    const room = this.#willRestart || isHopeless ? this.#hardFrames : this.#hardFrames - frames
    return Math.max(0, Math.min(room, this.#bulkFrames - unread))
  }

  /** The WAL has begun anew. */
  restarted(): void {
    this.#durable = false
    this.#willRestart = false
    this.#pinnedAt = 0
    this.#nextTurnFrames = 0
    this.#nextTurnAt = 0
    this.#failedTurns = 0
  }

  /** The pin was taken anew at this frame. */
  pinned(frame: number): void {
    this.#pinnedAt = frame
  }

  /** Resolves when nothing of ours is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#job
  }

  #begin(job: () => Promise<void>): void {
    this.#job = job()
      .catch((error: unknown) => {
        this.#backOff()
        if (!isBusy(error)) this.#onTrouble(error)
      })
      .finally(() => {
        this.#job = undefined
        this.#wal.allowWrites()
      })
  }

  async #copyMost(): Promise<void> {
    if (!this.#durable && this.#wal.frame > this.#softFrames >>> 1) await this.#makeDurable()
    this.#movePin()
    const result = await this.#checkpoint()
    // When every frame is copied and nothing came meanwhile, the new pin reads the database alone, and the next writer begins the WAL anew.
    if (!this.#stopped && isComplete(result) && result.log === this.#wal.frame) {
      await this.#makeDurable()
      if (!this.#stopped) this.#movePin()
    }
  }

  async #turn(): Promise<void> {
    this.turnsTried++
    // Another process's writer copies as many frames by itself when the window opens as it always does.
    const few = this.#gate === undefined ? AUTO_FRAMES : TAIL_FRAMES
    await Promise.all([this.#durable ? undefined : this.#makeDurable(), this.#copyUntilFew(few)])
    if (this.#stopped) return
    if (this.#gate !== undefined && (await this.#turnAtGate(this.#gate))) return
    if (this.#stopped) return
    this.#willRestart = false
    if (this.#insist && this.#wal.frame >= this.#hardFrames && (await this.#turnUnderLock())) return this.#expectRestart()
    this.#backOff()
    // An old reader stops every checkpoint: a window would be of no use then.
    if (this.#isBlocked) return
    this.#movePin()
    // Nobody writes: a pin that was taken just now reads the database alone.
    if (this.#isReady()) return this.#expectRestart()
    this.windows++
    this.#windowEnd = performance.now() + WINDOW
    this.#wal.openWindow()
  }

  /** Copies what there is, and what came meanwhile, and so on, while that gets less. */
  async #copyUntilFew(few: number): Promise<void> {
    let left = Infinity
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const now = this.#wal.frame - this.#wal.backfilled
      if (now <= few || now > left / 2) return
      // Where nobody can be asked to wait, only its own checkpoints slow a writer down.
      if (this.#gate === undefined && this.#wal.frame > 2 * this.#softFrames) return
      left = now
      this.#movePin()
      await this.#checkpoint()
      if (this.#stopped) return
    }
  }

  /** True when the next writer will begin the WAL anew. */
  async #turnAtGate(gate: CommitGate): Promise<boolean> {
    if (!(await gate.hold(GATE_WAIT))) return false
    try {
      // A writer waits for so long only, then comes through: what it adds is little.
      for (let round = 0; round < ROUNDS_MAX && !this.#stopped; round++) {
        this.#movePin()
        if (this.#isReady()) {
          this.#expectRestart()
          this.#wal.allowWrites()
          return true
        }
        if ((await this.#checkpoint()).busy) return false
      }
      return false
    } finally {
      gate.release()
    }
  }

  async #turnUnderLock(): Promise<boolean> {
    if (!(await this.#lockWrites())) return false
    try {
      this.#wal.renewPin()
      await this.#checkpoint()
      this.#wal.renewPin()
      return this.#isReady()
    } finally {
      this.#wal.unlockWrites()
    }
  }

  async #lockWrites(): Promise<boolean> {
    for (let attempt = 0; attempt < LOCK_TRIES && !this.#stopped; attempt++) {
      try {
        this.#wal.lockWrites()
        return true
      } catch (error) {
        if (!isBusy(error)) throw error
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
    return false
  }

  #isReady(): boolean {
    return this.#wal.backfilled === this.#wal.frame
  }

  /** The writer may take its time, but a WAL that goes on growing was not begun anew. */
  #expectRestart(): void {
    this.#willRestart = true
    this.#nextTurnFrames = this.#wal.frame + this.#bulkFrames
  }

  #backOff(): void {
    this.#failedTurns++
    this.#nextTurnAt = performance.now() + Math.min(BACK_OFF_MAX, BACK_OFF * 2 ** Math.min(10, this.#failedTurns))
  }

  /** A checkpoint that is under way may well be the one that the window was opened for. */
  #isOver(): boolean {
    const late = performance.now() - this.#windowEnd
    return late > WINDOW_MORE || (late > 0 && !this.#wal.isCheckpointing)
  }

  #shut(): void {
    try {
      this.#wal.closeWindow()
    } catch (error) {
      // SQLITE_BUSY passes: the next tick tries again.
      if (!isBusy(error)) this.#onTrouble(error)
    }
  }

  async #makeDurable(): Promise<void> {
    await this.#wal.makeDurable()
    this.#durable = true
  }

  #movePin(): void {
    this.#wal.movePin()
    this.#pinnedAt = this.#wal.frame
  }

  async #checkpoint(): Promise<CheckpointResult> {
    const upTo = this.#pinnedAt
    const result = await this.#checkpointer.checkpoint('passive')
    this.checkpoints++
    this.#isBlocked = !result.busy && result.checkpointed < upTo - this.#bulkFrames
    return result
  }
}

function isComplete(result: CheckpointResult): boolean {
  return !result.busy && result.log >= 0 && result.checkpointed === result.log
}

/** A window is open for this long at most, in milliseconds. */
const WINDOW: Milliseconds = 20
const WINDOW_MORE: Milliseconds = 1000
const GATE_WAIT: Milliseconds = 20
const BACK_OFF: Milliseconds = 5
const BACK_OFF_MAX: Milliseconds = 1000
/** About a second. */
const FAILED_TURNS_MAX = 8
const ROUNDS_MAX = 4
const LOCK_TRIES = 500
/** A checkpoint of this many frames takes about a millisecond. */
const TAIL_FRAMES = 256
/** SQLite's own checkpoints begin at this many frames. */
const AUTO_FRAMES = 1000
