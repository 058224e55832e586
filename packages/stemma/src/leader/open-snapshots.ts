import { dirname } from 'node:path'
import type { StemmaError } from '@stemma/base'
import { openSnapshot, type Disk, type Snapshot, type SnapshotPages, type SnapshotRange, type Source } from '@stemma/storage'

/** The snapshots that followers fetch from. */
export class OpenSnapshots {
  readonly #source: Source
  readonly #disk: Disk
  readonly #folder: string
  readonly #onLost: (name: string, error: StemmaError) => void
  readonly #open = new Map<string, { readonly snapshot: Snapshot; readonly stop: () => void }>()

  constructor(parts: { source: Source; disk: Disk; database: string; onLost: (name: string, error: StemmaError) => void }) {
    this.#source = parts.source
    this.#disk = parts.disk
    this.#folder = dirname(parts.database)
    this.#onLost = parts.onLost
  }

  /** Opens one where the source stands now. */
  open(name: string): Snapshot {
    const source = this.#source
    const snapshot = openSnapshot({
      place: source.place,
      sums: source.sums,
      readPages: (first, count, into) => source.readPages(first, count, into),
      spillFolder: this.#folder,
      disk: this.#disk,
      onExpired: (error) => {
        this.close(name)
        this.#onLost(name, error)
      },
    })
    this.#open.set(name, { snapshot, stop: source.beforeChange(snapshot.beforeChange) })
    return snapshot
  }

  read(name: string, range: SnapshotRange): SnapshotPages | undefined {
    return this.#open.get(name)?.snapshot.read(range)
  }

  close(name: string): void {
    const held = this.#open.get(name)
    this.#open.delete(name)
    held?.stop()
    held?.snapshot.close()
  }

  closeAll(): void {
    for (const name of this.#open.keys()) this.close(name)
  }
}
