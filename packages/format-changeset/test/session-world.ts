import { DatabaseSync, type Session } from 'node:sqlite'
import type { SqliteValue } from '@stemma/base'
import type { Commit, CommitRows, RowChange, TableChanges } from '@stemma/log'
import { decodeRecord, encodeRecord } from '@stemma/sqlite-file'
import { TableCatalog, nodeSqlite, type TableDescription } from '@stemma/storage'
import { decodeChangeset } from '../src/index.ts'

/** One commit, as a session tells it and as a source would. */
export interface SeenCommit {
  readonly bySession: Uint8Array
  readonly commit: Commit
  /** A database as it was before. To be closed. */
  before(): DatabaseSync
}

/** Rows by what they are known by: the rowid, or the record of the key. */
type Rows = Map<string, { readonly rowid: bigint; readonly record: Uint8Array }>

/** A database in memory, of which each commit is seen both ways. */
export class SessionWorld {
  readonly database: DatabaseSync
  readonly #tables: readonly { readonly name: string; readonly description: TableDescription }[]

  constructor(schema: readonly string[]) {
    this.database = newDatabase()
    const catalog = new TableCatalog(nodeSqlite, 'utf-8')
    for (const sql of schema) this.database.exec(sql)
    this.#tables = this.database
      .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table'")
      .all()
      .map(({ name, sql }) => ({ name: String(name), description: catalog.describe({ name: String(name), sql: String(sql) }) }))
    catalog.close()
  }

  close(): void {
    this.database.close()
  }

  /** Runs statements, of which some may fail, in one transaction. */
  commit(statements: readonly string[], sequence = 1): SeenCommit {
    const { database } = this
    const image = database.serialize()
    const before = this.#tables.map((table) => this.#read(table))
    const session: Session = database.createSession()
    database.exec('BEGIN')
    for (const sql of statements) {
      try {
        database.exec(sql)
      } catch {
        // A constraint is against it: as good as any other statement.
      }
    }
    database.exec('COMMIT')
    const bySession = Uint8Array.from(session.changeset())
    session.close()
    const tables = this.#tables.map((table, i) => tableChanges(table, before[i]!, this.#read(table)))
    return {
      bySession,
      commit: newCommit({ tables: tables.filter((table) => [...table.rows()].length > 0) }, sequence),
      before: () => openImage(image),
    }
  }

  /** All rows of all tables, as text. */
  show(database: DatabaseSync = this.database): string {
    return this.#tables.map((table) => showRows(table.name, this.#read(table, database))).join('\n')
  }

  /** What changesets can tell of them: no rowids but as keys, no rows with NULL in the key, no tables without a key. */
  showTold(database: DatabaseSync = this.database): string {
    const lines = this.#tables.flatMap((table) => {
      const { primaryKey, rowidColumn } = table.description.layout
      if (primaryKey.length === 0) return []
      return [...this.#read(table, database).values()].flatMap(({ rowid, record }) => {
        const values = decodeAll(record).map((value, i) => (i === rowidColumn ? rowid : value))
        return primaryKey.some((index) => values[index] === null) ? [] : `${table.name}${showValues(values)}`
      })
    })
    return lines.toSorted().join('\n')
  }

  /** The same, as it is after the rows of a commit were changed in what was before. */
  showAfter(before: DatabaseSync, { tables }: CommitRows): string {
    return this.#tables
      .map((table) => {
        const rows = this.#read(table, before)
        const changes = tables.find(({ name }) => name === table.name)
        if (changes !== undefined) applyRows(rows, changes, table.description)
        return showRows(table.name, rows)
      })
      .join('\n')
  }

  #read({ name, description }: { name: string; description: TableDescription }, database: DatabaseSync = this.database): Rows {
    const { layout, rowidName, shape } = description
    const columns = layout.columns.map(({ name: column }) => `"${column}"`)
    const texts = columns.map(
      (column) => `typeof(${column}), iif(typeof(${column}) = 'text', CAST(${column} AS BLOB), ${column})`,
    )
    const statement = database.prepare(`SELECT ${[rowidName ?? '0', ...texts].join(', ')} FROM "${name}"`)
    statement.setReadBigInts(true)
    statement.setReturnArrays(true)
    const rows: Rows = new Map()
    for (const row of statement.all() as unknown as (bigint | string | Uint8Array | number | null)[][]) {
      const rowid = row[0] as bigint
      const values = columns.map((_, i): SqliteValue => {
        const [type, value] = [row[1 + 2 * i], row[2 + 2 * i]]
        if (i === layout.rowidColumn) return null
        return type === 'text' ? { kind: 'text', encoding: 'utf-8', bytes: value as Uint8Array } : (value as SqliteValue)
      })
      const record = encodeRecord(values)
      rows.set(identityOf(rowid, values, shape.keyCount), { rowid, record })
    }
    return rows
  }
}

