import type { Checkpointer } from '../checkpoint/checkpointer.ts'
import { runCheckpoint, type CheckpointResult } from '../checkpoint/connection.ts'
import type { SqliteConnection } from '../sqlite/driver.ts'

export interface LogicalKeeperOptions {
  /** The one that writes the copy. */
  readonly connection: SqliteConnection
  /** How long it waits for locks otherwise, in milliseconds. */
  readonly busyTimeout: number
  /** The size of the WAL from which on it is checkpointed, in bytes. */
  readonly softBytes: number
  /** The size of the WAL from which on entries wait for the round at work, in bytes. */
  readonly hardBytes: number
  /** Bytes of the WAL that hold frames. */
  walBytes(): number
  openCheckpointer(): Promise<Checkpointer>
  /** Told of each round: whether the WAL could begin anew. */
  done(round: { readonly restarted: boolean; readonly walBytes: number }): void
  /** Told of what failed; it is tried again later. */
  failed(error: unknown): void
}

// So few frames are left to copy that it can be done while entries wait.
const REST_FRAMES = 256
const ROUNDS_MAX = 4

/**
 * Keeps the WAL of a logical copy short: the bulk is copied into the database by another thread, while entries go on; the rest on this
 * thread, and then the WAL begins anew, unless somebody reads from it. It is tried again a good deal later then.
 */
export class LogicalKeeper {
  readonly #options: LogicalKeeperOptions
  #checkpointer: Promise<Checkpointer> | undefined
  #round: Promise<void> | undefined
  /** The size of the WAL at which the next round begins. */
  #next: number
  #closed = false

  constructor(options: LogicalKeeperOptions) {
    this.#options = options
    this.#next = options.softBytes
  }

  /** Looks at the WAL after entries were applied. */
  look(): void {
    if (this.#closed || this.#round !== undefined || this.#options.walBytes() < this.#next) return
    this.#round = this.#run().finally(() => (this.#round = undefined))
  }

  /** Resolves when the round has ended that entries must wait for; undefined when they need not. */
  room(): Promise<void> | undefined {
    return this.#options.walBytes() < this.#options.hardBytes ? undefined : this.#round
  }

  /** Copies all that no reader holds back, on this thread. True when the WAL then began anew. */
  restart(): boolean {
    const { connection, busyTimeout } = this.#options
    connection.exec('PRAGMA busy_timeout = 0')
    try {
      return isWhole(runCheckpoint(connection, 'truncate'))
    } finally {
      connection.exec(`PRAGMA busy_timeout = ${busyTimeout}`)
    }
  }

  /** Ends when the round at work has ended. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#round
    const checkpointer = await this.#checkpointer?.catch(() => undefined)
    await checkpointer?.close()
  }

  async #run(): Promise<void> {
    const { walBytes, softBytes, failed, done } = this.#options
    try {
      this.#checkpointer ??= this.#options.openCheckpointer()
      const checkpointer = await this.#checkpointer
      for (let round = 0; round < ROUNDS_MAX && !this.#closed; round++) {
        const { log, checkpointed } = await checkpointer.checkpoint('passive')
        if (log - checkpointed <= REST_FRAMES) break
      }
      if (this.#closed) return
      const restarted = this.restart()
      if (restarted) this.#next = softBytes
      else this.#later()
      done({ restarted, walBytes: walBytes() })
    } catch (error) {
      this.#checkpointer?.catch(() => (this.#checkpointer = undefined))
      this.#later()
      failed(error)
    }
  }

  #later(): void {
    this.#next = this.#options.walBytes() + this.#options.softBytes / 2
  }
}

function isWhole({ busy, log, checkpointed }: CheckpointResult): boolean {
  return !busy && log >= 0 && log === checkpointed
}
