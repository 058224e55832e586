import { StemmaError, checksum64, type PageNumber } from '@stemma/base'
import type { PageTarget } from '@stemma/log'
import { EndlessError } from './endless.ts'

/** Calls that a payload may make of a target before it is said to go on for ever: each takes a byte of the payload at least. */
const CALLS_MAX = 1_000_000
/** Pages that are kept; those beyond are all one and the same. */
const PAGES_KEPT = 1024
/** No database that SQLite can make has more. */
const PAGE_NUMBER_MAX = 0xfffffffe

/** Pages in memory, for payloads that no copy should take. Pages begin as something that hangs on their number. */
export class MemoryTarget implements PageTarget {
  readonly pageSize: number
  readonly #pages = new Map<PageNumber, Uint8Array>()
  readonly #rest: Uint8Array
  readonly #said: string[] = []
  #calls = 0

  constructor(pageSize: number) {
    this.pageSize = pageSize
    this.#rest = new Uint8Array(pageSize)
  }

  page(pageNumber: PageNumber): Uint8Array {
    this.#count()
    if (!Number.isInteger(pageNumber) || pageNumber < 1 || pageNumber > PAGE_NUMBER_MAX)
      throw new StemmaError('DAMAGED_ENTRY', `no database has a page ${pageNumber}`)
    let page = this.#pages.get(pageNumber)
    if (page !== undefined) return page
    if (this.#pages.size >= PAGES_KEPT) return this.#rest
    page = new Uint8Array(this.pageSize).fill(pageNumber & 0xff)
    this.#pages.set(pageNumber, page)
    return page
  }

  expect(pageNumber: PageNumber, sum: number): void {
    this.#count()
    this.#say(`page ${pageNumber} has sum ${sum >>> 0}`)
  }

  setPageCount(pageCount: number): void {
    this.#count()
    if (!Number.isInteger(pageCount) || pageCount < 1 || pageCount > PAGE_NUMBER_MAX)
      throw new StemmaError('DAMAGED_ENTRY', `no database has ${pageCount} pages`)
    this.#say(`${pageCount} pages`)
  }

  /** What has been done to it, as text that is equal when that is. */
  show(): string {
    const pages = [...this.#pages].map(([number, bytes]) => `${number} ${checksum64(bytes)}`)
    return [...this.#said, ...pages].join('\n')
  }

  #say(what: string): void {
    if (this.#said.length < PAGES_KEPT) this.#said.push(what)
  }

  #count(): void {
    if (++this.#calls > CALLS_MAX) throw new EndlessError(`the payload made more than ${CALLS_MAX} calls of its target`)
  }
}
