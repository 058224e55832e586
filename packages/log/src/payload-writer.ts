/** A number of 64 bits and its bytes: Node runs on little-endian machines only. */
const word = new BigInt64Array(1)
const wordBytes = new Uint8Array(word.buffer)

/** Collects a payload in a buffer that is used again for the next one. */
export class PayloadWriter {
  bytes: Uint8Array = new Uint8Array(64 * 1024)
  length = 0

  /** Makes sure that so many more bytes fit. Nothing else here looks. */
  reserve(count: number): void {
    if (this.length + count <= this.bytes.byteLength) return
    const larger = new Uint8Array(Math.max(this.length + count, this.bytes.byteLength * 2))
    larger.set(this.bytes.subarray(0, this.length))
    this.bytes = larger
  }

  byte(value: number): void {
    this.bytes[this.length++] = value
  }

  /** @param value - a safe integer, not negative; a `PayloadReader` reads those below 2^42 */
  varint(value: number): void {
    const bytes = this.bytes
    let rest = value
    while (rest >= 0x80) {
      bytes[this.length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    bytes[this.length++] = rest
  }

  /** @param value - of 32 bits, with its sign */
  signedVarint(value: number): void {
    this.varint(((value << 1) ^ (value >> 31)) >>> 0)
  }

  int64(value: bigint): void {
    word[0] = value
    for (let i = 0; i < 8; i++) this.bytes[this.length + i] = wordBytes[i]!
    this.length += 8
  }

  copy(from: Uint8Array, start: number, end: number): void {
    const { bytes } = this
    let at = this.length
    if (end - start > 48) {
      bytes.set(from.subarray(start, end), at)
      at += end - start
    } else {
      for (let i = start; i < end; i++) bytes[at++] = from[i]!
    }
    this.length = at
  }
}
