import { StemmaError } from '@stemma/base'

/** No number takes more, in bytes. */
export const VARINT_BYTES_MAX = 8

/** A number of 64 bits and its bytes: Node runs on little-endian machines only. */
const word = new BigUint64Array(1)
const wordBytes = new Uint8Array(word.buffer)

/** The text that was read last: it is most often the same again. */
let lastText = ''

/** Size of an unsigned LEB128 number, in bytes. The number is a safe integer, not negative. */
export function sizeOfVarint(value: number): number {
  let size = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++
  return size
}

/** Writes an unsigned LEB128 number and gives the offset behind it. */
export function writeVarint(bytes: Uint8Array, offset: number, value: number): number {
  let at = offset
  let rest = value
  while (rest >= 0x80) {
    bytes[at++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  bytes[at++] = rest
  return at
}

/** Writes 8 bytes, little-endian, and gives the offset behind them. */
export function writeUint64(bytes: Uint8Array, offset: number, value: bigint): number {
  word[0] = value
  for (let i = 0; i < 8; i++) bytes[offset + i] = wordBytes[i]!
  return offset + 8
}

/** Reads numbers and bytes one after another; never beyond the end. */
export class BytesReader {
  readonly #bytes: Uint8Array
  offset: number

  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = bytes
    this.offset = offset
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#bytes.byteLength - this.offset
  }

  byte(): number {
    const value = this.#bytes[this.offset]
    if (value === undefined) throw new StemmaError('DAMAGED_ENTRY', `the bytes end at ${this.offset}`, { offset: this.offset })
    this.offset++
    return value
  }

  /**
   * An unsigned LEB128 number; undefined when the bytes end within it.
   *
   * @throws StemmaError DAMAGED_ENTRY when it is longer than 8 bytes or no safe integer
   */
  varint(): number | undefined {
    let value = 0
    let scale = 1
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const byte = this.#bytes[this.offset + i]
      if (byte === undefined) return undefined
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (!Number.isSafeInteger(value)) break
        this.offset += i + 1
        return value
      }
      scale *= 0x80
    }
    throw new StemmaError('DAMAGED_ENTRY', `no number at byte ${this.offset}`, { offset: this.offset })
  }

  uint32(): number {
    this.#need(4)
    const b = this.#bytes
    const at = this.offset
    this.offset += 4
    return (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) >>> 0
  }

  uint64(): bigint {
    this.#need(8)
    for (let i = 0; i < 8; i++) wordBytes[i] = this.#bytes[this.offset + i]!
    this.offset += 8
    return word[0]!
  }

  /** A view into the bytes read, not a copy. */
  bytes(length: number): Uint8Array {
    this.#need(length)
    const view = this.#bytes.subarray(this.offset, this.offset + length)
    this.offset += length
    return view
  }

  ascii(length: number): string {
    this.#need(length)
    const start = this.offset
    this.offset += length
    if (this.#says(lastText, start, length)) return lastText
    let text = ''
    for (let i = start; i < start + length; i++) text += String.fromCharCode(this.#bytes[i]!)
    lastText = text
    return text
  }

  #says(text: string, start: number, length: number): boolean {
    if (text.length !== length) return false
    for (let i = 0; i < length; i++) if (this.#bytes[start + i] !== text.charCodeAt(i)) return false
    return true
  }

  #need(length: number): void {
    if (this.left < length)
      throw new StemmaError('DAMAGED_ENTRY', `the bytes end before byte ${this.offset + length}`, { offset: this.offset })
  }
}
