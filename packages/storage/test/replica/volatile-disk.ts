import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeDisk, type Disk } from '../../src/disk/disk.ts'
import { heldFiles } from '../../src/disk/held-files.ts'
import type { Random } from './workload.ts'

interface Write {
  readonly offset: number
  readonly bytes: Uint8Array
}

interface Volatile {
  path: string
  durable: Uint8Array
  pending: Write[]
}

const SECTOR = 512

/**
 * A disk that knows what of the files written through it would survive a power cut: what was synced, and of the rest whatever
 * happened to be written, sector by sector. What SQLite itself writes is as it is: SQLite syncs it when it must.
 */
export class VolatileDisk {
  readonly disk: Disk
  readonly #files = new Map<number, Volatile>()
  readonly #byPath = new Map<string, Volatile>()

  constructor() {
    this.disk = {
      ...nodeDisk,
      open: (path, mode) => {
        const fd = nodeDisk.open(path, mode)
        const known = this.#byPath.get(path)
        if (known === undefined && isOurs(path)) this.#byPath.set(path, { path, durable: read(fd), pending: [] })
        const file = this.#byPath.get(path)
        if (file !== undefined) this.#files.set(fd, file)
        return fd
      },
      close: (fd) => {
        this.#files.delete(fd)
        nodeDisk.close(fd)
      },
      write: (fd, bytes, offset) => {
        nodeDisk.write(fd, bytes, offset)
        this.#files.get(fd)?.pending.push({ offset, bytes: bytes.slice() })
      },
      truncate: (fd, size) => {
        nodeDisk.truncate(fd, size)
        this.#synced(fd)
      },
      sync: (fd) => {
        nodeDisk.sync(fd)
        this.#synced(fd)
      },
      syncInBackground: async (fd) => {
        nodeDisk.sync(fd)
        this.#synced(fd)
      },
      rename: (from, to) => {
        nodeDisk.rename(from, to)
        this.#byPath.delete(from)
      },
      remove: (path) => {
        nodeDisk.remove(path)
        this.#byPath.delete(path)
      },
    }
  }

  /** SQLite is about to checkpoint, and syncs the WAL for it. */
  walSynced(): void {
    for (const file of this.#byPath.values()) {
      if (!file.path.endsWith('-wal')) continue
      file.durable = readLive(file.path)
      file.pending = []
    }
  }

  /** Copies a folder as a killed process would leave it: all that was written is there. */
  copyAsKilled(from: string, to: string): void {
    for (const name of namesIn(from)) writeFileSync(join(to, name), readLive(join(from, name)))
  }

  /** Copies a folder as a power cut would leave it. */
  copyAsCutOff(from: string, to: string, random: Random): void {
    for (const name of namesIn(from)) {
      const file = this.#byPath.get(join(from, name))
      writeFileSync(join(to, name), file === undefined ? readLive(join(from, name)) : survive(file, random))
    }
  }

  #synced(fd: number): void {
    const file = this.#files.get(fd)
    if (file === undefined) return
    file.durable = read(fd)
    file.pending = []
  }
}

function isOurs(path: string): boolean {
  return /copy\.db(-wal|-stemma-places|-stemma-staging)$/.test(path)
}

/** What is left of a file: what was synced, and some of the sectors that were written since. The system writes them as it likes. */
function survive({ durable, pending }: Volatile, random: Random): Uint8Array {
  const sectors = pending.flatMap(({ offset, bytes }) => {
    const count = Math.ceil(bytes.byteLength / SECTOR)
    return Array.from({ length: count }, (_, i) => ({
      offset: offset + i * SECTOR,
      bytes: bytes.subarray(i * SECTOR, (i + 1) * SECTOR),
    }))
  })
  const [how, edge] = [random(3), random(sectors.length + 1)]
  const kept = sectors.filter((_, i) => (how === 0 ? random(4) > 0 : how === 1 ? i < edge : i >= edge))
  const size = Math.max(durable.byteLength, ...kept.map(({ offset, bytes }) => offset + bytes.byteLength))
  const left = new Uint8Array(size)
  left.set(durable)
  for (const { offset, bytes } of kept) left.set(bytes, offset)
  return left
}

function namesIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => !name.endsWith('-shm') && !name.endsWith('-lock'))
}

/** Reads a file that SQLite may have open, without cancelling its locks. */
function readLive(path: string): Uint8Array {
  const isPlain = /-(wal|places|staging)$/.test(path)
  const fd = isPlain ? nodeDisk.open(path, 'read') : heldFiles(nodeDisk).hold(path)
  try {
    return read(fd)
  } finally {
    if (isPlain) nodeDisk.close(fd)
  }
}

function read(fd: number): Uint8Array {
  const bytes = new Uint8Array(nodeDisk.size(fd))
  nodeDisk.read(fd, bytes, 0)
  return bytes
}
