import type { PageNumber } from '@stemma/base'
import { decodeCell, type Cell } from '../cell.ts'
import { damagedPage, damagedRecord } from '../damage.ts'
import { readPage, type Pages } from '../pages.ts'
import { sizeOfSerialType } from '../record.ts'
import { decodeTreePage, isLeaf, isTable, type TreePage } from '../tree-page.ts'
import { varintAt, varintSizeAt } from '../varint.ts'
import { changedCells } from './changed-cells.ts'
import { sameBytes } from './same-bytes.ts'
import type { TreeChange } from './tree-change.ts'

/** A cell of a tree that has keys, on a leaf or above. */
export interface KeyedCell {
  readonly page: TreePage
  readonly cell: Cell
}

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
  const before: KeyedCell[] = []
  const after: KeyedCell[] = []
  const kept = new Set<PageNumber>()
  const earlier = new Set(change.before)
  for (const pageNumber of change.after) {
    const page = keyedPage(pages.after, pageNumber)
    if (!earlier.has(pageNumber) || change.chains !== undefined) {
      addCells(page, after, 0, page.cellCount)
      continue
    }
    kept.add(pageNumber)
    const pageBefore = keyedPage(pages.before, pageNumber)
    const isSameKind = page.kind === pageBefore.kind
    const { start, tail } = isSameKind ? changedCells(pageBefore, page) : { start: 0, tail: 0 }
    addCells(pageBefore, before, start, pageBefore.cellCount - tail)
    addCells(page, after, start, page.cellCount - tail)
  }
  for (const pageNumber of change.before) {
    if (kept.has(pageNumber)) continue
    const page = keyedPage(pages.before, pageNumber)
    addCells(page, before, 0, page.cellCount)
  }
  return withoutEqual(before, after, change.chains)
}

/** The bytes of the first values of a record, as text of one character for each byte. */
export function keyOfRecord(record: Uint8Array, keyCount: number): string {
  let at = varintSizeAt(record, 0, record.byteLength)
  const headerEnd = varintAt(record, 0)
  const typesStart = at
  let end = headerEnd
  for (let i = 0; i < keyCount; i++) {
    if (at >= headerEnd) throw damagedRecord(`it has ${i} values of a key of ${keyCount}`)
    const typeSize = varintSizeAt(record, at, record.byteLength)
    const size = sizeOfSerialType(varintAt(record, at))
    if (size === undefined) throw damagedRecord(`a column has serial type ${varintAt(record, at)}`)
    at += typeSize
    end += size
  }
  if (end > record.byteLength) throw damagedRecord('its key goes beyond its end')
  return characters(record, typesStart, at) + characters(record, headerEnd, end)
}

function keyedPage(pages: Pages, pageNumber: PageNumber): TreePage {
  const page = decodeTreePage(readPage(pages, pageNumber, 0), pageNumber, pages.usableSize)
  if (isTable(page.kind)) throw damagedPage(pageNumber, `it is ${page.kind} where a page of keys should be`)
  return page
}

function addCells(page: TreePage, cells: KeyedCell[], start: number, end: number): void {
  for (let index = start; index < end; index++) cells.push({ page, cell: decodeCell(page, index) })
}

/** @param chains - cells whose overflow chain begins with one of these are taken for different */
function withoutEqual(
  before: readonly KeyedCell[],
  after: readonly KeyedCell[],
  chains: ReadonlySet<PageNumber> | undefined,
): KeyedDifference {
  if (before.length === 0 || after.length === 0) return { before, after }
  const byHash = new Map<number, KeyedCell[]>()
  const onlyBefore: KeyedCell[] = []
  for (const one of before) {
    if (chains?.has(one.cell.firstOverflow) === true) {
      onlyBefore.push(one)
      continue
    }
    const hash = hashOf(one)
    const others = byHash.get(hash)
    if (others === undefined) byHash.set(hash, [one])
    else others.push(one)
  }
  const onlyAfter: KeyedCell[] = []
  for (const one of after) {
    const candidates = chains?.has(one.cell.firstOverflow) === true ? undefined : byHash.get(hashOf(one))
    const at = candidates?.findIndex((other) => isSameCell(one, other)) ?? -1
    if (at < 0) onlyAfter.push(one)
    else candidates!.splice(at, 1)
  }
  for (const left of byHash.values()) onlyBefore.push(...left)
  return { before: onlyBefore, after: onlyAfter }
}

/** Where the bytes of a cell begin that are the same on a leaf and above: behind the left child. */
function startOf({ page, cell }: KeyedCell): number {
  return cell.offset + (isLeaf(page.kind) ? 0 : 4)
}

function endOf({ cell }: KeyedCell): number {
  return cell.localOffset + cell.localSize + (cell.localSize < cell.payloadSize ? 4 : 0)
}

function hashOf(one: KeyedCell): number {
  const { bytes } = one.page
  const end = endOf(one)
  let hash = 0x811c9dc5
  for (let at = startOf(one); at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193)
  return hash
}

function isSameCell(one: KeyedCell, other: KeyedCell): boolean {
  const [start, otherStart] = [startOf(one), startOf(other)]
  const size = endOf(one) - start
  if (size !== endOf(other) - otherStart) return false
  return sameBytes(one.page.bytes, start, other.page.bytes, otherStart, size)
}

function characters(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!)
  return text
}
