import { StemmaError, type PageNumber } from '@stemma/base'
import type { PageTarget } from '@stemma/log'
import { lockBytePage } from '@stemma/sqlite-file'

/** No group of entries changes more than this, in bytes of pages: a leader makes a barrier of a larger commit. */
export const STAGED_BYTES_MAX: number = 512 * 1024 * 1024

/** Pages of the largest database that is copied: 1 TiB of 4 KiB. Each costs 8 bytes of memory. */
const PAGES_MAX = 2 ** 28

// SQLite writes each page that it adds; some room in case one version of it does not.
const GROWTH_SLACK = 1024
const SLAB_BYTES = 1024 * 1024
const UNKNOWN = -1

export interface PageStageOptions {
  /** Bytes. */
  readonly pageSize: number
  /** How much of the copy is kept in memory between groups, in bytes. */
  readonly cacheBytes: number
  /** Fills `into` with a page as the copy has it. */
  readPage(pageNumber: PageNumber, into: Uint8Array): void
}

/** A page in memory. */
export interface StagedPage {
  readonly bytes: Uint8Array
  readonly pageNumber: PageNumber
  /** The low 32 bits that its sum must have; -1 when nobody said. */
  readonly expected: number
}

interface Slot extends StagedPage {
  pageNumber: PageNumber
  expected: number
  /** The last group that touched it. */
  group: number
  /** Touched since the clock's hand came by. */
  recent: boolean
}

/**
 * The pages that a group of entries changes, over a cache of the pages that earlier groups touched.
 *
 * A group begins, formats change pages, and then it is kept or thrown away as a whole. Pages are changed in place, so a page
 * that several commits of one group change is held and written once.
 */
export class PageStage implements PageTarget {
  readonly pageSize: number
  readonly #options: PageStageOptions
  readonly #lockPage: PageNumber
  readonly #capacity: number
  readonly #slots: Slot[] = []
  readonly #byPage = new Map<PageNumber, Slot>()
  #staged: Slot[] = []
  #group = 0
  #hand = 0
  /** The copy's pages up to here are what lies below; pages behind it begin as zeros. */
  #below = 0
  #pageCount = 0
  #highest = 0

  constructor(options: PageStageOptions) {
    this.pageSize = options.pageSize
    this.#options = options
    this.#lockPage = lockBytePage(options.pageSize)
    this.#capacity = Math.max(16, Math.floor(options.cacheBytes / options.pageSize))
  }

  /** Pages in the database after the entries so far. */
  get pageCount(): number {
    return this.#pageCount
  }

  /** Bytes of pages that the group holds. */
  get stagedBytes(): number {
    return this.#staged.length * this.pageSize
  }

  /** The pages that the group touched, each once. */
  get staged(): readonly StagedPage[] {
    return this.#staged
  }

