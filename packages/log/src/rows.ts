import type { SqliteValue, TextEncoding } from '@stemma/base'

/**
 * What one commit did, as rows: the net difference between the database before it and after it.
 *
 * The order in which statements ran inside the commit is not part of it. Whoever applies it deletes and updates under the schema
 * before, changes the schema, and inserts under the schema after; see `SchemaChange` for what stays equal across that.
 */
export interface CommitRows {
  /** How text is stored in records: the leader's encoding, which need not be the follower's. */
  readonly textEncoding: TextEncoding
  /** SQLite's schema cookie after the commit. */
  readonly schemaVersion: number
  /** Changes of the schema, in an order in which they can be made: drops, then alterations, then creations by the rowid in `sqlite_schema`. */
  readonly schema: readonly SchemaChange[]
  /** `PRAGMA user_version` after the commit; undefined when the commit left it. */
  readonly userVersion: number | undefined
  /** `PRAGMA application_id` after the commit; undefined when the commit left it. */
  readonly applicationId: number | undefined
  /** Tables whose rows changed, each once. A table that was dropped is not among them: its rows went with it. */
  readonly tables: readonly TableChanges[]
}

/** A row of `sqlite_schema`, less where its tree is. */
export interface SchemaObject {
  readonly kind: 'table' | 'index' | 'view' | 'trigger'
  readonly name: string
  /** The table or view that it belongs to; its own name for a table or view. */
  readonly tableName: string
  /** The SQL that made it, as `sqlite_schema` has it; undefined for an index that SQLite made by itself. */
  readonly sql: string | undefined
  /** False when it has no tree of its own: views, triggers, virtual tables. */
  readonly hasTree: boolean
}

/** What became of a schema object. */
export type SchemaChange =
  | { readonly kind: 'create'; readonly object: SchemaObject }
  /** The object and its tree are gone, rows and all. */
  | { readonly kind: 'drop'; readonly object: SchemaObject }
  /** The same tree goes by another name or another SQL: `ALTER TABLE`, or an edit of `sqlite_schema`. */
  | { readonly kind: 'alter'; readonly before: SchemaObject; readonly after: SchemaObject }

/** The rows of one table that a commit changed. */
export interface TableChanges {
  /** The table's name after the commit. */
  readonly name: string
  /** The table's name before the commit; undefined when the commit created it. */
  readonly nameBefore: string | undefined
  /**
   * How many values at the start of each record are its key: the columns of the primary key of a table WITHOUT ROWID. 0 for a
   * table whose rows are known by their rowid.
   */
  readonly keyCount: number
  /** What the table looks like after the commit; undefined when a payload does not tell. */
  readonly layout: TableLayout | undefined
  /** What it looked like before, when that was another layout: `before` of its rows is to be read by this one. */
  readonly layoutBefore: TableLayout | undefined
  /**
   * True when a reader without the database may not know the layout yet: the source mentions the table for the first time, for the first
   * time under this schema, or for the first time in a good while. Formats write layouts then, and may leave them out otherwise.
   */
  readonly isLayoutNews: boolean
  /** The rows, each identity once; in the order of rowids, or in no order for a table WITHOUT ROWID. Can be gone through again. */
  rows(): Iterable<RowChange>
}

/** What has to be known of a table to read its records. */
export interface TableLayout {
  /**
   * The columns in the order in which records hold them: as declared, less virtual generated columns; in a table WITHOUT ROWID the
   * columns of the primary key come first.
   */
  readonly columns: readonly Column[]
  /** The column that is an alias of the rowid, as an index of `columns`: its value in records is NULL. Undefined when there is none. */
  readonly rowidColumn: number | undefined
  /** The columns of the declared primary key, as indexes of `columns`; empty when the table has none. */
  readonly primaryKey: readonly number[]
  /**
   * The columns in the order in which the table declares them, as indexes of `columns`. A source tells it when that is another order than that of
   * `columns`, as it may be in a table WITHOUT ROWID; formats need not.
   */
  readonly declaredOrder?: readonly number[]
}

/**
 * What a column makes of the values that are put into it.
 *
 * @see https://sqlite.org/datatype3.html#type_affinity
 */
export type Affinity = 'blob' | 'text' | 'numeric' | 'integer' | 'real'

/** A column whose value records hold. */
export interface Column {
  readonly name: string
  /** A REAL column stores a number without a fraction as an integer: it is a double all the same. */
  readonly affinity: Affinity
  /** What rows have that are shorter than the schema, since the column was added after them. */
  readonly defaultValue: SqliteValue
  /** True for a generated column whose values are stored. */
  readonly isGenerated: boolean
}

/** One row that a commit inserted, updated or deleted. A row whose identity changed was deleted, and inserted as another. */
export interface RowChange {
  readonly kind: 'insert' | 'update' | 'delete'
  /** 0 in a table WITHOUT ROWID. */
  readonly rowid: bigint
  /**
   * The row as it was, as a record in SQLite's own encoding. Undefined for an insert, and where a format leaves it out. Borrowed
   * until the next row is asked for.
   */
  readonly before: Uint8Array | undefined
  /** The row as it became; undefined for a delete. Borrowed until the next row is asked for. */
  readonly after: Uint8Array | undefined
  /** Which columns `before` and `after` hold, as indexes of the layout's columns, ascending; undefined when they hold the whole row. */
  readonly columns: readonly number[] | undefined
}
