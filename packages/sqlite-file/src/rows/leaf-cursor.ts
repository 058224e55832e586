import type { ByteOffset, PageNumber } from '@stemma/base'
import { uint16At, uint32At } from '../bytes.ts'
import { PAYLOAD_SIZE_MAX, localPayloadSize } from '../cell.ts'
import { damagedPage } from '../damage.ts'
import { readPage, type Pages } from '../pages.ts'
import { decodeTreePage, type TreePage } from '../tree-page.ts'
import { varintAt, varintSizeAt } from '../varint.ts'

/**
 * The cells of leaves of a table, one after the other, without an object for each: where it stands, the cell's parts are in fields.
 *
 * A rowid is two halves of 32 bits, the high one signed: numbers, since a bigint costs more than all the rest.
 */
export class LeafCursor {
  readonly pages: Pages
  readonly #leaves: readonly PageNumber[]
  readonly #kept: readonly TreePage[] | undefined
  /** The leaf it stands on, as an index; beyond the last when it is at the end. */
  leaf = -1
  page!: TreePage
  index = 0
  #end = 0
  high = 0
  low = 0
  offset: ByteOffset = 0
  end: ByteOffset = 0
  payloadSize = 0
  localOffset: ByteOffset = 0
  localSize = 0

  /**
   * @param leaves - in the order in which they are to be gone through
   * @param kept - the same leaves, when they have been read already
   */
  constructor(pages: Pages, leaves: readonly PageNumber[], kept?: readonly TreePage[]) {
    this.pages = pages
    this.#leaves = leaves
    this.#kept = kept
    this.nextLeaf()
  }

  get isDone(): boolean {
    return this.leaf >= this.#leaves.length
  }

  /** The first overflow page of the cell; 0 when it has none. */
  get firstOverflow(): PageNumber {
    return this.localSize < this.payloadSize ? uint32At(this.page.bytes, this.localOffset + this.localSize) : 0
  }

  /** Goes to the next cell, on the next leaf if need be. */
  next(): void {
    if (++this.index < this.#end) this.#decode()
    else this.nextLeaf()
  }

  /** Leaves out the cells of this leaf before an index, and a number of cells at its end. */
  narrow(start: number, tail: number): void {
    this.index = start
    this.#end = this.page.cellCount - tail
    if (this.index < this.#end) this.#decode()
    else this.nextLeaf()
  }

  nextLeaf(): void {
    while (++this.leaf < this.#leaves.length) {
      this.page = this.#kept?.[this.leaf] ?? leafPage(this.pages, this.#leaves[this.leaf]!)
      this.index = 0
      this.#end = this.page.cellCount
      if (this.#end > 0) return this.#decode()
    }
  }

  #decode(): void {
    const { bytes, pageNumber, pointersOffset, contentOffset, usableSize } = this.page
    const offset = uint16At(bytes, pointersOffset + 2 * this.index)
    if (offset < contentOffset || offset > usableSize - 4) throw damagedPage(pageNumber, `cell ${this.index} begins at ${offset}`)
    this.offset = offset
    let at = offset
    let payloadSize = bytes[at]!
    if (payloadSize < 0x80) at++
    else {
      at += varintSizeAt(bytes, at, usableSize)
      payloadSize = varintAt(bytes, offset)
      if (payloadSize > PAYLOAD_SIZE_MAX)
        throw damagedPage(pageNumber, `cell ${this.index} has a payload of ${payloadSize} bytes`)
    }
    this.payloadSize = payloadSize
    at = this.#decodeRowid(bytes, at)
    this.localOffset = at
    if (payloadSize <= usableSize - 35) {
      this.localSize = payloadSize
      this.end = at + payloadSize
    } else {
      this.localSize = localPayloadSize(payloadSize, usableSize, true)
      this.end = at + this.localSize + (this.localSize < payloadSize ? 4 : 0)
    }
    if (this.end > usableSize) throw damagedPage(pageNumber, `cell ${this.index} goes beyond the page`)
  }

  #decodeRowid(bytes: Uint8Array, offset: number): number {
    let at = offset
    let byte = bytes[at++]!
    let low = byte & 0x7f
    let high = 0
    for (let i = 1; byte >= 0x80 && i < 8; i++) {
      byte = bytes[at++]!
      high = (high << 7) | (low >>> 25)
      low = (low << 7) | (byte & 0x7f)
    }
    if (byte >= 0x80) {
      byte = bytes[at++]!
      high = (high << 8) | (low >>> 24)
      low = (low << 8) | byte
    }
    this.high = high | 0
    this.low = low >>> 0
    return at
  }
}

/** A rowid of two halves. */
export function rowidOf(high: number, low: number): bigint {
  if (high === 0) return BigInt(low)
  // A number is exact up to 2^53, and cheaper than shifting.
  if (high >= -0x200000 && high < 0x200000) return BigInt(high * 0x1_0000_0000 + low)
  return (BigInt(high) << 32n) | BigInt(low)
}

/** @throws StemmaError DAMAGED_FILE when the page is no leaf of a table */
function leafPage(pages: Pages, pageNumber: PageNumber): TreePage {
  const page = decodeTreePage(readPage(pages, pageNumber, 0), pageNumber, pages.usableSize)
  if (page.kind !== 'table-leaf') throw damagedPage(pageNumber, `it is ${page.kind} where a leaf of a table should be`)
  return page
}
