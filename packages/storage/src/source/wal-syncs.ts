import type { Disk } from '../disk/disk.ts'

/** Syncs of a `-wal` file off this thread. Its descriptor stays open for those that are under way. */
export class WalSyncs {
  readonly #disk: Disk
  readonly #fd: number
  readonly #underWay = new Set<Promise<void>>()

  constructor(disk: Disk, fd: number) {
    this.#disk = disk
    this.#fd = fd
  }

  /** Resolves when what was written before the call is on its medium. */
  sync(): Promise<void> {
    const sync = this.#disk.syncInBackground(this.#fd)
    this.#underWay.add(sync)
    const forget = (): void => void this.#underWay.delete(sync)
    sync.then(forget, forget)
    return sync
  }

  /** Closes the file when nothing is under way any more. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#underWay)
    this.#disk.close(this.#fd)
  }
}
