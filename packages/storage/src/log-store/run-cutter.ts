import { StemmaError, assert } from '@stemma/base'
import { decodeEntryHead, type EntryHead } from '@stemma/log'

/** A part of a format's log: whole entries, one after another. */
export interface Run {
  /** Sequence of the first entry. */
  readonly first: number
  /** Sequence of the last entry. */
  readonly last: number
  readonly bytes: Uint8Array
}

/** Reads the head of an entry that must be there whole. */
export function entryHead(bytes: Uint8Array, offset: number): EntryHead {
  const head = decodeEntryHead(bytes, offset)
  if (head === undefined) throw new StemmaError('DAMAGED_LOG', `an entry ends before its end, at byte ${offset}`, { offset })
  return head
}

/** The offset of the entry with a sequence within a run. */
export function offsetOf(run: Run, sequence: number): number {
  if (sequence === run.last + 1) return run.bytes.byteLength
  let offset = 0
  for (let at = run.first; at < sequence; at++) offset += entryHead(run.bytes, offset).byteLength
  return offset
}

/** Cuts a run into runs of about `bytesMax`, each of whole entries and at least one. */
export function splitRun(run: Run, bytesMax: number): Run[] {
  if (run.bytes.byteLength <= bytesMax) return [run]
  const parts: Run[] = []
  let first = run.first
  let start = 0
  let offset = 0
  for (let sequence = run.first; sequence <= run.last; sequence++) {
    const end = offset + entryHead(run.bytes, offset).byteLength
    if (end - start > bytesMax && sequence > first) {
      parts.push({ first, last: sequence - 1, bytes: run.bytes.subarray(start, offset) })
      first = sequence
      start = offset
    }
    offset = end
  }
  assert(offset === run.bytes.byteLength, 'a run of as many entries as its sequences say')
  parts.push({ first, last: run.last, bytes: run.bytes.subarray(start) })
  return parts
}

/**
 * Puts together what follows a sequence: as many whole entries as fit `bytesMax`, at least one. The bytes may be those of
 * a run given, or a view into them.
 *
 * @param runs - in order and without gaps; the first one holds `after + 1`. No more are taken than needed
 */
export function gather(runs: Iterable<Run>, after: number, bytesMax: number): Run | undefined {
  const parts: Uint8Array[] = []
  let size = 0
  let last = after
  for (const run of runs) {
    const start = run.first > after ? 0 : offsetOf(run, after + 1)
    const whole = run.bytes.byteLength - start
    if (size + whole <= bytesMax) {
      parts.push(start === 0 ? run.bytes : run.bytes.subarray(start))
      size += whole
      last = run.last
      if (size === bytesMax) break
      continue
    }
    const cut = cutAt(run, last + 1, { start, bytesMax: bytesMax - size, atLeastOne: parts.length === 0 })
    if (cut.end > start) parts.push(run.bytes.subarray(start, cut.end))
    last = cut.last
    break
  }
  if (parts.length === 0) return undefined
  return { first: after + 1, last, bytes: parts.length === 1 ? parts[0]! : concatenate(parts) }
}

function cutAt(
  run: Run,
  next: number,
  limit: { readonly start: number; readonly bytesMax: number; readonly atLeastOne: boolean },
) {
  let end = limit.start
  let last = next - 1
  while (last < run.last) {
    const { byteLength } = entryHead(run.bytes, end)
    const isFirst = end === limit.start
    if (end + byteLength - limit.start > limit.bytesMax && !(isFirst && limit.atLeastOne)) break
    end += byteLength
    last++
  }
  return { end, last }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}
