import { StemmaError } from '@stemma/base'
import { varintAt, varintSizeAt } from '@stemma/sqlite-file'
import type { DriverValue } from '../sqlite/driver.ts'

// What has these many bytes by its serial type; see `decodeRecord`.
const SIZES = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0]

/**
 * Reads records one after another, and gives their values as statements take them. It is made once and used for every row, so
 * that a row costs no objects but its own texts and blobs.
 */
export class RecordCells {
  /** Values in the record. */
  count = 0
  readonly #types: number[] = []
  readonly #offsets: number[] = []
  #bytes: Uint8Array = new Uint8Array(0)
  #view: DataView = new DataView(new ArrayBuffer(0))

  /**
   * Takes a record; it is borrowed until the next one.
   *
   * @throws StemmaError DAMAGED_ENTRY when the record makes no sense
   */
  read(bytes: Uint8Array): void {
    const size = bytes.byteLength
    if (bytes.buffer !== this.#view.buffer) this.#view = new DataView(bytes.buffer)
    this.#bytes = bytes
    let at = varintSizeAt(bytes, 0, size)
    const headerEnd = at === 1 ? bytes[0]! : varintAt(bytes, 0)
    if (headerEnd < at || headerEnd > size) throw damagedRecord(`its header has ${headerEnd} bytes of ${size}`)
    let offset = headerEnd
    let count = 0
    while (at < headerEnd) {
      let type = bytes[at]!
      if (type < 0x80) {
        at++
      } else {
        const typeSize = varintSizeAt(bytes, at, headerEnd)
        type = varintAt(bytes, at)
        at += typeSize
      }
      this.#types[count] = type
      this.#offsets[count++] = offset
      if (type >= 12) offset += Math.floor((type - 12) / 2)
      else if (type < 10) offset += SIZES[type]!
      else throw damagedRecord(`a column has serial type ${type}`)
    }
    if (offset > size) throw damagedRecord(`its columns go beyond its end`)
    this.#offsets[count] = offset
    this.count = count
  }

  isText(index: number): boolean {
    const type = this.#types[index]!
    return type >= 13 && type % 2 === 1
  }

  isInteger(index: number): boolean {
    const type = this.#types[index]!
    return (type >= 1 && type <= 6) || type === 8 || type === 9
  }

  isReal(index: number): boolean {
    return this.#types[index] === 7
  }

  /** True for an integer so large that the reals beside it are whole numbers too. */
  isLarge(index: number): boolean {
    return this.#types[index] === 6
  }

  /** The value as a statement takes it. Texts are their bytes; they and blobs are views of the record. */
  value(index: number): DriverValue {
    const type = this.#types[index]!
    const bytes = this.#bytes
    const offset = this.#offsets[index]!
    if (type >= 12) return bytes.subarray(offset, this.#offsets[index + 1])
    const at = bytes.byteOffset + offset
    switch (type) {
      case 1:
        return BigInt(this.#view.getInt8(at))
      case 2:
        return BigInt(this.#view.getInt16(at))
      case 3:
        return BigInt(this.#view.getInt8(at) * 0x10000 + this.#view.getUint16(at + 1))
      case 4:
        return BigInt(this.#view.getInt32(at))
      case 5:
        return BigInt(this.#view.getInt16(at) * 0x1_0000_0000 + this.#view.getUint32(at + 2))
      case 6:
        return this.#view.getBigInt64(at)
      case 7: {
        const real = this.#view.getFloat64(at)
        return Number.isNaN(real) ? null : real
      }
      case 8:
        return 0n
      case 9:
        return 1n
    }
    return null
  }

  /** True when a value is stored in the same way as one of another record. */
  isSame(index: number, other: RecordCells, otherIndex: number): boolean {
    if (this.#types[index] !== other.#types[otherIndex]) return false
    const [a, b] = [this.#bytes, other.#bytes]
    let [at, otherAt] = [this.#offsets[index]!, other.#offsets[otherIndex]!]
    const end = this.#offsets[index + 1]!
    while (at < end) if (a[at++] !== b[otherAt++]) return false
    return true
  }
}

function damagedRecord(why: string): StemmaError {
  return new StemmaError('DAMAGED_ENTRY', `a record is damaged: ${why}`, { why })
}
