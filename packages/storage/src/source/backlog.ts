import { StemmaError } from '@stemma/base'
import { FRAME_HEADER_SIZE, type WordOrder } from '@stemma/sqlite-file'
import type { Disk } from '../disk/disk.ts'
import { openNamelessFile } from '../disk/nameless-file.ts'
import { Overlay } from '../snapshot/overlay.ts'

/** Frames of one generation of the WAL that were copied; those before the first generation's were read from the WAL itself. */
export interface KeptGeneration {
  readonly salt1: number
  readonly salt2: number
  readonly wordOrder: WordOrder
  /** The index (see `FrameRing`) of this generation's frame 1, less 1. */
  readonly base: number
  /** The last frame that was copied, and the running checksum in it; 0 and nothing of use when there is none yet. */
  readonly frame: number
  readonly checksum1: number
  readonly checksum2: number
}

/**
 * Frames that were copied out of the WAL before anybody had the time to look at them, so that the WAL may begin anew meanwhile: and with
 * them each page that they change as it was before, since a checkpoint may then write over it in the database.
 *
 * All of it is in files without a name: when the process dies before it has read them, what they held is found missing at the next start,
 * by the sums of pages, and becomes one commit marked `recovered`.
 */
export class Backlog {
  readonly #disk: Disk
  readonly #folder: string
  readonly #pageSize: number
  readonly #stride: number
  readonly #bytesMax: number
  #fd: number | undefined
  #pages: Overlay | undefined
  /** From the one that is being read to the one that the WAL is in now. */
  #generations: KeptGeneration[] = []
  /** The index of the first frame, and of the last. */
  #low = 0
  #high = -1

  constructor(options: { disk: Disk; folder: string; pageSize: number; bytesMax: number }) {
    this.#disk = options.disk
    this.#folder = options.folder
    this.#pageSize = options.pageSize
    this.#stride = FRAME_HEADER_SIZE + options.pageSize
    this.#bytesMax = options.bytesMax
  }

  get isEmpty(): boolean {
    return this.#generations.length === 0
  }

  /** The generation to be read now; there is one. */
  get first(): KeptGeneration {
    return this.#generations[0]!
  }

  /** The generation that the WAL is in, and how far it has been copied; undefined when the backlog is empty. */
  get end(): KeptGeneration | undefined {
    return this.#generations.at(-1)
  }

  /** The index of the last frame. */
  get high(): number {
    return this.#high
  }

  /** Begins with what follows a frame of the generation that the WAL is in. */
  begin(generation: KeptGeneration): void {
    this.#generations = [generation]
    this.#low = generation.base + generation.frame + 1
    this.#high = this.#low - 1
  }

  /**
   * Adds frames of the last generation, as they stand in the WAL.
   *
   * @param checksum1 - in the last of them, as is `checksum2`
   * @throws StemmaError DATABASE_BUSY when there is no room for more; what the disk throws. Nothing has been added then
   */
  add(frames: Uint8Array, { checksum1, checksum2 }: { readonly checksum1: number; readonly checksum2: number }): void {
    const count = frames.byteLength / this.#stride
    const at = this.#high + 1 - this.#low
    if ((at + count) * this.#stride > this.#bytesMax)
      throw new StemmaError('DATABASE_BUSY', 'too much of its WAL waits to be read', {})
    this.#disk.write((this.#fd ??= openNamelessFile(this.#disk, this.#folder)), frames, at * this.#stride)
    this.#high += count
    const end = this.end!
    this.#generations[this.#generations.length - 1] = { ...end, frame: end.frame + count, checksum1, checksum2 }
  }

  /** The WAL has begun anew, and all of the generation before it has been added. */
  restart(header: { readonly salt1: number; readonly salt2: number; readonly wordOrder: WordOrder }): void {
    const { salt1, salt2, wordOrder } = header
    this.#generations.push({ salt1, salt2, wordOrder, base: this.#high, frame: 0, checksum1: 0, checksum2: 0 })
  }

  /** True when a page as it was before the first frame has been kept: for each page that a frame holds. */
  hasPage(pageNumber: number): boolean {
    return this.#pages?.has(pageNumber) ?? false
  }

  /** Keeps a page as it was before the first frame. */
  keepPage(pageNumber: number, page: Uint8Array): void {
    this.#pages ??= new Overlay({
      pageSize: this.#pageSize,
      memoryLimit: PAGES_IN_MEMORY,
      fileLimit: this.#bytesMax,
      folder: this.#folder,
      disk: this.#disk,
    })
    if (!this.#pages.keep(pageNumber, page, 0n)) throw new StemmaError('DATABASE_BUSY', 'too many pages wait to be read', {})
  }

  /** Reads frames with their headers, from an index on. */
  readFrames(into: Uint8Array, index: number): void {
    this.#read(into, (index - this.#low) * this.#stride)
  }

  /**
   * Reads a page as it is at its frame of this index, if that is here; or else as it was before all frames, if one of them changes it.
   *
   * @returns false when it is not here
   */
  readPage(pageNumber: number, index: number, into: Uint8Array): boolean {
    if (index < this.#low || index > this.#high) return this.#pages?.read(pageNumber, into) ?? false
    this.#read(into, (index - this.#low) * this.#stride + FRAME_HEADER_SIZE)
    return true
  }

  /** True when `readPage` would find it here. */
  holds(pageNumber: number, index: number): boolean {
    return (index >= this.#low && index <= this.#high) || this.hasPage(pageNumber)
  }

  /** The first generation has been read. Empties the backlog when it was the last. */
  next(): KeptGeneration | undefined {
    this.#generations.shift()
    if (this.isEmpty) this.clear()
    return this.#generations[0]
  }

  /** Forgets everything. */
  clear(): void {
    this.#generations = []
    this.#low = 0
    this.#high = -1
    const [fd, pages] = [this.#fd, this.#pages]
    this.#fd = this.#pages = undefined
    pages?.close()
    if (fd !== undefined) this.#disk.close(fd)
  }

  #read(into: Uint8Array, offset: number): void {
    if (this.#fd !== undefined && this.#disk.read(this.#fd, into, offset) === into.byteLength) return
    throw new StemmaError('DAMAGED_FILE', 'what was copied from the WAL is not there any more', {})
  }
}

/** Bytes of pages that are kept in memory before a file is made. */
const PAGES_IN_MEMORY = 4 * 1024 * 1024
