import { StemmaError } from '@stemma/base'

/** Reads the numbers of a payload; never beyond its end. */
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
    if (this.at >= this.bytes.byteLength) throw damaged(this.at, 'the bytes end too early')
    return this.bytes[this.at++]!
  }

  /** An unsigned LEB128 number below 2^42. */
  varint(): number {
    const first = this.byte()
    if (first < 0x80) return first
    let value = first & 0x7f
    for (let scale = 0x80; scale < 2 ** 42; scale *= 0x80) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    throw damaged(this.at, 'a number that is too large')
  }

  /** A zigzag number in an unsigned one, of 32 bits. */
  signedVarint(): number {
    const value = this.varint()
    return (value >>> 1) ^ -(value & 1)
  }

  uint32(): number {
    const { bytes, at } = this
    if (at + 4 > bytes.byteLength) throw damaged(at, 'the bytes end within a number')
    this.at = at + 4
    return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  }

  /** A view of the next bytes, not a copy. */
  view(length: number): Uint8Array {
    const { bytes, at } = this
    if (at + length > bytes.byteLength) throw damaged(at, 'the bytes end too early')
    this.at = at + length
    return bytes.subarray(at, at + length)
  }
}

export function damaged(offset: number, why: string, cause?: unknown): StemmaError {
  return new StemmaError('DAMAGED_ENTRY', `this WAL-format payload makes no sense at byte ${offset}: ${why}`, { offset }, cause)
}
