import type { Checkpointer } from '../checkpoint/checkpointer.ts'
import type { CheckpointResult } from '../checkpoint/connection.ts'
import type { Applier } from './applier.ts'
import type { CopyFile } from './copy-file.ts'
import type { ReplicaStore } from './replica-store.ts'

export interface WalKeeperOptions {
  readonly copy: CopyFile
  readonly applier: Applier
  readonly store: ReplicaStore
  /** The size of the WAL from which on it is checkpointed, in bytes. */
  readonly softBytes: number
  /** The size of the WAL from which on entries wait for the round at work, in bytes. */
  readonly hardBytes: number
  openCheckpointer(): Promise<Checkpointer>
  /** Told of each round: whether the WAL could begin anew. */
  done(round: { readonly restarted: boolean; readonly walBytes: number }): void
  /** Told of what failed; it is tried again later. */
  failed(error: unknown): void
}

// So little is left to copy that it can be done while entries wait.
const REST_BYTES = 1024 * 1024
const ROUNDS_MAX = 4
/**
 * Keeps the WAL of a copy short.
 *
 * The bulk is copied into the database by another thread, while entries go on. When little is left it is copied on this thread,
 * and the WAL begins anew, unless somebody reads from it: then it grows on, and it is tried again a good deal later.
 */
export class WalKeeper {
  readonly #options: WalKeeperOptions
  #checkpointer: Promise<Checkpointer> | undefined
  #round: Promise<void> | undefined
  /** The size of the WAL at which the next round begins. */
  #next: number
  #closed = false

  constructor(options: WalKeeperOptions) {
    this.#options = options
    this.#next = options.softBytes
  }

  /** Looks at the WAL after entries were applied. */
  look(): void {
    if (this.#closed || this.#round !== undefined || this.#options.copy.walBytes < this.#next) return
    this.#round = this.#run().finally(() => (this.#round = undefined))
  }

  /** Resolves when the round has ended that entries must wait for; undefined when they need not. */
  room(): Promise<void> | undefined {
    return this.#options.copy.walBytes < this.#options.hardBytes ? undefined : this.#round
  }

  /** Ends when the round at work has ended. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#round
    const checkpointer = await this.#checkpointer?.catch(() => undefined)
    await checkpointer?.close()
  }

  async #run(): Promise<void> {
    const { applier, copy, store, failed } = this.#options
    try {
      this.#checkpointer ??= this.#options.openCheckpointer()
      const checkpointer = await this.#checkpointer
      for (let round = 0; round < ROUNDS_MAX && !this.#closed; round++) {
        applier.relock()
        await store.sync()
        const result = await checkpointer.checkpoint('passive')
        if (this.#restBytes(result) <= REST_BYTES) break
      }
      if (this.#closed) return
      applier.settle()
      if (copy.walBytes >= this.#options.softBytes) this.#restart()
    } catch (error) {
      this.#checkpointer?.catch(() => (this.#checkpointer = undefined))
      this.#later()
      failed(error)
    }
  }

  /** Bytes of the WAL that the database does not have yet. */
  #restBytes({ checkpointed }: CheckpointResult): number {
    const { copy } = this.#options
    return (copy.header.lastFrame - Math.max(0, checkpointed)) * copy.pageSize
  }

  #restart(): void {
    const { applier, copy, store, softBytes } = this.#options
    const changed = [...copy.pagesInWal.keys()]
    // What the WAL says of the place goes with it, so the note of it must last.
    store.syncNow()
    applier.restartWal()
    const restarted = applier.place.wal === undefined
    if (restarted) {
      store.keepSums(applier.sums, copy.header, changed)
      this.#next = softBytes
    } else {
      this.#later()
    }
    this.#options.done({ restarted, walBytes: copy.walBytes })
  }

  #later(): void {
    const { copy, softBytes } = this.#options
    this.#next = (copy.isLocked ? copy.walBytes : this.#next) + softBytes / 2
  }
}
