import type { SqliteValue, TextEncoding } from '@stemma/base'
import {
  PayloadReader,
  damagedPayload,
  decompressBody,
  type Column,
  type CommitRows,
  type SchemaChange,
  type SchemaObject,
  type TableChanges,
  type TableLayout,
} from '@stemma/log'
import { decodeRecord } from '@stemma/sqlite-file'
import { ZSTD } from './compression.ts'
import {
  AFFINITIES,
  AFFINITY_BITS,
  CHANGE_KINDS,
  COLUMNS_MAX,
  COMPRESSED,
  ENCODINGS,
  ENCODING_BITS,
  HAS_APPLICATION_ID,
  HAS_DEFAULT,
  HAS_LAYOUT,
  HAS_LAYOUT_BEFORE,
  HAS_OWNER,
  HAS_SCHEMA,
  HAS_SQL,
  HAS_TREE,
  HAS_USER_VERSION,
  IS_CREATED,
  IS_GENERATED,
  IS_KEYED,
  IS_LAST,
  IS_NEWS,
  IS_RENAMED,
  OBJECT_KINDS,
  OBJECT_KIND_BITS,
} from './layout.ts'
import { readRecord, readRows } from './row-reader.ts'

const NO_CHANGES: readonly SchemaChange[] = []

/**
 * Reads a payload: `layout.ts` says how it looks. Rows are views into it, read when they are asked for; whether their records make
 * sense is not looked at.
 *
 * @throws StemmaError DAMAGED_ENTRY when it makes no sense; going through the rows may throw it too
 */
export function decodePayload(payload: Uint8Array): CommitRows {
  const flags = payload[0]
  const textEncoding = ENCODINGS[(flags ?? ENCODING_BITS) & ENCODING_BITS]
  if (flags === undefined || textEncoding === undefined || flags >= 2 * COMPRESSED)
    throw damagedPayload(0, 'an unknown first byte')
  let reader = new PayloadReader(payload, 1)
  if ((flags & COMPRESSED) !== 0) reader = new PayloadReader(decompressBody(reader, ZSTD), 0)
  const schemaVersion = readSigned(reader)
  const userVersion = (flags & HAS_USER_VERSION) === 0 ? undefined : readSigned(reader)
  const applicationId = (flags & HAS_APPLICATION_ID) === 0 ? undefined : readSigned(reader)
  const schema = (flags & HAS_SCHEMA) === 0 ? NO_CHANGES : readSchema(reader)
  const tables: TableChanges[] = []
  while (!reader.isAtEnd) tables.push(readTable(reader, textEncoding))
  return { textEncoding, schemaVersion, schema, userVersion, applicationId, tables }
}

function readSigned(reader: PayloadReader): number {
  const value = reader.varint()
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

function readText(reader: PayloadReader): string {
  const { bytes } = reader
  const length = reader.varint()
  const start = reader.at
  reader.skip(length)
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString('utf8')
}

function readSchema(reader: PayloadReader): SchemaChange[] {
  const count = reader.varint()
  const changes: SchemaChange[] = []
  // A count that is too large runs into the end of the bytes.
  for (let i = 0; i < count; i++) {
    const kind = CHANGE_KINDS[reader.byte()]
    if (kind === undefined) throw damagedPayload(reader.at, 'an unknown change of the schema')
    const object = readObject(reader)
    changes.push(kind === 'alter' ? { kind, before: object, after: readObject(reader) } : { kind, object })
  }
  return changes
}

function readObject(reader: PayloadReader): SchemaObject {
  const flags = reader.byte()
  if (flags >= 2 * HAS_OWNER) throw damagedPayload(reader.at, 'an unknown kind of schema object')
  const name = readText(reader)
  const tableName = (flags & HAS_OWNER) === 0 ? name : readText(reader)
  const sql = (flags & HAS_SQL) === 0 ? undefined : readText(reader)
  return { kind: OBJECT_KINDS[flags & OBJECT_KIND_BITS]!, name, tableName, sql, hasTree: (flags & HAS_TREE) !== 0 }
}

function readTable(reader: PayloadReader, encoding: TextEncoding): TableChanges {
  const flags = reader.byte()
  if (flags >= 2 * IS_LAST) throw damagedPayload(reader.at, 'unknown flags of a table')
  const name = readText(reader)
  const otherName = (flags & IS_RENAMED) === 0 ? name : readText(reader)
  const keyCount = (flags & IS_KEYED) === 0 ? 0 : reader.varint()
  if (keyCount > COLUMNS_MAX) throw damagedPayload(reader.at, `a key of ${keyCount} columns`)
  const layout = (flags & HAS_LAYOUT) === 0 ? undefined : readLayout(reader, encoding)
  const layoutBefore = (flags & HAS_LAYOUT_BEFORE) === 0 ? undefined : readLayout(reader, encoding)
  const { bytes } = reader
  const length = (flags & IS_LAST) === 0 ? reader.varint() : bytes.byteLength - reader.at
  const start = reader.at
  reader.skip(length)
  return {
    name,
    nameBefore: (flags & IS_CREATED) === 0 ? otherName : undefined,
    keyCount,
    layout,
    layoutBefore,
    isLayoutNews: (flags & IS_NEWS) !== 0,
    rows: () => readRows(bytes, start, start + length, keyCount > 0),
  }
}

function readLayout(reader: PayloadReader, encoding: TextEncoding): TableLayout {
  const count = reader.varint()
  const rowidColumn = reader.varint() - 1
  const keyLength = reader.varint()
  if (count > COLUMNS_MAX || rowidColumn >= count || keyLength > count) {
    throw damagedPayload(reader.at, `a layout of ${count} columns, its key ${keyLength}, its rowid ${rowidColumn}`)
  }
  const primaryKey: number[] = []
  for (let i = 0; i < keyLength; i++) {
    const column = reader.varint()
    if (column >= count) throw damagedPayload(reader.at, `column ${column} of ${count} in a key`)
    primaryKey.push(column)
  }
  const columns: Column[] = []
  for (let i = 0; i < count; i++) columns.push(readColumn(reader, encoding))
  return { columns, rowidColumn: rowidColumn < 0 ? undefined : rowidColumn, primaryKey }
}

function readColumn(reader: PayloadReader, encoding: TextEncoding): Column {
  const flags = reader.byte()
  const affinity = AFFINITIES[flags & AFFINITY_BITS]
  if (affinity === undefined || flags >= 2 * HAS_DEFAULT) throw damagedPayload(reader.at, 'unknown flags of a column')
  const name = readText(reader)
  const defaultValue = (flags & HAS_DEFAULT) === 0 ? null : readDefault(reader, encoding)
  return { name, affinity, defaultValue, isGenerated: (flags & IS_GENERATED) !== 0 }
}

function readDefault(reader: PayloadReader, encoding: TextEncoding): SqliteValue {
  const record = readRecord(reader)
  let values: readonly SqliteValue[]
  try {
    values = decodeRecord(record, encoding)
  } catch (cause) {
    throw damagedPayload(reader.at, 'a default that is no record', cause)
  }
  const value = values[0]
  if (values.length !== 1 || value === undefined) throw damagedPayload(reader.at, 'a default that is not one value')
  return value
}
