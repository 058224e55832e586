import type { Disk } from '../disk/disk.ts'
import { openNamelessFile } from '../disk/nameless-file.ts'

export interface OverlayOptions {
  /** Bytes. */
  readonly pageSize: number
  /** Bytes of pages that are kept in memory; more go to a file. */
  readonly memoryLimit: number
  /** Bytes of pages that are kept in the file. */
  readonly fileLimit: number
  /** Where the file is made. It has no name there: nobody else can open it, and it is gone when the process is. */
  readonly folder: string
  readonly disk: Disk
}

interface Kept {
  /** From 0 in memory; from as many as memory takes on in the file. */
  readonly slot: number
  readonly sum: bigint
}

/** Pages as they were, in memory up to a limit and in a nameless file beyond it. */
export class Overlay {
  readonly #options: OverlayOptions
  readonly #kept = new Map<number, Kept>()
  readonly #memory: Uint8Array[] = []
  readonly #memoryMax: number
  readonly #fileMax: number
  readonly #freeInMemory: number[] = []
  readonly #freeInFile: number[] = []
  #fileSlots = 0
  #fd: number | undefined

  constructor(options: OverlayOptions) {
    this.#options = options
    this.#memoryMax = Math.floor(options.memoryLimit / options.pageSize)
    this.#fileMax = Math.floor(options.fileLimit / options.pageSize)
  }

  get size(): number {
    return this.#kept.size
  }

  has(pageNumber: number): boolean {
    return this.#kept.has(pageNumber)
  }

  /** The sum that was given with a page; undefined when the page is not kept. */
  sum(pageNumber: number): bigint | undefined {
    return this.#kept.get(pageNumber)?.sum
  }

  /**
   * Keeps a copy of a page.
   *
   * @returns false when there is no room for it
   * @throws what the disk throws; the page is then not kept
   */
  keep(pageNumber: number, page: Uint8Array, sum: bigint): boolean {
    const slot = this.#slotInMemory() ?? this.#slotInFile()
    if (slot === undefined) return false
    if (slot < this.#memoryMax) this.#memory[slot]!.set(page)
    else this.#write(slot, page)
    this.#kept.set(pageNumber, { slot, sum })
    return true
  }

  /** Copies a page that is kept to `into`; false when it isn't. */
  read(pageNumber: number, into: Uint8Array): boolean {
    const kept = this.#kept.get(pageNumber)
    if (kept === undefined) return false
    if (kept.slot < this.#memoryMax) into.set(this.#memory[kept.slot]!)
    else if (this.#options.disk.read(this.#fd!, into, this.#offsetOf(kept.slot)) < into.byteLength) {
      throw new Error(`page ${pageNumber} is no longer where it was put`)
    }
    return true
  }

  drop(pageNumber: number): void {
    const kept = this.#kept.get(pageNumber)
    if (kept === undefined) return
    this.#kept.delete(pageNumber)
    this.#free(kept.slot)
  }

  /** Drops the pages with numbers from `first` to `last`. */
  dropRange(first: number, last: number): void {
    if (last - first < this.#kept.size) {
      for (let pageNumber = first; pageNumber <= last; pageNumber++) this.drop(pageNumber)
      return
    }
    for (const pageNumber of this.#kept.keys()) if (pageNumber >= first && pageNumber <= last) this.drop(pageNumber)
  }

  close(): void {
    this.#kept.clear()
    this.#memory.length = 0
    const fd = this.#fd
    this.#fd = undefined
    if (fd !== undefined) this.#options.disk.close(fd)
  }

  #slotInMemory(): number | undefined {
    const free = this.#freeInMemory.pop()
    if (free !== undefined) return free
    if (this.#memory.length >= this.#memoryMax) return undefined
    this.#memory.push(new Uint8Array(this.#options.pageSize))
    return this.#memory.length - 1
  }

  #slotInFile(): number | undefined {
    const free = this.#freeInFile.pop()
    if (free !== undefined) return free
    return this.#fileSlots < this.#fileMax ? this.#memoryMax + this.#fileSlots++ : undefined
  }

  #free(slot: number): void {
    if (slot < this.#memoryMax) this.#freeInMemory.push(slot)
    else this.#freeInFile.push(slot)
  }

  #write(slot: number, page: Uint8Array): void {
    try {
      this.#fd ??= openNamelessFile(this.#options.disk, this.#options.folder)
      this.#options.disk.write(this.#fd, page, this.#offsetOf(slot))
    } catch (error) {
      this.#free(slot)
      throw error
    }
  }

  #offsetOf(slot: number): number {
    return (slot - this.#memoryMax) * this.#options.pageSize
  }
}
