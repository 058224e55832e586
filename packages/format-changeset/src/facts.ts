import type { Position, SqliteValue, TextEncoding } from '@stemma/base'
import type { Column, SchemaChange, TableLayout } from '@stemma/log'
import { newText } from '@stemma/sqlite-file'
import type { ChangesetWriter } from './changeset-writer.ts'

/**
 * # What a changeset can't tell
 *
 * Each payload begins with rows that are inserted into a table `_stemma_commit`. SQLite passes over the changes of a table that a database does not
 * have, so whoever applies the payload need not know. A database that has the table gets the rows, and with them the place that it stands at:
 *
 *     CREATE TABLE _stemma_commit (epoch INTEGER, sequence INTEGER, part INTEGER, kind TEXT, fact TEXT, data BLOB,
 *       PRIMARY KEY (epoch, sequence, part))
 *
 * `epoch` and `sequence` are the position of the commit, `part` counts from 0, `fact` is JSON:
 *
 *     kind      fact                                            data
 *     commit    encoding, schema version, count of changes ...  NULL
 *     schema    one change of the schema, with its SQL          NULL
 *     table     what to know of a table to read its rows        `listed`: rowids; `raw`: rows
 *
 * A table without a fact of its own is one whose key is the rowid, all of whose changes are in the changeset. Of others the fact says where the
 * rows are, see `RowsAt`. Numbers in `data` are SQLite's varints:
 *
 *     rowids    for each change of the table in the changeset the rowid
 *     rows      a byte: 1 insert, 2 update, 4 delete; the rowid; the row before (not of an insert) and after (not of a delete), each a record in
 *               SQLite's encoding with its length before it
 */
export const FACTS_TABLE = '_stemma_commit'

/** The columns of that table that are in its primary key. */
export const FACTS_KEY: readonly number[] = [1, 2, 3, 0, 0, 0]

/**
 * Where the rows of a table are.
 * - `key`: in the changeset, and the key is the rowid;
 * - `keyed`: in the changeset, of a table WITHOUT ROWID;
 * - `listed`: in the changeset, and their rowids are listed beside it;
 * - `raw`: beside it, whole. What the changeset has of the table is for others.
 */
export type RowsAt = 'key' | 'keyed' | 'listed' | 'raw'

/** What to know of a table. */
export interface TableFact {
  readonly name: string
  /** Undefined when the commit created it. */
  readonly nameBefore: string | undefined
  readonly keyCount: number
  readonly isLayoutNews: boolean
  readonly layout: TableLayout | undefined
  readonly layoutBefore: TableLayout | undefined
  readonly rowsAt: RowsAt
}

/** What to know of a commit. */
export interface CommitFact {
  readonly version: number
  /** How many changes the changeset has, these facts apart: one that lost its end shows. */
  readonly changes: number
  readonly textEncoding: TextEncoding
  readonly schemaVersion: number
  readonly userVersion: number | undefined
  readonly applicationId: number | undefined
}

/** Writes the facts of a commit, one by one. */
export class FactsWriter {
  readonly #writer: ChangesetWriter
  readonly #position: Position
  #part = 0n

  constructor(writer: ChangesetWriter, position: Position) {
    this.#writer = writer
    this.#position = position
    writer.table(FACTS_TABLE, FACTS_KEY)
  }

  commit(fact: CommitFact): void {
    this.#add('commit', fact, null)
  }

  schema(change: SchemaChange): void {
    this.#add('schema', change, null)
  }

  table({ layout, layoutBefore, ...fact }: TableFact, data: Uint8Array | null): void {
    this.#add(
      'table',
      { ...fact, layout: layout && plainLayout(layout), layoutBefore: layoutBefore && plainLayout(layoutBefore) },
      data,
    )
  }

  #add(kind: 'commit' | 'schema' | 'table', fact: object, data: Uint8Array | null): void {
    const { epoch, sequence } = this.#position
    const texts = [kind, JSON.stringify(fact)].map((text) => newText(text, 'utf-8'))
    this.#writer.change('insert', undefined, [BigInt(epoch), BigInt(sequence), this.#part++, ...texts, data])
  }
}

/** True when a table needs no fact. */
export function isPlain({ name, nameBefore, isLayoutNews, layoutBefore, rowsAt }: TableFact): boolean {
  return rowsAt === 'key' && name === nameBefore && !isLayoutNews && layoutBefore === undefined
}

function plainLayout({ columns, ...layout }: TableLayout): object {
  return { ...layout, columns: columns.map(plainColumn) }
}

function plainColumn({ defaultValue, ...column }: Column): object {
  return { ...column, defaultValue: plainValue(defaultValue) }
}

/** A value as JSON from which it can be had back. */
function plainValue(value: SqliteValue): object | null {
  if (value === null) return null
  if (typeof value === 'bigint') return { integer: String(value) }
  if (typeof value === 'number') return { real: Object.is(value, -0) ? '-0' : String(value) }
  return value instanceof Uint8Array ? { blob: base64(value) } : { text: base64(value.bytes) }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
