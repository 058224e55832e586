import { StemmaError, type SqliteValue, type TextEncoding } from '@stemma/base'
import { betterSqlite3, readCopyNote, type CopyPlace, type SqliteConnection } from '@stemma/storage'
import Database from 'better-sqlite3'
import type { HashedRow } from './leader-tables.ts'
import { RowHasher, type RowHash } from './row-hash.ts'
import type { Slices } from './slices.ts'
import { describeTables, isOwn, type SchemaFact, type TableFacts } from './table-facts.ts'

/** SQLite gives no more columns than this in one result, and each column takes two here. */
const COLUMNS_MAX = 900

/** A logical copy's tables at one moment, as SQLite reads them: in one read transaction, which ends when it is closed. */
export class CopyTables {
  /** Where it stands. */
  readonly place: CopyPlace
  readonly encoding: TextEncoding
  readonly schema: readonly SchemaFact[]
  readonly tables: readonly TableFacts[]
  readonly #database: Database.Database

  /**
   * Begins to read a copy.
   *
   * @throws StemmaError WRONG_COPY_KIND when it is no logical copy; CANNOT_OPEN
   */
  constructor(path: string) {
    this.#database = openReadOnly(path)
    try {
      this.#database.defaultSafeIntegers(true).exec('BEGIN')
      this.place = readNote(this.#database, path)
      this.encoding = String(this.#database.pragma('encoding', { simple: true })).toLowerCase() as TextEncoding
      const rows = this.#database.prepare('SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema').all() as StoredRow[]
      const ours = rows.filter(({ name, tbl_name: table }) => !isOwn(name) && !isOwn(table))
      this.schema = ours.map(({ type, name, tbl_name: tableName, sql }) => ({
        kind: type,
        name,
        tableName,
        sql: sql ?? undefined,
      }))
      const tables = ours.flatMap(({ type, name, rootpage, sql }) =>
        type === 'table' && rootpage > 0n && sql !== null ? [{ name, sql }] : [],
      )
      this.tables = describeTables(tables, this.encoding, betterSqlite3)
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  /** Walks the rows of a table, a slice of time at a time. */
  async walk(
    table: TableFacts,
    leader: TextEncoding,
    take: (hash: RowHash, row: HashedRow) => void,
    slices: Slices,
  ): Promise<void> {
    const hasher = new RowHasher(table, leader === this.encoding ? 'stored' : 'characters')
    const { columns } = table.layout
    if (columns.length > COLUMNS_MAX) throw new StemmaError('CANNOT_COMPARE', `${table.name} has ${columns.length} columns`)
    const rows = this.#database.prepare(selectOf(table)).raw().iterate() as Iterable<(SqliteValue | Buffer)[]>
    await slices.walk(rows, (values) => {
      const rowid = table.hasRowid ? (values[0] as bigint) : 0n
      const row = columns.map((_, i) => this.#valueOf(values[1 + 2 * i]!, values[2 + 2 * i] === 1n))
      take(hasher.hash(rowid, row), { rowid, values: row })
    })
  }

  close(): void {
    this.#database.close()
  }

  #valueOf(value: SqliteValue, isText: boolean): SqliteValue {
    return isText ? { kind: 'text', encoding: this.encoding, bytes: value as Uint8Array } : value
  }
}

interface StoredRow {
  readonly type: string
  readonly name: string
  readonly tbl_name: string
  readonly rootpage: bigint
  readonly sql: string | null
}

/** Rowid, then each column as it is stored, texts as their bytes, and whether it is a text. The table itself is read, no index. */
function selectOf({ name, layout, rowidName }: TableFacts): string {
  const columns = layout.columns.map((column) => {
    const quoted = quote(column.name)
    return `CASE typeof(${quoted}) WHEN 'text' THEN CAST(${quoted} AS BLOB) ELSE ${quoted} END, typeof(${quoted}) = 'text'`
  })
  const rowid = rowidName === undefined ? 'NULL' : quote(rowidName)
  return `SELECT ${[rowid, ...columns].join(', ')} FROM ${quote(name)} NOT INDEXED`
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function openReadOnly(path: string): Database.Database {
  try {
    return new Database(path, { readonly: true, fileMustExist: true, timeout: 5_000 })
  } catch (error) {
    throw new StemmaError('CANNOT_OPEN', `${path} can't be opened: ${String(error)}`, { path }, error)
  }
}

/** Our driver's connections are this library's, less what we don't need. */
function readNote(database: Database.Database, path: string): CopyPlace {
  const note = readCopyNote(database as unknown as SqliteConnection)
  if (note === undefined) throw new StemmaError('WRONG_COPY_KIND', `${path} is no copy by rows`, { path })
  return note.place
}
