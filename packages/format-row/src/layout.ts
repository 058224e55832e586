import type { Affinity, SchemaChange, SchemaObject } from '@stemma/log'
import type { TextEncoding } from '@stemma/base'

/**
 * # The payload
 *
 *     payload    1 byte of flags: 1, 2 the text encoding (0 UTF-8, 1 UTF-16le, 2 UTF-16be); 4 the schema changed;
 *                8 a user version; 16 an application id; 32 the body is compressed
 *                body; if compressed: its length (v), then the body as one frame of zstd
 *     body       schema version (z); user version (z), application id (z), where flags say so;
 *                where flags say so: count of schema changes (v) and the changes;
 *                then tables to the end
 *     change     1 byte: 0 create, 1 drop, 2 alter; then the object; with an alteration the one before, then the one after
 *     object     1 byte: 0 table, 1 index, 2 view, 3 trigger; plus 4 it has a tree; 8 it has SQL; 16 it belongs to another
 *                name (t); the name of what it belongs to (t) and its SQL (t) where the byte says so
 *     table      1 byte of flags: 1 the commit created it; 2 it had another name; 4 it is WITHOUT ROWID; 8 its layout is news;
 *                16 a layout; 32 another layout before; 64 it is the last
 *                name (t); the name before (t), the count of key values (v), the layouts where flags say so
 *                length of the rows in bytes (v), and the rows; those of the last table go to the end without a length
 *     layout     count of columns (v); 1 + the column that is the rowid, or 0 (v); count of primary key columns (v) and those (v)
 *                each column: 1 byte: its affinity; plus 8 it is generated; 16 it has a default; its name (t); the default as a
 *                record of one value (r)
 *     row        1 byte: bits 0, 1: 0 insert, 1 update, 2 delete; 4 columns are listed; 8 plain; bits 4 to 7: the rowid
 *                the rest of the rowid; the columns, where listed: their count (v), then each (v) less one more than the one before
 *                insert: the new row (r)
 *                update: the old row (r); edits (see `edits.ts`) that make the new one of it; if plain instead: the new row (r)
 *                delete: the old row (r); if plain: nothing
 *
 *     rowid      0 to 13: so many more than one more than the rowid before in this table (before the first: 0)
 *                14: so many more than 14 + one more than the rowid before are given as (v); 15: the rowid itself as 8 bytes follows
 *                in a table WITHOUT ROWID the bits are 0, and so is the rowid
 *     v          an unsigned LEB128 number; z: one with a sign as 2 * n, or -2 * n - 1 for those below 0
 *     t          text: its length in UTF-8 (v), then UTF-8
 *     r          a record in SQLite's own encoding, which is typed, small, and says itself how long it is; or a byte 0, a length (v), and
 *                bytes that are no record
 *
 * Integers of 8 bytes are little-endian. Everything that goes with a column is an index from 0 into the layout's columns.
 */
export const ENCODINGS: readonly TextEncoding[] = ['utf-8', 'utf-16le', 'utf-16be']
export const ENCODING_BITS = 3
export const HAS_SCHEMA = 4
export const HAS_USER_VERSION = 8
export const HAS_APPLICATION_ID = 16
export const COMPRESSED = 32

export const CHANGE_KINDS: readonly SchemaChange['kind'][] = ['create', 'drop', 'alter']

export const OBJECT_KINDS: readonly SchemaObject['kind'][] = ['table', 'index', 'view', 'trigger']
export const OBJECT_KIND_BITS = 3
export const HAS_TREE = 4
export const HAS_SQL = 8
export const HAS_OWNER = 16

export const IS_CREATED = 1
export const IS_RENAMED = 2
export const IS_KEYED = 4
export const IS_NEWS = 8
export const HAS_LAYOUT = 16
export const HAS_LAYOUT_BEFORE = 32
export const IS_LAST = 64

/** Where a record would begin. */
export const NO_RECORD = 0

export const AFFINITIES: readonly Affinity[] = ['blob', 'text', 'numeric', 'integer', 'real']
export const AFFINITY_BITS = 7
export const IS_GENERATED = 8
export const HAS_DEFAULT = 16

/** Kinds of rows. */
export const INSERT = 0
export const UPDATE = 1
export const DELETE = 2
export const KIND_BITS = 3
export const HAS_COLUMNS = 4
export const IS_PLAIN = 8

/** In the upper half of a row's first byte. */
export const ROWID_NEAR_MAX = 13
export const ROWID_FARTHER = 14
export const ROWID_WHOLE = 15

/** SQLite has no table with more columns. @see https://sqlite.org/limits.html#max_column */
export const COLUMNS_MAX = 32767
