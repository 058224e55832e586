import { PayloadReader, damagedPayload, type RowChange } from '@stemma/log'
import { carryOut } from './edits.ts'
import {
  COLUMNS_MAX,
  DELETE,
  HAS_COLUMNS,
  INSERT,
  IS_PLAIN,
  KIND_BITS,
  NO_RECORD,
  ROWID_FARTHER,
  ROWID_WHOLE,
  UPDATE,
} from './layout.ts'
import { findRecordEnd } from './record-parts.ts'

/** Reads the rows of a table one after another: views into the payload, and what edits make of them in a buffer used again. */
export function* readRows(bytes: Uint8Array, start: number, end: number, isKeyed: boolean): Generator<RowChange, void, void> {
  const reader = new PayloadReader(end === bytes.byteLength ? bytes : bytes.subarray(0, end), start)
  const edited = { bytes: NO_BYTES }
  let rowid = 0n
  while (!reader.isAtEnd) {
    const head = reader.byte()
    rowid = readRowid(reader, head >> 4, rowid, isKeyed)
    yield readRow(reader, head, rowid, edited)
  }
}

const NO_BYTES: Uint8Array = new Uint8Array(0)

function readRowid(reader: PayloadReader, code: number, previous: bigint, isKeyed: boolean): bigint {
  if (isKeyed) {
    if (code !== 0) throw damagedPayload(reader.at, 'a rowid in a table without')
    return 0n
  }
  if (code === ROWID_WHOLE) return reader.int64()
  const more = code === ROWID_FARTHER ? ROWID_FARTHER + reader.varint() : code
  const rowid = previous + BigInt(more + 1)
  if (rowid > ROWID_MAX) throw damagedPayload(reader.at, 'a rowid of more than 64 bits')
  return rowid
}

const ROWID_MAX = 2n ** 63n - 1n

function readRow(reader: PayloadReader, head: number, rowid: bigint, edited: { bytes: Uint8Array }): RowChange {
  const isPlain = (head & IS_PLAIN) !== 0
  const columns = (head & HAS_COLUMNS) === 0 ? undefined : readColumns(reader)
  switch (head & KIND_BITS) {
    case INSERT:
      if (isPlain) break
      return { kind: 'insert', rowid, before: undefined, after: readRecord(reader), columns }
    case UPDATE: {
      const before = readRecord(reader)
      const after = isPlain ? readRecord(reader) : readEdited(reader, before, edited)
      return { kind: 'update', rowid, before, after, columns }
    }
    case DELETE:
      return { kind: 'delete', rowid, before: isPlain ? undefined : readRecord(reader), after: undefined, columns }
  }
  throw damagedPayload(reader.at, 'an unknown kind of row')
}

function readColumns(reader: PayloadReader): number[] {
  const count = reader.varint()
  const columns: number[] = []
  let next = 0
  for (let i = 0; i < count; i++) {
    const column = next + reader.varint()
    if (column >= COLUMNS_MAX) throw damagedPayload(reader.at, `column ${column} of a row`)
    columns.push(column)
    next = column + 1
  }
  return columns
}

/** A record, or the bytes that stand for one; a view. */
export function readRecord(reader: PayloadReader): Uint8Array {
  const { bytes, at } = reader
  if (bytes[at] === NO_RECORD) {
    reader.skip(1)
    return reader.view(reader.varint())
  }
  const end = findRecordEnd(bytes, at, bytes.byteLength)
  if (end < 0) throw damagedPayload(at, 'a record that makes no sense')
  return reader.view(end - at)
}

function readEdited(reader: PayloadReader, before: Uint8Array, edited: { bytes: Uint8Array }): Uint8Array {
  const length = reader.varint()
  const end = reader.at + length
  if (end > reader.bytes.byteLength) throw damagedPayload(reader.at, 'edits beyond the end of the rows')
  // They put no more bytes than they have.
  const most = before.byteLength + length
  if (most > edited.bytes.byteLength) edited.bytes = new Uint8Array(most)
  return edited.bytes.subarray(0, carryOut(reader, end, before, edited.bytes))
}
