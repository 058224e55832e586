import type { SqliteValue } from '@stemma/base'

/**
 * # Changesets
 *
 * What SQLite's session extension makes and applies. A changeset is tables one after another to the end of the bytes; a table is its head and its
 * changes, and another head or the end is the end of it. So changesets one behind another are a changeset.
 *
 *     head      'T'; in a patchset 'P'
 *               count of columns (varint)
 *               for each column a byte: its place in the primary key from 1, or 0
 *               the name of the table, UTF-8, and a zero
 *     change    a byte: 18 INSERT, 23 UPDATE, 9 DELETE
 *               a byte: 1 when a trigger or a foreign key did it, else 0
 *               the row before (not of an INSERT), the row after (not of a DELETE)
 *     row       a value for each column
 *     value     a byte: 0 not told, 1 INTEGER, 2 REAL, 3 TEXT, 4 BLOB, 5 NULL
 *               8 bytes, big-endian, of INTEGER and REAL; length in bytes (varint) and the bytes of TEXT, always UTF-8, and BLOB
 *
 * Columns are in the order of their declaration, without generated ones. An UPDATE tells the key and what changed of the row before, and what changed
 * of the row after. In a patchset an UPDATE has only the row after, which tells the key too, and the row before of a DELETE has only the columns of
 * the key. A varint is SQLite's own.
 *
 * @see https://sqlite.org/sessionintro.html, and "CHANGESET FORMAT" in SQLite's ext/session/sqlite3session.c
 */
export const CHANGESET_TABLE = 0x54
export const PATCHSET_TABLE = 0x50

export const OPERATION_CODES = { insert: 18, update: 23, delete: 9 } as const

export const NOT_TOLD = 0
export const INTEGER = 1
export const REAL = 2
export const TEXT = 3
export const BLOB = 4
export const NULL = 5

/** SQLite takes no table with more columns. */
export const COLUMNS_MAX = 32_767

/** The values of a row by the columns of its table; undefined where one is not told. Texts and blobs are views of the changeset. */
export type ChangesetRow = readonly (SqliteValue | undefined)[]

/** One change of a row. */
export interface ChangesetChange {
  readonly operation: 'insert' | 'update' | 'delete'
  /** True when a trigger or a foreign key did it. */
  readonly isIndirect: boolean
  /** Undefined for an insert. */
  readonly before: ChangesetRow | undefined
  /** Undefined for a delete. */
  readonly after: ChangesetRow | undefined
}

/** The changes of one table. */
export interface ChangesetTable {
  readonly name: string
  /** For each column its place in the primary key, from 1; 0 when it is not in it. */
  readonly key: readonly number[]
  readonly isPatchset: boolean
  /** How many changes there are. */
  readonly count: number
  /** Read as they are asked for; can be gone through again. */
  changes(): Iterable<ChangesetChange>
}
