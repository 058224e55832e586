import type { PageNumber } from '@stemma/base'
import { uint32At } from '../bytes.ts'
import { decodeCell, localPayloadSize, PAYLOAD_SIZE_MAX, type Cell } from '../cell.ts'
import { damagedPage } from '../damage.ts'
import { cellOffset, isLeaf, type TreePage } from '../tree-page.ts'
import { varintAt, varintSizeAt } from '../varint.ts'
import { sameBytes } from './same-bytes.ts'

/** A cell of a tree that has keys, on a leaf or above. */
export interface KeyedCell {
  readonly page: TreePage
  readonly cell: Cell
}

/** Cells of trees that have keys, as runs of bytes of their pages: without an object for each. */
export class CellList {
  readonly #pages: TreePage[] = []
  readonly #indexes: number[] = []
  readonly #starts: number[] = []
  readonly #ends: number[] = []
  readonly #overflows: boolean[] = []

  get length(): number {
    return this.#pages.length
  }

  add(page: TreePage, index: number): void {
    const { bytes, usableSize } = page
    // The left child is no part of the row: a row may move between a leaf and the pages above.
    const start = cellOffset(page, index) + (isLeaf(page.kind) ? 0 : 4)
    const sizeSize = varintSizeAt(bytes, start, usableSize)
    const payloadSize = varintAt(bytes, start)
    if (payloadSize > PAYLOAD_SIZE_MAX) throw damagedPage(page.pageNumber, `cell ${index} has a payload of ${payloadSize} bytes`)
    const localSize = localPayloadSize(payloadSize, usableSize, false)
    const end = start + sizeSize + localSize + (localSize < payloadSize ? 4 : 0)
    if (end > usableSize) throw damagedPage(page.pageNumber, `cell ${index} goes beyond the page`)
    this.#pages.push(page)
    this.#indexes.push(index)
    this.#starts.push(start)
    this.#ends.push(end)
    this.#overflows.push(localSize < payloadSize)
  }

  /** Takes the last cell away again when another image of its page has the same bytes there. @returns true when it did */
  dropIfSameIn(other: Uint8Array): boolean {
    const at = this.length - 1
    const start = this.#starts[at]!
    if (!sameBytes(this.#pages[at]!.bytes, start, other, start, this.#ends[at]! - start)) return false
    for (const list of [this.#pages, this.#indexes, this.#starts, this.#ends, this.#overflows]) list.pop()
    return true
  }

  cell(at: number): KeyedCell {
    const page = this.#pages[at]!
    return { page, cell: decodeCell(page, this.#indexes[at]!) }
  }

  firstOverflow(at: number): PageNumber {
    return this.#overflows[at]! ? uint32At(this.#pages[at]!.bytes, this.#ends[at]! - 4) : 0
  }

  hash(at: number): number {
    const { bytes } = this.#pages[at]!
    const end = this.#ends[at]!
    let hash = 0x811c9dc5
    for (let offset = this.#starts[at]!; offset < end; offset++) hash = Math.imul(hash ^ bytes[offset]!, 0x01000193)
    return hash ^ (hash >>> 15)
  }

  isSame(at: number, other: CellList, otherAt: number): boolean {
    const [start, otherStart] = [this.#starts[at]!, other.#starts[otherAt]!]
    const size = this.#ends[at]! - start
    if (size !== other.#ends[otherAt]! - otherStart) return false
    return sameBytes(this.#pages[at]!.bytes, start, other.#pages[otherAt]!.bytes, otherStart, size)
  }
}
