import { assert } from '@stemma/base'
import { PayloadWriter, VARINT_END, sizeOfVarint, writeVarint, type RowChange, type TableChanges } from '@stemma/log'
import { EditsWriter } from './edits.ts'
import type { RowImage } from './encode.ts'
import { DELETE, HAS_COLUMNS, INSERT, IS_PLAIN, NO_RECORD, ROWID_FARTHER, ROWID_NEAR_MAX, ROWID_WHOLE, UPDATE } from './layout.ts'
import { RecordParts, findRecordEnd, isSameColumn, writeColumns } from './record-parts.ts'

/** No row's first byte, rowid, and count of columns take more bytes. */
const ROW_HEAD_BYTES_MAX = 32

/** Collects a payload with rows in it. */
export class RowWriter extends PayloadWriter {
  readonly #edits = new EditsWriter(this)
  /** For the columns of rows told in part, which are edited without the others. */
  readonly #sides = { before: new PayloadWriter(), after: new PayloadWriter() }
  readonly #before = new RecordParts()
  readonly #after = new RecordParts()
  readonly #columns: number[] = []
  /** The rowid of the row before in this table; NaN when it is no safe integer. */
  #previous = 0

  /** A number with a sign. */
  signed(value: number): void {
    this.reserve(8)
    this.varint(value < 0 ? -2 * value - 1 : 2 * value)
  }

  text(value: string): void {
    this.reserve(8 + 3 * value.length)
    const start = this.length
    if (value.length < 0x80) {
      this.bytes[this.length++] = value.length
      for (let i = 0; i < value.length; i++) {
        const unit = value.charCodeAt(i)
        if (unit >= 0x80) break
        this.bytes[this.length++] = unit
      }
      if (this.length === start + 1 + value.length) return
      this.length = start
    }
    const utf8 = Buffer.from(value, 'utf8')
    this.varint(utf8.byteLength)
    this.copy(utf8, 0, utf8.byteLength)
  }

  /** Bytes with their length before them. */
  sized(bytes: Uint8Array): void {
    const size = bytes.byteLength
    this.reserve(8 + size)
    this.varint(size)
    this.copy(bytes, 0, size)
  }

  /** A record, which says itself how long it is; where it makes no sense, as what it is. */
  record(record: Uint8Array): void {
    const size = record.byteLength
    if (findRecordEnd(record, 0, size) === size) {
      this.reserve(size)
      this.copy(record, 0, size)
    } else {
      this.reserve(1)
      this.byte(NO_RECORD)
      this.sized(record)
    }
  }

  /** Writes the rows of a table; unless it is the last, how many bytes they take before them. */
  rows(table: TableChanges, image: RowImage, isLast: boolean): void {
    const start = this.length
    this.#previous = 0
    for (const row of table.rows()) {
      assert(row.kind === 'insert' || row.before !== undefined || row.kind === 'delete', 'an update with its old row')
      switch (row.kind) {
        case 'insert':
          this.#insert(row, table.keyCount)
          break
        case 'update':
          this.#update(row, table.keyCount, image)
          break
        case 'delete':
          this.#delete(row, table.keyCount, image)
      }
    }
    if (!isLast) this.#putLength(start)
  }

  #insert(row: RowChange, keyCount: number): void {
    this.#head(row, INSERT | (row.columns === undefined ? 0 : HAS_COLUMNS), keyCount)
    if (row.columns !== undefined) this.#list(row.columns)
    this.record(row.after!)
  }

  #delete(row: RowChange, keyCount: number, image: RowImage): void {
    const { before, columns } = row
    const isPart = image === 'changed' && columns === undefined
    if (before === undefined || (isPart && keyCount === 0)) {
      this.#head(row, DELETE | IS_PLAIN, keyCount)
    } else if (isPart && this.#before.find(before) && this.#before.count > keyCount) {
      const key = this.#columns
      key.length = 0
      for (let i = 0; i < keyCount; i++) key.push(i)
      this.#head(row, DELETE | HAS_COLUMNS, keyCount)
      this.#list(key)
      this.record(this.#some(this.#before, 'before', key))
    } else {
      this.#head(row, DELETE | (columns === undefined ? 0 : HAS_COLUMNS), keyCount)
      if (columns !== undefined) this.#list(columns)
      this.record(before)
    }
  }

  #update(row: RowChange, keyCount: number, image: RowImage): void {
    let before = row.before!
    let after = row.after!
    let { columns } = row
    let isSound = this.#before.find(before) && this.#after.find(after)
    if (isSound && image === 'changed' && columns === undefined && this.#before.count === this.#after.count) {
      columns = this.#changed(keyCount)
      before = this.#some(this.#before, 'before', columns)
      after = this.#some(this.#after, 'after', columns)
      isSound = this.#before.find(before) && this.#after.find(after)
    }
    const start = this.length
    const kind = UPDATE | (columns === undefined ? 0 : HAS_COLUMNS)
    this.#head(row, isSound ? kind : kind | IS_PLAIN, keyCount)
    if (columns !== undefined) this.#list(columns)
    this.record(before)
    const edits = this.length
    if (isSound) {
      this.#edits.write(this.#before, this.#after)
      if (this.length - edits <= after.byteLength) {
        this.#putLength(edits)
        return
      }
      this.length = edits
      this.bytes[start]! |= IS_PLAIN
    }
    this.record(after)
  }

  /** The columns of the key and those that differ. */
  #changed(keyCount: number): number[] {
    const columns = this.#columns
    columns.length = 0
    for (let i = 0; i < this.#before.count; i++) {
      if (i < keyCount || !isSameColumn(this.#before, this.#after, i)) columns.push(i)
    }
    return columns
  }

  /** A record of some of a record's columns. Good until the next of its side. */
  #some(parts: RecordParts, side: 'before' | 'after', columns: readonly number[]): Uint8Array {
    const writer = this.#sides[side]
    writer.length = 0
    writeColumns(writer, parts, columns)
    return writer.bytes.subarray(0, writer.length)
  }

  #head(row: RowChange, bits: number, keyCount: number): void {
    this.reserve(ROW_HEAD_BYTES_MAX)
    if (keyCount > 0) {
      this.byte(bits)
      return
    }
    const rowid = Number(row.rowid)
    const isSafe = Number.isSafeInteger(rowid)
    const more = rowid - this.#previous - 1
    if (isSafe && more >= 0 && more <= ROWID_NEAR_MAX) {
      this.byte(bits | (more << 4))
    } else if (isSafe && more > 0 && more < VARINT_END) {
      this.byte(bits | (ROWID_FARTHER << 4))
      this.varint(more - ROWID_FARTHER)
    } else {
      this.byte(bits | (ROWID_WHOLE << 4))
      this.int64(row.rowid)
    }
    this.#previous = isSafe ? rowid : Number.NaN
  }

  #list(columns: readonly number[]): void {
    this.reserve(8 * (columns.length + 1))
    this.varint(columns.length)
    let next = 0
    for (const column of columns) {
      this.varint(column - next)
      next = column + 1
    }
  }

  /** Puts the length of what was written from `start` on in front of it. */
  #putLength(start: number): void {
    const length = this.length - start
    const size = sizeOfVarint(length)
    this.reserve(size)
    const { bytes } = this
    if (length < 0x80) for (let at = this.length - 1; at >= start; at--) bytes[at + 1] = bytes[at]!
    else bytes.copyWithin(start + size, start, this.length)
    writeVarint(bytes, start, length)
    this.length += size
  }
}
