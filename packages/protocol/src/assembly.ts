import { ENTRY_PARTS_MAX } from './limits.ts'
import type { LeaderMessage } from './message.ts'

type EntryPart = Extract<LeaderMessage, { readonly kind: 'entry-part' }>

/** An entry that comes in parts. */
export interface Assembling {
  readonly sequence: number
  readonly total: number
  readonly offset: number
  readonly parts: readonly Uint8Array[]
}

/** What a part makes of an entry: still not whole, whole, or it does not belong there. */
export type Assembled =
  | { readonly kind: 'more'; readonly assembling: Assembling }
  | { readonly kind: 'whole'; readonly bytes: Uint8Array }
  | { readonly kind: 'wrong'; readonly what: string }

/** Adds a part to an entry: in order, without a gap, and no more of them than may be. */
export function addPart(assembling: Assembling | undefined, { sequence, offset, total, bytes }: EntryPart): Assembled {
  const begun = assembling ?? { sequence, total, offset: 0, parts: [] }
  if (begun.sequence !== sequence || begun.total !== total || begun.offset !== offset) {
    const wanted = `bytes ${begun.offset} of entry ${begun.sequence}`
    return { kind: 'wrong', what: `bytes ${offset} of entry ${sequence}, wanted were ${wanted}` }
  }
  if (begun.parts.length >= ENTRY_PARTS_MAX)
    return { kind: 'wrong', what: `entry ${sequence} in more than ${ENTRY_PARTS_MAX} parts` }
  const parts = [...begun.parts, bytes]
  const end = offset + bytes.byteLength
  if (end < total) return { kind: 'more', assembling: { sequence, total, offset: end, parts } }
  return { kind: 'whole', bytes: join(parts, total) }
}

function join(parts: readonly Uint8Array[], total: number): Uint8Array {
  const bytes = new Uint8Array(total)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.byteLength
  }
  return bytes
}
