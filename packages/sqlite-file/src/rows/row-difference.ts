import type { PageNumber } from '@stemma/base'
import type { Pages } from '../pages.ts'
import type { SchemaRow } from '../schema.ts'

/** A database right before a commit and right after it. A page that the commit did not write is the same in both. */
export interface DatabaseChange {
  readonly before: Pages
  readonly after: Pages
  /** The pages that the commit wrote, ascending. Those beyond `before.pageCount` were not there before. */
  readonly written: readonly PageNumber[]
}

/** What a commit did to rows. */
export interface RowDifference {
  /** Rows of `sqlite_schema` that came, went, or changed other than in where their tree is. */
  readonly schema: readonly SchemaRowChange[]
  /**
   * Tables whose pages changed, each once. `rows()` may turn out to be empty: only going through them tells, as after VACUUM. Dropped
   * tables are not among them, nor is `sqlite_schema`.
   */
  readonly trees: readonly TreeRows[]
}

/** One row of `sqlite_schema`: an object that was created (no `before`), dropped (no `after`), or goes by another name or SQL. */
export interface SchemaRowChange {
  readonly before: SchemaRow | undefined
  readonly after: SchemaRow | undefined
}

/** The rows of one table that a commit changed. */
export interface TreeRows {
  /** The table's row in `sqlite_schema` before the commit; undefined when the commit created it. */
  readonly before: SchemaRow | undefined
  /** The same after the commit. */
  readonly after: SchemaRow
  /** In the order of rowids; in no order for a table WITHOUT ROWID. Can be gone through again while `change` is good. */
  rows(): Iterable<RecordChange>
}

/** A row before and after, as the records that SQLite stores; at least one is there. */
export interface RecordChange {
  /** 0 in a table WITHOUT ROWID. */
  readonly rowid: bigint
  /** Borrowed until the next row is asked for. */
  readonly before: Uint8Array | undefined
  readonly after: Uint8Array | undefined
}

/** What pages do not tell about a tree, but the SQL that made it does. */
export interface TreeShape {
  readonly content: 'rows' | 'keyed-rows' | 'index'
  /** With `keyed-rows`: how many values at the start of a record are the key. Else 0. */
  readonly keyCount: number
  /**
   * What decides how the trees of the table's own keys are ordered, as a text that is the same for the same order: columns by their place
   * in records, collations and directions of PRIMARY KEY and UNIQUE. A table whose keys become others within a commit is told as dropped and
   * created, since its trees can not stay. Left out by callers that don't know: then such a table is told as altered.
   */
  readonly keys?: string
}
