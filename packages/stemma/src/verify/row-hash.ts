import { checksum64, type SqliteText, type SqliteValue } from '@stemma/base'
import type { TableLayout } from '@stemma/log'
import { newText, showText } from '@stemma/sqlite-file'

/**
 * How a text counts: by the bytes that are stored, or, where two databases store texts in different encodings, by the UTF-8 of its characters. Bytes
 * that are no valid text are all the same then.
 */
export type TextForm = 'stored' | 'characters'

/** Which rows a table's rows are told apart by. */
export interface RowShape {
  readonly layout: TableLayout
  /** Values at the start of a row that are its key; 0 for a table whose rows are known by their rowids. */
  readonly keyCount: number
  /** False for a table whose rowid can't be read by SQL: a row is known by all of its values then. */
  readonly hasRowid: boolean
}

/** What a row counts as. */
export interface RowHash {
  /** 64 bits: of the row with its identity. */
  readonly row: bigint
  /** 64 bits: of the identity alone. */
  readonly key: bigint
}

/**
 * Hashes rows so that the same row hashes the same in any database: whatever its page size, its encoding, and however a value is stored.
 *
 *     rowid (8 bytes), in a table that has one; then for each value, the rowid's alias left out:
 *     0 NULL; 1 integer (8 bytes); 2 real (8 bytes); 3 text: size (4), bytes; 4 blob: size (4), bytes
 */
export class RowHasher {
  readonly #shape: RowShape
  readonly #form: TextForm
  #bytes = new Uint8Array(1024)
  #view = new DataView(this.#bytes.buffer)
  #at = 0

  constructor(shape: RowShape, form: TextForm) {
    this.#shape = shape
    this.#form = form
  }

  /** @param values - as `readRow` gives them, one for each column of the layout */
  hash(rowid: bigint, values: readonly SqliteValue[]): RowHash {
    const { keyCount, hasRowid, layout } = this.#shape
    this.#at = 0
    if (hasRowid) this.#addInteger(rowid)
    let keyEnd = this.#at
    for (let i = 0; i < values.length; i++) {
      if (i !== layout.rowidColumn) this.#add(values[i]!)
      if (i + 1 === keyCount) keyEnd = this.#at
    }
    const row = checksum64(this.#bytes.subarray(0, this.#at))
    return { row, key: keyEnd === 0 ? row : checksum64(this.#bytes.subarray(0, keyEnd)) }
  }

  #add(value: SqliteValue): void {
    if (value === null) return this.#addKind(0)
    if (typeof value === 'bigint') {
      this.#addKind(1)
      return this.#addInteger(value)
    }
    if (typeof value === 'number') {
      this.#addKind(2)
      this.#reserve(8)
      this.#view.setFloat64(this.#at, value)
      this.#at += 8
      return
    }
    const isBlob = value instanceof Uint8Array
    this.#addKind(isBlob ? 4 : 3)
    this.#addBytes(isBlob ? value : this.#textBytes(value))
  }

  #textBytes(text: SqliteText): Uint8Array {
    return this.#form === 'stored' ? text.bytes : newText(showText(text), 'utf-8').bytes
  }

  #addKind(kind: number): void {
    this.#reserve(1)
    this.#bytes[this.#at++] = kind
  }

  #addInteger(value: bigint): void {
    this.#reserve(8)
    this.#view.setBigInt64(this.#at, value)
    this.#at += 8
  }

  #addBytes(bytes: Uint8Array): void {
    this.#reserve(4 + bytes.byteLength)
    this.#view.setUint32(this.#at, bytes.byteLength)
    this.#bytes.set(bytes, this.#at + 4)
    this.#at += 4 + bytes.byteLength
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#bytes.byteLength) return
    const grown = new Uint8Array(2 * (this.#at + count))
    grown.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}
