import { damagedPayload, type PayloadReader, type PayloadWriter } from '@stemma/log'
import { isSame, type RecordParts } from './record-parts.ts'

/**
 * # Edits
 *
 * A row after an update, as what changed in the bytes of the row before it.
 *
 *     edits   length in bytes (v), then each edit to the end; what is left of the old row is kept
 *     edit    bytes kept (v); 2 * bytes put (v), plus 1 when not as many are dropped; bytes dropped (v) if so; the bytes put
 */
const DROPS_OTHERWISE = 1

/** Equal bytes between two edits that cost less than another edit would. */
const GAP_MAX = 2

/** Finds the edits between two records and writes them. To be used again for the next pair. */
export class EditsWriter {
  readonly #writer: PayloadWriter
  /** Where the row before was read up to. */
  #keptTo = 0
  // The edit that is not yet written: the bytes from `from` to `to` of the row before become those of the row after.
  #from = -1
  #to = 0
  #putFrom = 0
  #putTo = 0

  constructor(writer: PayloadWriter) {
    this.#writer = writer
  }

  /** Writes the edits without their length. They may be longer than the row after. */
  write(before: RecordParts, after: RecordParts): void {
    this.#keptTo = 0
    this.#from = -1
    // At worst each column takes two edits, and an edit at most 10 bytes besides what it puts.
    this.#writer.reserve(after.record.byteLength + 20 * (after.count + before.count + 2))
    this.#difference(before, 0, before.types[0]!, after, 0, after.types[0]!)
    this.#columns(before, before.types, after, after.types)
    this.#columns(before, before.bodies, after, after.bodies)
    this.#flush(after.record)
  }

  #columns(before: RecordParts, befores: Int32Array, after: RecordParts, afters: Int32Array): void {
    const both = Math.min(before.count, after.count)
    for (let i = 0; i < both; i++) this.#difference(before, befores[i]!, befores[i + 1]!, after, afters[i]!, afters[i + 1]!)
    // Columns that only one of the two has, as after ALTER TABLE.
    if (before.count !== after.count) {
      this.#difference(before, befores[both]!, befores[before.count]!, after, afters[both]!, afters[after.count]!)
    }
  }

  #difference(before: RecordParts, from: number, to: number, after: RecordParts, putFrom: number, putTo: number): void {
    const a = before.record
    const b = after.record
    if (isSame(a, from, to, b, putFrom, putTo)) return
    const most = Math.min(to - from, putTo - putFrom)
    let start = 0
    while (start < most && a[from + start] === b[putFrom + start]) start++
    let end = 0
    while (end < most - start && a[to - 1 - end] === b[putTo - 1 - end]) end++
    const gap = from + start - this.#to
    if (this.#from >= 0 && gap <= GAP_MAX) {
      this.#to = to - end
      this.#putTo = putTo - end
      return
    }
    this.#flush(b)
    this.#from = from + start
    this.#to = to - end
    this.#putFrom = putFrom + start
    this.#putTo = putTo - end
  }

  #flush(after: Uint8Array): void {
    if (this.#from < 0) return
    const writer = this.#writer
    const drop = this.#to - this.#from
    const put = this.#putTo - this.#putFrom
    writer.varint(this.#from - this.#keptTo)
    writer.varint(put * 2 + (drop === put ? 0 : DROPS_OTHERWISE))
    if (drop !== put) writer.varint(drop)
    writer.copy(after, this.#putFrom, this.#putTo)
    this.#keptTo = this.#to
    this.#from = -1
  }
}

/**
 * Makes the row after of the row before.
 *
 * @param edits - stands at the first; afterwards at `end`
 * @param into - has room for the row before and the edits
 * @returns the size of the row after
 * @throws StemmaError DAMAGED_ENTRY when the edits make no sense
 */
export function carryOut(edits: PayloadReader, end: number, before: Uint8Array, into: Uint8Array): number {
  let from = 0
  let to = 0
  while (edits.at < end) {
    const keep = edits.varint()
    const head = edits.varint()
    const put = Math.floor(head / 2)
    const drop = head % 2 === DROPS_OTHERWISE ? edits.varint() : put
    const { at } = edits
    if (from + keep + drop > before.byteLength || at + put > end) throw damagedPayload(at, 'an edit beyond the end')
    copyBytes(before, from, from + keep, into, to)
    to += keep
    from += keep + drop
    copyBytes(edits.bytes, at, at + put, into, to)
    to += put
    edits.skip(put)
  }
  if (edits.at !== end) throw damagedPayload(edits.at, 'an edit beyond the end of the edits')
  copyBytes(before, from, before.byteLength, into, to)
  return to + before.byteLength - from
}

function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  if (end - start > LOOP_MAX) to.set(from.subarray(start, end), at)
  else for (let i = start, j = at; i < end; i++, j++) to[j] = from[i]!
}

/** So few bytes are copied faster one by one. */
const LOOP_MAX = 40