export function newDatabase(): DatabaseSync {
  return new DatabaseSync(':memory:', { enableForeignKeyConstraints: false })
}

function openImage(image: Uint8Array): DatabaseSync {
  const database = newDatabase()
  database.deserialize(image)
  return database
}

/** A commit that can be told as rows, and as nothing else. */
export function newCommit(rows: Partial<CommitRows>, sequence = 1): Commit {
  const none = {
    textEncoding: 'utf-8',
    schemaVersion: 1,
    schema: [],
    userVersion: undefined,
    applicationId: undefined,
    tables: [],
  } as const
  const commit: Pick<Commit, 'rows' | 'position'> = { position: { epoch: 1, sequence }, rows: () => ({ ...none, ...rows }) }
  // A format by rows looks at nothing else.
  return commit as Commit
}

function tableChanges(
  { name, description }: { name: string; description: TableDescription },
  before: Rows,
  after: Rows,
): TableChanges {
  const rows: RowChange[] = []
  for (const [identity, { rowid, record }] of before) {
    const now = after.get(identity)
    if (now === undefined) rows.push({ kind: 'delete', rowid, before: record, after: undefined, columns: undefined })
    else if (Buffer.compare(now.record, record) !== 0)
      rows.push({ kind: 'update', rowid, before: record, after: now.record, columns: undefined })
  }
  for (const [identity, { rowid, record }] of after)
    if (!before.has(identity)) rows.push({ kind: 'insert', rowid, before: undefined, after: record, columns: undefined })
  rows.sort((a, b) => (a.rowid < b.rowid ? -1 : a.rowid > b.rowid ? 1 : 0))
  const { layout, shape } = description
  return {
    name,
    nameBefore: name,
    keyCount: shape.keyCount,
    layout,
    layoutBefore: undefined,
    isLayoutNews: false,
    rows: () => rows,
  }
}

function applyRows(rows: Rows, changes: TableChanges, { layout, shape }: TableDescription): void {
  for (const { kind, rowid, before, after, columns } of changes.rows()) {
    const [old, now] = [before && decodeAll(before), after && decodeAll(after)]
    const identity = identityOf(rowid, (old ?? now)!, shape.keyCount)
    const row = rows.get(identity)
    if ((row === undefined) !== (kind === 'insert'))
      throw new Error(`${kind} of ${identity}, which was ${row === undefined ? 'not ' : ''}there`)
    rows.delete(identity)
    if (now === undefined) continue
    const told = (i: number, otherwise: SqliteValue): SqliteValue =>
      columns === undefined ? now[i]! : columns.includes(i) ? now[columns.indexOf(i)]! : otherwise
    const whole = row === undefined ? now : decodeAll(row.record).map((value, i) => told(i, value))
    if (whole.length !== layout.columns.length) throw new Error(`${whole.length} values`)
    rows.set(identity, { rowid, record: encodeRecord(whole) })
  }
}

/** Changes of tables as sorted lines: in what order a changeset tells them does not matter. */
export function showChangeset(bytes: Uint8Array, isWanted: (table: string) => boolean = () => true): string[] {
  return decodeChangeset(bytes)
    .filter(({ name }) => isWanted(name))
    .flatMap((table) =>
      Array.from(table.changes(), ({ operation, before, after }) =>
        [operation, table.name, String(table.key), before && showValues(before), after && showValues(after)].join(' '),
      ),
    )
    .toSorted()
}

function showValues(values: readonly (SqliteValue | undefined)[]): string {
  return `(${values.map((value) => (value === undefined ? '-' : showValue(value))).join(', ')})`
}

/** A value with its type, whole. */
export function showValue(value: SqliteValue): string {
  if (value === null) return 'NULL'
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return `real ${Object.is(value, -0) ? '-0' : value}`
  return value instanceof Uint8Array ? `x'${hex(value)}'` : `'${hex(value.bytes)}'`
}

function showRows(name: string, rows: Rows): string {
  return `${name}: ${[...rows.values()].map(showRow).toSorted().join(' ')}`
}

function showRow({ rowid, record }: { readonly rowid: bigint; readonly record: Uint8Array }): string {
  return `${rowid}${showValues(decodeAll(record))}`
}

function identityOf(rowid: bigint, values: readonly SqliteValue[], keyCount: number): string {
  return keyCount === 0 ? String(rowid) : showValues(values.slice(0, keyCount))
}

function decodeAll(record: Uint8Array): SqliteValue[] {
  return decodeRecord(record, 'utf-8')
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}