  /** Begins a group over a copy that has this many pages. */
  begin(pageCount: number): void {
    this.#group++
    this.#staged = []
    this.#below = pageCount
    this.#pageCount = pageCount
    this.#highest = 0
    if (this.#slots.length > this.#capacity) this.#trim()
  }

  page(pageNumber: PageNumber): Uint8Array {
    const slot = this.#byPage.get(pageNumber) ?? this.#load(pageNumber)
    slot.expected = UNKNOWN
    if (slot.group !== this.#group) this.#add(slot)
    return slot.bytes
  }

  expect(pageNumber: PageNumber, sum: number): void {
    let slot = this.#byPage.get(pageNumber)
    if (slot === undefined || slot.group !== this.#group) {
      this.page(pageNumber)
      slot = this.#byPage.get(pageNumber)!
    }
    slot.expected = sum >>> 0
  }

  setPageCount(pageCount: number): void {
    if (!Number.isInteger(pageCount) || pageCount < 1 || pageCount > PAGES_MAX) {
      throw new StemmaError('DAMAGED_ENTRY', `a database of ${pageCount} pages can not be copied`, { pageCount })
    }
    if (pageCount < this.#pageCount) this.#shrink(pageCount)
    this.#pageCount = pageCount
  }

  /**
   * Ends an entry: what it did must fit together.
   *
   * @throws StemmaError DAMAGED_ENTRY
   */
  endEntry(): void {
    const most = Math.max(this.#below, this.#highest) + GROWTH_SLACK
    if (this.#highest > this.#pageCount || this.#pageCount > most) {
      const { pageCount } = this
      throw new StemmaError('DAMAGED_ENTRY', `the entry makes ${pageCount} pages, but writes page ${this.#highest}`, {
        pageCount,
      })
    }
  }

  /** Throws away what the group did. */
  abandon(): void {
    for (const slot of this.#staged) this.#drop(slot)
    this.#staged = []
  }

  /** Forgets every page. */
  clear(): void {
    for (const slot of this.#slots) slot.pageNumber = 0
    this.#byPage.clear()
    this.#staged = []
  }

  #add(slot: Slot): void {
    slot.group = this.#group
    slot.recent = true
    this.#staged.push(slot)
    if (slot.pageNumber > this.#highest) this.#highest = slot.pageNumber
  }

  #load(pageNumber: PageNumber): Slot {
    if (!Number.isInteger(pageNumber) || pageNumber < 1 || pageNumber > PAGES_MAX || pageNumber === this.#lockPage) {
      throw new StemmaError('DAMAGED_ENTRY', `page ${pageNumber} is no page of a database`, { pageNumber })
    }
    const slot = this.#freeSlot()
    if (pageNumber <= this.#below) this.#options.readPage(pageNumber, slot.bytes)
    else slot.bytes.fill(0)
    slot.pageNumber = pageNumber
    slot.group = 0
    this.#byPage.set(pageNumber, slot)
    return slot
  }

  /** A slot that holds no page: a new one, or one that the group does not need and that was not used for longest. */
  #freeSlot(): Slot {
    const slots = this.#slots
    if (slots.length < this.#capacity || this.#staged.length > slots.length - 8) return this.#grow()
    for (;;) {
      this.#hand = this.#hand + 1 < slots.length ? this.#hand + 1 : 0
      const slot = slots[this.#hand]!
      if (slot.group === this.#group && slot.pageNumber !== 0) continue
      if (slot.recent && slot.pageNumber !== 0) {
        slot.recent = false
        continue
      }
      this.#drop(slot)
      return slot
    }
  }

  #grow(): Slot {
    if (this.stagedBytes >= STAGED_BYTES_MAX) {
      throw new StemmaError('SNAPSHOT_NEEDED', `these entries change more than ${STAGED_BYTES_MAX} bytes of pages at once`, {})
    }
    const count = Math.max(1, Math.floor(SLAB_BYTES / this.pageSize))
    const slab = new Uint8Array(count * this.pageSize)
    const first = this.#slots.length
    for (let i = 0; i < count; i++) {
      const bytes = slab.subarray(i * this.pageSize, (i + 1) * this.pageSize)
      this.#slots.push({ bytes, pageNumber: 0, expected: UNKNOWN, group: 0, recent: false })
    }
    this.#hand = first
    return this.#slots[first]!
  }

  #drop(slot: Slot): void {
    if (slot.pageNumber !== 0) this.#byPage.delete(slot.pageNumber)
    slot.pageNumber = 0
    slot.group = 0
  }

  #shrink(pageCount: number): void {
    for (const slot of this.#slots) if (slot.pageNumber > pageCount) this.#drop(slot)
    this.#staged = this.#staged.filter((slot) => slot.pageNumber !== 0)
    this.#below = Math.min(this.#below, pageCount)
    this.#highest = Math.min(this.#highest, pageCount)
  }

  /** Gives back what one large group needed. */
  #trim(): void {
    for (const slot of this.#slots.splice(this.#capacity)) this.#drop(slot)
    this.#hand = 0
  }
}
