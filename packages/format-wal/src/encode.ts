import { compressBody, type Commit, type PageChange } from '@stemma/log'
import { COMPRESSED } from './apply.ts'
import { ZSTD } from './compression.ts'
import { EDIT, END_OF_PAGES, FRESH, LENDERS_MAX, RAW, REARRANGE, type PageMode } from './ops.ts'
import { writeDifference } from './page-difference.ts'
import { PageWriter } from './page-writer.ts'
import { Pieces } from './rearrangement.ts'

/** A page with more new bytes than this is looked through for pieces that moved: a share of the page size. */
const LITERALS_SHARE = 1 / 8

/** A writer that has grown beyond this many bytes is not kept for the next commit. */
const WRITER_BYTES_KEPT = 4 * 1024 * 1024

let writer: PageWriter = new PageWriter()
let zeros: Uint8Array = new Uint8Array(4096)
const alignedPages: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)]

/**
 * Writes a commit's payload; `applyPayload` says how it looks. It is good until the next call.
 *
 * Most pages differ from what they were in few places and are written in the order of their numbers. Those that were put
 * together anew (split, merged, packed) come after them, in groups that lend each other pieces.
 */
export function encodePayload(commit: Commit): Uint8Array {
  const { pageSize } = commit
  if (writer.bytes.byteLength > WRITER_BYTES_KEPT) writer = new PageWriter()
  if (zeros.byteLength !== pageSize) zeros = new Uint8Array(pageSize)
  writer.length = 0
  writer.byte(31 - Math.clz32(pageSize) - 9)
  writer.varint(commit.pageCount)
  const rearranged = writeEdited(commit.pages(), pageSize)
  if (rearranged !== undefined) {
    for (let at = 0; at < rearranged.length; at += LENDERS_MAX) {
      writeRearranged(rearranged.slice(at, at + LENDERS_MAX), pageSize)
    }
  }
  return compressBody(writer.bytes.subarray(0, writer.length), COMPRESSED, ZSTD)
}

/** Writes the pages that differ in few places, and gives the others. */
function writeEdited(changes: readonly PageChange[], pageSize: number): PageChange[] | undefined {
  let rearranged: PageChange[] | undefined
  const start = writer.length
  writer.byte(0)
  const first = writer.length
  let previous = 0
  for (let i = 0; i < changes.length; i++) {
    const change = changes[i]!
    writer.reserve(2 * pageSize + 32)
    const head = writer.length
    writer.varint((change.pageNumber - previous) * 4)
    const before = aligned(change.before ?? zeros, 0)
    const after = aligned(change.after, 1)
    if (writeDifference(writer, before, after, pageSize * LITERALS_SHARE)) {
      endPage(head, change.before === undefined ? FRESH : EDIT, change.sum)
      previous = change.pageNumber
    } else {
      writer.length = head
      rearranged ??= []
      rearranged.push(change)
    }
  }
  if (writer.length === first) writer.length = start
  else writer.byte(END_OF_PAGES)
  return rearranged
}

function writeRearranged(changes: readonly PageChange[], pageSize: number): void {
  const lenders = changes.filter(({ before }) => before !== undefined)
  writer.reserve(8 + 5 * lenders.length)
  writer.varint(lenders.length)
  let previous = 0
  for (const { pageNumber } of lenders) {
    writer.varint(pageNumber - previous)
    previous = pageNumber
  }

  const pieces = new Pieces(
    lenders.map(({ before }) => before!),
    pageSize,
  )
  let self = 0
  previous = 0
  for (const { pageNumber, before, after, sum } of changes) {
    writer.reserve(2 * pageSize + 32)
    const head = writer.length
    writer.varint((pageNumber - previous) * 4)
    const operations = writer.length
    writer.moved = false
    pieces.write(writer, after, before === undefined ? -1 : self++)
    if (writer.length - operations >= pageSize) {
      writer.length = operations
      writer.copy(after, 0, pageSize)
      writer.bytes[head]! |= RAW
      writer.sum(sum)
    } else {
      // A new page is written against zeros, and what differs from zeros never moved from them.
      endPage(head, before === undefined ? FRESH : writer.moved ? REARRANGE : EDIT, sum)
    }
    previous = pageNumber
  }
  writer.byte(END_OF_PAGES)
}

/** Puts the mode into the head of a page, and the sum behind its operations. */
function endPage(head: number, mode: PageMode, sum: bigint): void {
  writer.end()
  writer.bytes[head]! |= mode
  writer.sum(sum)
}

/** The page itself, or a copy that can be read in words of 8 bytes: good until the next in the same place. */
function aligned(page: Uint8Array, place: 0 | 1): Uint8Array {
  if ((page.byteOffset & 7) === 0) return page
  if (alignedPages[place].byteLength !== page.byteLength) alignedPages[place] = new Uint8Array(page.byteLength)
  alignedPages[place].set(page)
  return alignedPages[place]
}
