import { StemmaError } from '@stemma/base'

/** A number of 64 bits and its bytes: Node runs on little-endian machines only. */
const word = new BigInt64Array(1)
const wordBytes = new Uint8Array(word.buffer)

/** Reads what a `PayloadWriter` wrote; never beyond the end. Where the bytes end too early it throws DAMAGED_ENTRY. */
export class PayloadReader {
  readonly bytes: Uint8Array
  /** The offset of the next byte. */
  at: number

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes
    this.at = at
  }

  get isAtEnd(): boolean {
    return this.at >= this.bytes.byteLength
  }

  byte(): number {
    if (this.at >= this.bytes.byteLength) throw damagedPayload(this.at, 'the bytes end too early')
    return this.bytes[this.at++]!
  }

  /** An unsigned LEB128 number below 2^42. */
  varint(): number {
    const first = this.byte()
    if (first < 0x80) return first
    let value = first & 0x7f
    for (let scale = 0x80; scale < VARINT_END; scale *= 0x80) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    throw damagedPayload(this.at, 'a number that is too large')
  }

  /** A zigzag number in an unsigned one, of 32 bits. */
  signedVarint(): number {
    const value = this.varint()
    return (value >>> 1) ^ -(value & 1)
  }

  uint32(): number {
    const { bytes, at } = this
    if (at + 4 > bytes.byteLength) throw damagedPayload(at, 'the bytes end within a number')
    this.at = at + 4
    return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  }

  /** A signed number of 64 bits, little-endian. */
  int64(): bigint {
    const { bytes, at } = this
    if (at + 8 > bytes.byteLength) throw damagedPayload(at, 'the bytes end within a number')
    this.at = at + 8
    for (let i = 0; i < 8; i++) wordBytes[i] = bytes[at + i]!
    return word[0]!
  }

  skip(length: number): void {
    if (this.at + length > this.bytes.byteLength) throw damagedPayload(this.at, 'the bytes end too early')
    this.at += length
  }

  /** A view of the next bytes, not a copy. */
  view(length: number): Uint8Array {
    const { bytes, at } = this
    if (at + length > bytes.byteLength) throw damagedPayload(at, 'the bytes end too early')
    this.at = at + length
    return bytes.subarray(at, at + length)
  }
}

/** No number that `PayloadReader.varint` reads is as large as this. */
export const VARINT_END: number = 2 ** 42

/** The error for a payload that no encoder makes. */
export function damagedPayload(offset: number, why: string, cause?: unknown): StemmaError {
  return new StemmaError('DAMAGED_ENTRY', `this payload makes no sense at byte ${offset}: ${why}`, { offset }, cause)
}
