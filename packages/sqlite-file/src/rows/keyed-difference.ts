import type { PageNumber } from '@stemma/base'
import { damagedPage, damagedRecord } from '../damage.ts'
import { readPage, type Pages } from '../pages.ts'
import { sizeOfSerialType } from '../record.ts'
import { decodeTreePage, isTable, type TreePage } from '../tree-page.ts'
import { varintAt, varintSizeAt } from '../varint.ts'
import { CellList, type KeyedCell } from './cell-list.ts'
import { changedCells } from './changed-cells.ts'
import type { TreeChange } from './tree-change.ts'

// Serial types; see `decodeRecord`.
const ONE_BYTE_INTEGER = 1
const ZERO = 8
const ONE = 9

/** The cells of a tree that only one side has. A row that was updated is on both. */
export interface KeyedDifference {
  readonly before: readonly KeyedCell[]
  readonly after: readonly KeyedCell[]
}

/**
 * Takes away what the pages of a tree with keys had before and have after, as bytes, in any order.
 *
 * The order of keys depends on collations, which pages don't tell, so equal cells are found by a hash of their bytes. Cells that
 * stay where they are on their page are left out before.
 */
export function keyedDifference(change: TreeChange, pages: { readonly before: Pages; readonly after: Pages }): KeyedDifference {
  const before = new CellList()
  const after = new CellList()
  const kept = new Set<PageNumber>()
  const earlier = new Set(change.before)
  for (const pageNumber of change.after) {
    const page = keyedPage(pages.after, pageNumber)
    const pageBefore = earlier.has(pageNumber) && change.chains === undefined ? keyedPage(pages.before, pageNumber) : undefined
    if (pageBefore === undefined || pageBefore.kind !== page.kind) {
      addCells(page, after, 0, page.cellCount)
      continue
    }
    kept.add(pageNumber)
    addChanged(pageBefore, before, page, after)
  }
  for (const pageNumber of change.before) {
    if (kept.has(pageNumber)) continue
    const page = keyedPage(pages.before, pageNumber)
    addCells(page, before, 0, page.cellCount)
  }
  return withoutEqual(before, after, change.chains)
}

/**
 * The first values of a record, as text of one character for each byte of them. Two records have the same key when this is the same.
 *
 * SQLite writes 0 and 1 in two ways, without a byte of their own or with one: ALTER TABLE takes the other way than INSERT for columns of
 * type REAL. Both are the same key. An integer and a real that are equal are not, since the row of a copy would keep the one for the other.
 */
export function keyOfRecord(record: Uint8Array, keyCount: number): string {
  let at = varintSizeAt(record, 0, record.byteLength)
  const headerEnd = varintAt(record, 0)
  let end = headerEnd
  let [types, values] = ['', '']
  for (let i = 0; i < keyCount; i++) {
    if (at >= headerEnd) throw damagedRecord(`it has ${i} values of a key of ${keyCount}`)
    const typeSize = varintSizeAt(record, at, record.byteLength)
    const type = varintAt(record, at)
    const size = sizeOfSerialType(type)
    if (size === undefined) throw damagedRecord(`a column has serial type ${type}`)
    if (end + size > record.byteLength) throw damagedRecord('its key goes beyond its end')
    if (type === ZERO || type === ONE) {
      types += String.fromCharCode(ONE_BYTE_INTEGER)
      values += String.fromCharCode(type - ZERO)
    } else {
      types += characters(record, at, at + typeSize)
      values += characters(record, end, end + size)
    }
    at += typeSize
    end += size
  }
  return types + values
}

function keyedPage(pages: Pages, pageNumber: PageNumber): TreePage {
  const page = decodeTreePage(readPage(pages, pageNumber, 0), pageNumber, pages.usableSize)
  if (isTable(page.kind)) throw damagedPage(pageNumber, `it is ${page.kind} where a page of keys should be`)
  return page
}

function addCells(page: TreePage, cells: CellList, start: number, end: number): void {
  for (let index = start; index < end; index++) cells.add(page, index)
}

/** Adds the cells of two images of a page that may differ. */
function addChanged(pageBefore: TreePage, before: CellList, page: TreePage, after: CellList): void {
  const { start, head, tail, tailEnd } = changedCells(pageBefore, page)
  const addPair = (indexBefore: number, index: number): void => {
    after.add(page, index)
    if (after.dropIfSameIn(pageBefore.bytes)) return
    before.add(pageBefore, indexBefore)
  }
  for (let index = start; index < head; index++) addPair(index, index)
  for (let fromEnd = tail + 1; fromEnd <= tailEnd; fromEnd++) addPair(pageBefore.cellCount - fromEnd, page.cellCount - fromEnd)
  addCells(pageBefore, before, head, pageBefore.cellCount - tailEnd)
  addCells(page, after, head, page.cellCount - tailEnd)
}

/** @param chains - cells whose overflow chain begins with one of these are taken for different */
function withoutEqual(before: CellList, after: CellList, chains: ReadonlySet<PageNumber> | undefined): KeyedDifference {
  const isMarked = (cells: CellList, at: number): boolean => chains !== undefined && chains.has(cells.firstOverflow(at))
  const table = new CellTable(before.length)
  const isLeft = new Uint8Array(before.length).fill(1)
  for (let at = 0; at < before.length; at++) if (!isMarked(before, at)) table.add(before.hash(at), at)
  const onlyAfter: KeyedCell[] = []
  for (let at = 0; at < after.length; at++) {
    const isTwin = (other: number): boolean => isLeft[other] === 1 && after.isSame(at, before, other)
    const twin = before.length === 0 || isMarked(after, at) ? -1 : table.find(after.hash(at), isTwin)
    if (twin < 0) onlyAfter.push(after.cell(at))
    else isLeft[twin] = 0
  }
  const onlyBefore: KeyedCell[] = []
  for (let at = 0; at < before.length; at++) if (isLeft[at] === 1) onlyBefore.push(before.cell(at))
  return { before: onlyBefore, after: onlyAfter }
}

/** Numbers from 0 on by their hashes, without an object for each. */
class CellTable {
  readonly #mask: number
  /** One more than the number that came last, by hash; 0 for none. */
  readonly #heads: Int32Array
  /** For each number the one before it with the same head, and its hash. */
  readonly #next: Int32Array
  readonly #hashes: Int32Array

  constructor(count: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(1, 2 * count)))
    this.#mask = size - 1
    this.#heads = new Int32Array(size)
    this.#next = new Int32Array(count)
    this.#hashes = new Int32Array(count)
  }

  add(hash: number, at: number): void {
    const head = hash & this.#mask
    this.#next[at] = this.#heads[head]!
    this.#hashes[at] = hash
    this.#heads[head] = at + 1
  }

  /** @returns a number with this hash that is wanted; -1 for none */
  find(hash: number, isWanted: (at: number) => boolean): number {
    for (let at = this.#heads[hash & this.#mask]! - 1; at >= 0; at = this.#next[at]! - 1) {
      if (this.#hashes[at] === hash && isWanted(at)) return at
    }
    return -1
  }
}

function characters(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!)
  return text
}
