import type { SqliteValue } from '@stemma/base'
import { PayloadWriter } from '@stemma/log'
import { VARINT_SIZE_MAX, writeSqliteVarint } from '@stemma/sqlite-file'
import { BLOB, CHANGESET_TABLE, INTEGER, NOT_TOLD, NULL, OPERATION_CODES, REAL, TEXT, type ChangesetRow } from './changeset.ts'

const UTF8 = new TextEncoder()

/** Collects a changeset: `changeset.ts` says how it looks. */
export class ChangesetWriter extends PayloadWriter {
  readonly #double = new DataView(new ArrayBuffer(8))

  /** @param key - for each column its place in the primary key, from 1; 0 when it is not in it */
  table(name: string, key: readonly number[]): void {
    const bytes = UTF8.encode(name)
    this.reserve(2 + VARINT_SIZE_MAX + key.length + bytes.byteLength)
    this.byte(CHANGESET_TABLE)
    this.#varint(key.length)
    for (const place of key) this.byte(place)
    this.copy(bytes, 0, bytes.byteLength)
    this.byte(0)
  }

  /** The rows are those of the operation: `before` not of an insert, `after` not of a delete. */
  change(operation: keyof typeof OPERATION_CODES, before: ChangesetRow | undefined, after: ChangesetRow | undefined): void {
    this.reserve(2)
    this.byte(OPERATION_CODES[operation])
    this.byte(0)
    if (before !== undefined) for (const value of before) this.#value(value)
    if (after !== undefined) for (const value of after) this.#value(value)
  }

  /** Bytes with their length before them. */
  sized(bytes: Uint8Array): void {
    this.reserve(VARINT_SIZE_MAX + bytes.byteLength)
    this.#varint(bytes.byteLength)
    this.copy(bytes, 0, bytes.byteLength)
  }

  /** A number of 64 bits as SQLite's varint. */
  integer(value: bigint): void {
    this.reserve(VARINT_SIZE_MAX)
    this.#varint(value)
  }

  /** What was collected, apart from it. */
  take(): Uint8Array {
    return this.bytes.slice(0, this.length)
  }

  #varint(value: number | bigint): void {
    this.length = writeSqliteVarint(this.bytes, this.length, value)
  }

  /** Texts are UTF-8. */
  #value(value: SqliteValue | undefined): void {
    this.reserve(9)
    if (value === undefined) this.byte(NOT_TOLD)
    else if (value === null) this.byte(NULL)
    else if (typeof value === 'bigint') {
      this.#double.setBigInt64(0, value)
      this.#eight(INTEGER)
    } else if (typeof value === 'number') {
      this.#double.setFloat64(0, value)
      this.#eight(REAL)
    } else if (value instanceof Uint8Array) {
      this.byte(BLOB)
      this.sized(value)
    } else {
      this.byte(TEXT)
      this.sized(value.bytes)
    }
  }

  #eight(kind: number): void {
    this.byte(kind)
    for (let i = 0; i < 8; i++) this.byte(this.#double.getUint8(i))
  }
}
