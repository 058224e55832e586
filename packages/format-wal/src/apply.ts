import { PayloadReader, damagedPayload, decompressBody, type PageTarget } from '@stemma/log'
import { ZSTD } from './compression.ts'
import { END_OF_PAGES, FRESH, LENDERS_MAX, PAGE_NUMBER_MAX, RAW, REARRANGE, type PageMode } from './ops.ts'
import { carryOut, type OperationListener, type Workpiece } from './page-reader.ts'

/** Is told what an entry does. */
export interface ApplyListener {
  page(pageNumber: number, mode: PageMode, payloadBytes: number): void
  operation: OperationListener
}

/** Size of a page, in bytes, as a payload names it in its first byte. */
export function pageSizeOf(payload: Uint8Array): number {
  return 512 << ((payload[0] ?? 0) & 0x07)
}

/** Whether a payload is compressed. */
export function isCompressed(payload: Uint8Array): boolean {
  return ((payload[0] ?? 0) & COMPRESSED) !== 0
}

/** In the first byte of a payload: the body is compressed. */
export const COMPRESSED = 0x10

const NO_BYTES: Uint8Array = new Uint8Array(0)
const NO_LENDERS: readonly Uint8Array[] = []
const NO_NUMBERS: readonly number[] = []

/** Room for pages as they were: the lenders, and behind them the page that is worked on. It is used again and again. */
const copies: Uint8Array[] = Array.from({ length: LENDERS_MAX + 1 }, () => NO_BYTES)

/** A payload that is being applied. */
interface Work extends Workpiece {
  readonly body: PayloadReader
  readonly target: PageTarget
  readonly pageCount: number
  readonly pageListener: ApplyListener | undefined
}

/**
 * Applies a payload to a copy that stands right before its commit.
 *
 *     payload    1 byte: binary logarithm of the page size, less 9; plus 16 when the body is compressed
 *                body; if compressed: its length (varint), then the body as one frame of zstd
 *     body       pages in the database after the commit (varint), then groups to the end
 *     group      count of lenders (varint), their page numbers; the pages; a byte 0
 *     page       head (varint): page number * 4 + mode; then its bytes or its operations (see `ops.ts`);
 *                then the low half of its `pageSum`, 4 bytes, little-endian
 *
 * Page numbers rise within a list and are written as the difference to the one before (the first: to 0). Every lender
 * is also among the pages of its group. The pages of a group take pieces of lenders as they were before the group.
 *
 * @throws StemmaError DAMAGED_ENTRY when it makes no sense
 */
export function applyPayload(payload: Uint8Array, target: PageTarget, listener?: ApplyListener): void {
  const head = payload[0]
  if (head === undefined || (head & ~(0x07 | COMPRESSED)) !== 0) throw damagedPayload(0, 'an unknown first byte')
  if (pageSizeOf(payload) !== target.pageSize)
    throw damagedPayload(0, `its pages have ${pageSizeOf(payload)} bytes, not ${target.pageSize}`)
  let body = new PayloadReader(payload, 1)
  if (isCompressed(payload)) body = new PayloadReader(decompressBody(body, ZSTD), 0)
  const pageCount = body.varint()
  if (pageCount < 1 || pageCount > PAGE_NUMBER_MAX) throw damagedPayload(body.at, `a database of ${pageCount} pages`)
  target.setPageCount(pageCount)
  const work: Work = {
    body,
    target,
    pageCount,
    page: NO_BYTES,
    before: undefined,
    lenders: NO_LENDERS,
    listener: listener?.operation,
    pageListener: listener,
  }
  while (!body.isAtEnd) applyGroup(work)
}

function applyGroup(work: Work): void {
  const { body } = work
  const lenderCount = body.varint()
  const lenders = lenderCount === 0 ? NO_NUMBERS : readLenders(work, lenderCount)
  if (lenderCount === 0) work.lenders = NO_LENDERS
  let pageNumber = 0
  let met = 0
  for (;;) {
    const head = body.varint()
    if (head === END_OF_PAGES) break
    const mode = (head & 3) as PageMode
    pageNumber = checkedPage(work, pageNumber, (head - mode) / 4)
    const lends = met < lenderCount && pageNumber === lenders[met]
    work.before = lends ? work.lenders[met++] : undefined
    applyPage(work, pageNumber, mode)
  }
  if (met !== lenderCount) throw damagedPayload(body.at, 'a lender that is none of the pages')
}

/** Copies the lenders as they are, and gives their page numbers. */
function readLenders(work: Work, count: number): readonly number[] {
  const { body, target } = work
  if (count > LENDERS_MAX) throw damagedPayload(body.at, `${count} lenders`)
  const numbers: number[] = []
  const lenders: Uint8Array[] = []
  let lender = 0
  for (let i = 0; i < count; i++) {
    lender = checkedPage(work, lender, body.varint())
    numbers.push(lender)
    lenders.push(copyPage(target.page(lender), i))
  }
  work.lenders = lenders
  return numbers
}

/** @param work - with a copy of the page as it was, if there is one by now */
function applyPage(work: Work, pageNumber: number, mode: PageMode): void {
  const { body, target } = work
  const page = target.page(pageNumber)
  const start = body.at
  if (mode === RAW) {
    page.set(body.view(page.byteLength))
  } else {
    work.page = page
    work.before = mode === REARRANGE ? (work.before ?? copyPage(page, LENDERS_MAX)) : undefined
    if (mode === FRESH) page.fill(0)
    carryOut(body, work)
  }
  work.pageListener?.page(pageNumber, mode, body.at - start)
  target.expect(pageNumber, body.uint32())
}

function copyPage(page: Uint8Array, index: number): Uint8Array {
  let copy = copies[index]!
  if (copy.byteLength !== page.byteLength) copies[index] = copy = new Uint8Array(page.byteLength)
  copy.set(page)
  return copy
}

function checkedPage(work: Work, previous: number, difference: number): number {
  const pageNumber = previous + difference
  if (difference < 1 || pageNumber > work.pageCount) throw damagedPayload(work.body.at, `page ${pageNumber} of ${work.pageCount}`)
  return pageNumber
}
