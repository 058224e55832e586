import type { SqliteValue, TextEncoding } from '@stemma/base'
import {
  compressBody,
  type CommitRows,
  type SchemaChange,
  type SchemaObject,
  type TableChanges,
  type TableLayout,
} from '@stemma/log'
import { encodeRecord, newText, showText } from '@stemma/sqlite-file'
import { ZSTD } from './compression.ts'
import {
  AFFINITIES,
  CHANGE_KINDS,
  COMPRESSED,
  ENCODINGS,
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
} from './layout.ts'
import { RowWriter } from './row-writer.ts'

/** How much of a row that was updated or deleted an entry holds: all of it, or its key and the columns that changed. */
export type RowImage = 'full' | 'changed'

/** A writer that has grown beyond this many bytes is not kept for the next commit. */
const WRITER_BYTES_KEPT = 4 * 1024 * 1024

let writer: RowWriter = new RowWriter()

/** Writes a commit's payload; `layout.ts` says how it looks. It is good until the next call. */
export function encodePayload(rows: CommitRows, image: RowImage): Uint8Array {
  if (writer.bytes.byteLength > WRITER_BYTES_KEPT) writer = new RowWriter()
  writer.length = 0
  const { schema, userVersion, applicationId, textEncoding } = rows
  writer.byte(
    ENCODINGS.indexOf(textEncoding) |
      (schema.length > 0 ? HAS_SCHEMA : 0) |
      (userVersion === undefined ? 0 : HAS_USER_VERSION) |
      (applicationId === undefined ? 0 : HAS_APPLICATION_ID),
  )
  writer.signed(rows.schemaVersion)
  if (userVersion !== undefined) writer.signed(userVersion)
  if (applicationId !== undefined) writer.signed(applicationId)
  if (schema.length > 0) writeSchema(schema)
  for (const [i, table] of rows.tables.entries()) {
    // An altered table's rows are taken out and put in again, and under two layouts a column's index does not say which it is.
    writeTable(table, { textEncoding, image: schema.length > 0 ? 'full' : image, isLast: i === rows.tables.length - 1 })
  }
  return compressBody(writer.bytes.subarray(0, writer.length), COMPRESSED, ZSTD)
}

function writeSchema(changes: readonly SchemaChange[]): void {
  writer.reserve(10)
  writer.varint(changes.length)
  for (const change of changes) {
    writer.reserve(1)
    writer.byte(CHANGE_KINDS.indexOf(change.kind))
    switch (change.kind) {
      case 'create':
      case 'drop':
        writeObject(change.object)
        break
      case 'alter':
        writeObject(change.before)
        writeObject(change.after)
    }
  }
}

function writeObject({ kind, name, tableName, sql, hasTree }: SchemaObject): void {
  writer.reserve(1)
  writer.byte(
    OBJECT_KINDS.indexOf(kind) |
      (hasTree ? HAS_TREE : 0) |
      (sql === undefined ? 0 : HAS_SQL) |
      (tableName === name ? 0 : HAS_OWNER),
  )
  writer.text(name)
  if (tableName !== name) writer.text(tableName)
  if (sql !== undefined) writer.text(sql)
}

interface TableOptions {
  readonly textEncoding: TextEncoding
  readonly image: RowImage
  readonly isLast: boolean
}

function writeTable(table: TableChanges, { textEncoding, image, isLast }: TableOptions): void {
  const { name, nameBefore, keyCount, isLayoutNews, layoutBefore } = table
  const layout = isLayoutNews ? table.layout : undefined
  const isRenamed = nameBefore !== undefined && nameBefore !== name
  writer.reserve(1)
  writer.byte(
    (nameBefore === undefined ? IS_CREATED : 0) |
      (isRenamed ? IS_RENAMED : 0) |
      (keyCount > 0 ? IS_KEYED : 0) |
      (isLayoutNews ? IS_NEWS : 0) |
      (layout === undefined ? 0 : HAS_LAYOUT) |
      (layoutBefore === undefined ? 0 : HAS_LAYOUT_BEFORE) |
      (isLast ? IS_LAST : 0),
  )
  writer.text(name)
  if (isRenamed) writer.text(nameBefore)
  if (keyCount > 0) writer.varint(keyCount)
  if (layout !== undefined) writeLayout(layout, textEncoding)
  if (layoutBefore !== undefined) writeLayout(layoutBefore, textEncoding)
  writer.rows(table, image, isLast)
}

function writeLayout({ columns, rowidColumn, primaryKey }: TableLayout, encoding: TextEncoding): void {
  writer.reserve(30 + 10 * primaryKey.length)
  writer.varint(columns.length)
  writer.varint(rowidColumn === undefined ? 0 : 1 + rowidColumn)
  writer.varint(primaryKey.length)
  for (const column of primaryKey) writer.varint(column)
  for (const { name, affinity, defaultValue, isGenerated } of columns) {
    writer.reserve(1)
    writer.byte(AFFINITIES.indexOf(affinity) | (isGenerated ? IS_GENERATED : 0) | (defaultValue === null ? 0 : HAS_DEFAULT))
    writer.text(name)
    if (defaultValue !== null) writer.record(encodeRecord([inEncoding(defaultValue, encoding)]))
  }
}

/** A text in the encoding that all texts of the payload have. */
function inEncoding(value: SqliteValue, encoding: TextEncoding): SqliteValue {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array || value.encoding === encoding) return value
  return newText(showText(value), encoding)
}
