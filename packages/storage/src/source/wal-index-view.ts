import { WAL_INDEX_HEADER_SIZE, decodeCheckpointInfo, decodeWalIndexHeader, type WalIndexHeader } from '@stemma/sqlite-file'
import type { Disk } from '../disk/disk.ts'

/**
 * What SQLite processes tell each other through the `-shm` file, read without taking part.
 *
 * One read gives the committed end of the WAL; it costs about a microsecond, and less when nothing changed.
 */
export class WalIndexView {
  readonly #disk: Disk
  readonly #fd: number
  readonly #bytes = new Uint8Array(WAL_INDEX_HEADER_SIZE)
  readonly #decoded = new Uint8Array(WAL_INDEX_HEADER_SIZE)
  #header: WalIndexHeader | undefined

  /** @param fd - a held descriptor on the `-shm` file */
  constructor(disk: Disk, fd: number) {
    this.#disk = disk
    this.#fd = fd
  }

  /**
   * The header as it is now.
   *
   * @returns undefined when a few readings found no whole one: a writer died while it wrote it, or nobody has filled it yet.
   *   Whoever begins a transaction makes it whole again.
   */
  read(): WalIndexHeader | undefined {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (this.#disk.read(this.#fd, this.#bytes, 0) < WAL_INDEX_HEADER_SIZE) return undefined
      if (this.#header !== undefined && this.#isSame()) return this.#header
      const start = decodeWalIndexHeader(this.#bytes)
      if (start.kind === 'header') {
        this.#decoded.set(this.#bytes)
        this.#header = start.header
        return start.header
      }
      if (start.kind === 'empty') return undefined
    }
    return undefined
  }

  /** The last frame that is committed, as the last whole header had it. */
  get lastFrame(): number {
    return this.#header?.lastFrame ?? 0
  }

  /** Frames that a checkpoint has copied into the database, as the last `read` saw it. */
  get backfilled(): number {
    return decodeCheckpointInfo(this.#bytes)?.backfilled ?? 0
  }

  /** True when a checkpoint was copying frames, as the last `read` saw it; or had been when its process died. */
  get isCheckpointing(): boolean {
    const info = decodeCheckpointInfo(this.#bytes)
    return info !== undefined && info.backfillAttempted > info.backfilled
  }

  #isSame(): boolean {
    const [bytes, decoded] = [this.#bytes, this.#decoded]
    for (let i = 8; i < 96; i++) if (bytes[i] !== decoded[i]) return false
    return true
  }
}

const ATTEMPTS = 20
