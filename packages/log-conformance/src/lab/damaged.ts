import type { Random } from './random.ts'
import { copyOf, type Payload } from './understand.ts'

/** A payload that something was done to. */
export interface Damaged {
  readonly payload: Payload
  /** What was done to it, for people: `its last 3 bytes cut off`. */
  readonly how: string
}

const CUTS_MAX = 40
const PLACES_MAX = 24

/** Starts of a payload: all of a short one. */
export function* cutsOf(payload: Payload, random: Random): Generator<Damaged, void, void> {
  const { byteLength } = payload.bytes
  const count = Math.min(byteLength, CUTS_MAX)
  for (let i = 0; i < count; i++) {
    const length = byteLength <= CUTS_MAX ? i : i < 8 ? i : i < 16 ? byteLength - 1 - (i - 8) : random(byteLength)
    yield {
      payload: { ...payload, bytes: copyOf(payload.bytes.subarray(0, length)) },
      how: `all cut off but its first ${length} bytes`,
    }
  }
}

/** The same payload with bytes that are others, more, fewer, or all of them. */
export function* otherBytesOf(payload: Payload, random: Random): Generator<Damaged, void, void> {
  const { bytes } = payload
  const { byteLength } = bytes
  const make = (changed: Uint8Array, how: string): Damaged => ({ payload: { ...payload, bytes: changed }, how })
  const places = byteLength <= PLACES_MAX ? Array.from({ length: byteLength }, (_, i) => i) : placesIn(byteLength, random)
  for (const at of places) {
    const bit = 1 << random(8)
    yield make(changedAt(bytes, at, [bytes[at]! ^ bit]), `bit ${bit} of byte ${at} turned`)
    yield make(changedAt(bytes, at, [random(256), random(256)]), `random bytes at ${at}`)
    const large = LARGE_NUMBERS[random(LARGE_NUMBERS.length)]!
    yield make(changedAt(bytes, at, large), `${Buffer.from(large).toString('hex')} at byte ${at}`)
  }
  for (let i = 0; i < 8; i++) {
    const at = random(byteLength + 1)
    const more = Array.from({ length: 1 + random(8) }, () => random(256))
    yield make(
      Buffer.concat([bytes.subarray(0, at), Uint8Array.from(more), bytes.subarray(at)]),
      `${more.length} bytes more at ${at}`,
    )
    yield make(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(8))]), `bytes taken out at ${at}`)
    yield make(
      Uint8Array.from({ length: random(64) }, () => random(256)),
      'nothing but random bytes',
    )
  }
  yield make(new Uint8Array(0), 'no bytes')
  yield make(new Uint8Array(byteLength), 'zeros for bytes')
  yield make(new Uint8Array(byteLength).fill(0xff), 'ff for bytes')
}

/** Numbers that say "very many", as formats write them: little-endian, big-endian, LEB128, digits. */
const LARGE_NUMBERS: readonly (readonly number[])[] = [
  [0xff, 0xff, 0xff, 0x7f],
  [0x7f, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0xff, 0x07],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
  [0x80, 0x80, 0x80, 0x80, 0x01],
  [0x00, 0x00, 0x00, 0x80],
  [0x39, 0x39, 0x39, 0x39, 0x39, 0x39, 0x39, 0x39, 0x39],
]

function placesIn(byteLength: number, random: Random): number[] {
  const start = Array.from({ length: PLACES_MAX / 4 }, (_, i) => i)
  return [...start, ...Array.from({ length: PLACES_MAX - start.length }, () => random(byteLength))]
}

function changedAt(bytes: Uint8Array, at: number, values: readonly number[]): Uint8Array {
  const changed = copyOf(bytes)
  for (const [i, value] of values.entries()) if (at + i < changed.byteLength) changed[at + i] = value
  return changed
}
