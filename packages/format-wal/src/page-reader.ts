import {
  BORROW,
  END,
  INSERT,
  KEEP,
  LADDER,
  LITERAL,
  MOVE,
  REMOVE,
  RUN_BYTES_LONG,
  SPECIAL,
  SPLICES_MAX,
  SPLICE_BYTES_MAX,
} from './ops.ts'
import { damagedPayload, type PayloadReader } from '@stemma/log'

/** Fewer bytes than this are copied faster one by one. */
const COPY_BYTES_FEW = 48

/** What is done to a page, told as it is done. */
export interface OperationListener {
  (kind: 'keep' | 'literal' | 'move' | 'ladder' | 'borrow', from: number, to: number): void
}

/** What operations work on. */
export interface Workpiece {
  /** Changed in place. */
  page: Uint8Array
  /** The page as it was, for operations that move; undefined where none may. */
  before: Uint8Array | undefined
  lenders: readonly Uint8Array[]
  readonly listener: OperationListener | undefined
}

/**
 * Carries out the operations on one page; the reader then stands behind the last one.
 *
 * @throws StemmaError DAMAGED_ENTRY when they make no sense: the page may then be half done
 */
export function carryOut(reader: PayloadReader, work: Workpiece): void {
  const { page, listener } = work
  const { bytes } = reader
  const size = page.byteLength
  let to = 0
  let splices = 0
  for (;;) {
    const operation = reader.byte()
    if (operation >= SPECIAL) {
      if (operation === END) return
      if (operation === INSERT || operation === REMOVE) {
        if (++splices > SPLICES_MAX) throw damagedPayload(reader.at, 'too many pieces put in or taken out')
        to = operation === INSERT ? insert(reader, work, to) : remove(reader, work, to)
      } else if (operation === LADDER) {
        to = climb(reader, work, to)
      } else if (operation >= BORROW) {
        to = borrow(reader, work, to, operation - BORROW)
      } else {
        throw damagedPayload(reader.at, 'an operation that does not exist')
      }
      continue
    }
    const run = runOf(reader, operation & 0x3f)
    if (to + run > size) throw damagedPayload(reader.at, 'a run beyond the end of its page')
    const kind = operation & 0xc0
    if (kind === LITERAL) {
      const at = reader.at
      if (at + run > bytes.byteLength) throw damagedPayload(at, 'the bytes end within a literal')
      copy(page, to, bytes, at, run)
      reader.at = at + run
    } else if (kind === MOVE) {
      const from = to + reader.signedVarint()
      if (work.before === undefined || from < 0 || from + run > size) throw damagedPayload(reader.at, 'a move from nowhere')
      copy(page, to, work.before, from, run)
    }
    listener?.(kind === KEEP ? 'keep' : kind === LITERAL ? 'literal' : 'move', to, to + run)
    to += run
  }
}

/** The length that a code means, with the extra byte that may follow. */
function runOf(reader: PayloadReader, code: number): number {
  return code < 40 ? code + 1 : (code - 40) * 256 + reader.byte() + RUN_BYTES_LONG
}

function insert(reader: PayloadReader, { page, listener }: Workpiece, to: number): number {
  const { bytes } = reader
  const count = spliceBytes(reader)
  const moved = reader.varint()
  const at = reader.at
  const end = to + count
  if (end + moved > page.byteLength || at + count > bytes.byteLength)
    throw damagedPayload(at, 'an insert beyond the end of its page')
  page.copyWithin(end, to, to + moved)
  for (let i = 0; i < count; i++) page[to + i] = bytes[at + i]!
  reader.at = at + count
  listener?.('literal', to, end)
  listener?.('move', end, end + moved)
  return end
}

function remove(reader: PayloadReader, { page, listener }: Workpiece, to: number): number {
  const count = spliceBytes(reader)
  const moved = reader.varint()
  const end = to + count
  if (end + moved > page.byteLength) throw damagedPayload(reader.at, 'a removal beyond the end of its page')
  page.copyWithin(to, end, end + moved)
  listener?.('move', to, to + moved)
  return to
}

function spliceBytes(reader: PayloadReader): number {
  const count = reader.byte()
  if (count > SPLICE_BYTES_MAX) throw damagedPayload(reader.at, 'a piece too large to be put in or taken out')
  return count
}

function climb(reader: PayloadReader, { page, listener }: Workpiece, from: number): number {
  const count = reader.varint()
  let value = reader.byte() << 8
  value |= reader.byte()
  const step = reader.signedVarint()
  let to = from
  if (to + 2 * count > page.byteLength) throw damagedPayload(reader.at, 'a ladder beyond the end of its page')
  for (let i = 0; i < count; i++) {
    page[to++] = value >>> 8
    page[to++] = value
    value += step
  }
  listener?.('ladder', from, to)
  return to
}

function borrow(reader: PayloadReader, work: Workpiece, to: number, index: number): number {
  const { page, listener } = work
  const lender = work.lenders[index]
  const code = reader.byte()
  const run = runOf(reader, code)
  const from = reader.varint()
  if (lender === undefined || code >= 0x40 || to + run > page.byteLength || from + run > lender.byteLength) {
    throw damagedPayload(reader.at, 'a loan from nowhere')
  }
  copy(page, to, lender, from, run)
  listener?.('borrow', to, to + run)
  return to + run
}

function copy(page: Uint8Array, to: number, bytes: Uint8Array, from: number, count: number): void {
  if (count > COPY_BYTES_FEW) {
    page.set(bytes.subarray(from, from + count), to)
    return
  }
  for (let i = 0; i < count; i++) page[to + i] = bytes[from + i]!
}
