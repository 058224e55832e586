import { WAL_INDEX_HEADER_SIZE, decodeWalIndexHeader, frameOffset } from '@stemma/sqlite-file'
import type { Disk } from '../disk/disk.ts'
import { heldFiles } from '../disk/held-files.ts'

/** What the wal-index of a live database says. */
export interface WalState {
  /** Transactions since the wal-index was made, modulo 2^32. */
  readonly changeCounter: number
  /** Bytes of the WAL that hold frames. */
  readonly bytes: number
}

/** Looks at a WAL that SQLite writes, from beside. Whoever makes it has the database open by a connection, until it is closed. */
export class LiveWal {
  readonly #disk: Disk
  readonly #wal: number
  readonly #shm: number
  readonly #bytes = new Uint8Array(WAL_INDEX_HEADER_SIZE)

  constructor(disk: Disk, database: string) {
    this.#disk = disk
    this.#shm = heldFiles(disk).hold(`${database}-shm`)
    this.#wal = disk.open(`${database}-wal`, 'write')
  }

  /** What the wal-index says now; undefined while somebody writes it. */
  read(): WalState | undefined {
    this.#disk.read(this.#shm, this.#bytes, 0)
    const start = decodeWalIndexHeader(this.#bytes)
    if (start.kind !== 'header') return undefined
    const { lastFrame, pageSize, changeCounter } = start.header
    return { changeCounter, bytes: lastFrame === 0 ? 0 : frameOffset(lastFrame + 1, pageSize) }
  }

  /** Makes what was written to the WAL so far durable. */
  sync(): Promise<void> {
    return this.#disk.syncInBackground(this.#wal)
  }

  /** Nothing may be syncing. */
  close(): void {
    this.#disk.close(this.#wal)
  }
}
