import { StemmaError, type Position, type SqliteValue, type TextEncoding } from '@stemma/base'
import type { CommitRows, RowChange, TableChanges } from '@stemma/log'
import type { ChangesetChange } from './changeset.ts'
import { ChangesetWriter } from './changeset-writer.ts'
import { FactsWriter, isPlain, type RowsAt, type TableFact } from './facts.ts'
import { columnsOf, isSameValue, tellRow, tellUnder, type TableColumns, type ToldRow } from './table-columns.ts'

/** Memory that is used again for the next commit, or table, unless it has grown beyond this many bytes. */
const WRITER_BYTES_KEPT = 4 * 1024 * 1024
const writers = { payload: new ChangesetWriter(), changes: new ChangesetWriter(), data: new ChangesetWriter() }

const ROW_CODES = { insert: 1, update: 2, delete: 4 } as const

/**
 * Writes a commit as a changeset, with the facts that a changeset has no place for before it. It is good until the next call.
 *
 * @throws StemmaError ROWS_UNKNOWN when it is not told what a table's columns are, or a row is not told whole
 */
export function encodePayload(rows: CommitRows, position: Position, version: number): Uint8Array {
  const altered = new Set(rows.schema.flatMap((change) => (change.kind === 'alter' ? [change.after.tableName] : [])))
  const tables = rows.tables.map((table) => new TableEncoder(table, rows.textEncoding, altered.has(table.name)).encode())
  const writer = emptied('payload')
  const facts = new FactsWriter(writer, position)
  const { textEncoding, schemaVersion, userVersion, applicationId } = rows
  const changes = tables.reduce((sum, { count }) => sum + count, 0)
  facts.commit({ version, changes, textEncoding, schemaVersion, userVersion, applicationId })
  for (const change of rows.schema) facts.schema(change)
  for (const { fact, data } of tables) if (!isPlain(fact)) facts.table(fact, data)
  for (const { told } of tables) {
    writer.reserve(told.byteLength)
    writer.copy(told, 0, told.byteLength)
  }
  return writer.bytes.subarray(0, writer.length)
}

function emptied(name: keyof typeof writers): ChangesetWriter {
  if (writers[name].bytes.byteLength > WRITER_BYTES_KEPT) writers[name] = new ChangesetWriter()
  writers[name].length = 0
  return writers[name]
}

interface EncodedTable {
  readonly fact: TableFact
  readonly data: Uint8Array | null
  /** The table's part of the changeset; empty when it has none. */
  readonly told: Uint8Array
  /** The changes in it. */
  readonly count: number
}

/** One change of a row as a changeset tells it, and the rowids of the row. */
interface ToldChange {
  readonly row: RowChange
  readonly before: ToldRow | undefined
  readonly after: ToldRow | undefined
}

class TableEncoder {
  readonly #table: TableChanges
  readonly #encoding: TextEncoding
  readonly #columns: TableColumns
  readonly #columnsBefore: TableColumns
  readonly #changes = emptied('changes')
  /** The rowids of the changes that were written; of a table whose rows are told raw, those. */
  readonly #data = emptied('data')
  #count = 0
  /** True when the changeset is not all that there is to tell. */
  #isRaw: boolean

  /** @param isAltered - whoever applies it takes its rows out under one schema and puts them in under another, so they have to be whole */
  constructor(table: TableChanges, encoding: TextEncoding, isAltered: boolean) {
    const { layout, layoutBefore, name, nameBefore } = table
    if (layout === undefined) throw new StemmaError('ROWS_UNKNOWN', `the columns of ${name} are not told`, { table: name })
    this.#table = table
    this.#encoding = encoding
    this.#columns = columnsOf(layout)
    this.#columnsBefore = layoutBefore === undefined ? this.#columns : columnsOf(layoutBefore)
    const isOther = isAltered || layoutBefore !== undefined || (nameBefore !== undefined && nameBefore !== name)
    this.#isRaw = isOther || !this.#columns.isWhole || layout.primaryKey.length === 0
  }

  encode(): EncodedTable {
    const { name, nameBefore, keyCount, isLayoutNews, layout, layoutBefore } = this.#table
    if (this.#columns.key.some((place) => place > 0)) this.#tell()
    const rowsAt: RowsAt = this.#isRaw ? 'raw' : keyCount > 0 ? 'keyed' : layout!.rowidColumn === undefined ? 'listed' : 'key'
    return {
      fact: { name, nameBefore, keyCount, isLayoutNews, layout: isLayoutNews ? layout : undefined, layoutBefore, rowsAt },
      data: rowsAt === 'raw' ? this.#raw() : rowsAt === 'listed' ? this.#data.take() : null,
      told: this.#changes.take(),
      count: this.#count,
    }
  }

  /**
   * Tells the rows in the changeset: what deletes before all else, as a key may be equal to another by its collation, or go over to another row, and
   * what is UNIQUE too.
   */
  #tell(): void {
    const { name, keyCount } = this.#table
    this.#changes.table(name, this.#columns.key)
    const start = this.#changes.length
    const mayMoveKeys = keyCount === 0 && this.#columns.layout.rowidColumn === undefined
    if (this.#columnsBefore !== this.#columns || (mayMoveKeys && this.#movesKeys())) {
      this.#isRaw = true
      this.#tellByKeys()
    } else {
      for (const change of this.#told(({ kind }) => kind === 'delete')) this.#write(change)
      for (const change of this.#told(({ kind }) => kind !== 'delete')) this.#write(change)
    }
    if (this.#changes.length === start) this.#changes.length = 0
  }

  *#told(isWanted: (row: RowChange) => boolean): Generator<ToldChange, void, undefined> {
    for (const row of this.#table.rows()) if (isWanted(row)) yield this.#toldChange(row)
  }

  #toldChange(row: RowChange): ToldChange {
    const { kind, rowid, columns } = row
    const isWhole = columns === undefined && (kind === 'insert' || row.before !== undefined)
    if (!isWhole) throw new StemmaError('ROWS_UNKNOWN', `a row of ${this.#table.name} is not told whole`, { rowid })
    const [now, then] = [this.#columns, this.#columnsBefore]
    const before = row.before && tellRow(rowid, row.before, then, this.#encoding)
    const after = row.after && tellRow(rowid, row.after, now, this.#encoding)
    return { row, before: before && (now === then ? before : tellUnder(before, then, now)), after }
  }

  #write({ row, before, after }: ToldChange): void {
    if (before?.isExact === false || after?.isExact === false) this.#isRaw = true
    if (this.#writeChange(row.kind, before?.values, after?.values)) this.#data.integer(row.rowid)
  }

  /** False when the changeset does not get it: nothing changed that it tells, or its key has a NULL. */
  #writeChange(
    operation: ChangesetChange['operation'],
    before: readonly SqliteValue[] | undefined,
    after: readonly SqliteValue[] | undefined,
  ): boolean {
    const { key } = this.#columns
    if (key.some((place, i) => place > 0 && (before ?? after)![i] === null)) {
      this.#isRaw = true
      return false
    }
    if (before === undefined || after === undefined) {
      this.#changes.change(operation, before, after)
      this.#count++
      return true
    }
    const isChanged = key.map((_, i) => !isSameValue(before[i]!, after[i]!))
    if (!isChanged.includes(true)) return false
    this.#changes.change(
      operation,
      before.map((value, i) => (isChanged[i]! || key[i]! > 0 ? value : undefined)),
      after.map((value, i) => (isChanged[i]! ? value : undefined)),
    )
    this.#count++
    return true
  }

  /** True when a row of a table whose key is not its rowid has another key than before, or a key has gone over to another row. */
  #movesKeys(): boolean {
    const seen = new Set<string>()
    for (const { row, before, after } of this.#told(() => true)) {
      const [old, now] = [before && this.#keyOf(before), after && this.#keyOf(after)]
      if (row.kind === 'update' && old !== now) return true
      const key = old ?? now!
      if (seen.has(key)) return true
      seen.add(key)
    }
    return false
  }

  /** Tells what became of each key, as SQLite's session extension would. */
  #tellByKeys(): void {
    const keys = new Map<string, { before?: readonly SqliteValue[]; after?: readonly SqliteValue[] }>()
    const at = (row: ToldRow): { before?: readonly SqliteValue[]; after?: readonly SqliteValue[] } => {
      const key = this.#keyOf(row)
      const known = keys.get(key) ?? {}
      keys.set(key, known)
      return known
    }
    for (const row of this.#table.rows()) {
      // They are kept beyond the next row.
      const { before, after } = this.#toldChange({ ...row, before: row.before?.slice(), after: row.after?.slice() })
      if (before !== undefined) at(before).before = before.values
      if (after !== undefined) at(after).after = after.values
    }
    for (const { before, after } of keys.values()) if (after === undefined) this.#writeChange('delete', before, undefined)
    for (const { before, after } of keys.values())
      if (after !== undefined) this.#writeChange(before === undefined ? 'insert' : 'update', before, after)
  }

  #keyOf({ values }: ToldRow): string {
    return values
      .filter((_, i) => this.#columns.key[i]! > 0)
      .map((value) => showKeyValue(value))
      .join(' ')
  }

  #raw(): Uint8Array {
    const writer = this.#data
    writer.length = 0
    for (const { kind, rowid, before, after } of this.#table.rows()) {
      writer.reserve(1)
      writer.byte(ROW_CODES[kind])
      writer.integer(rowid)
      if (kind !== 'insert') writer.sized(before!)
      if (kind !== 'delete') writer.sized(after!)
    }
    return writer.take()
  }
}

function showKeyValue(value: SqliteValue): string {
  if (value === null || typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return `r${Object.is(value, -0) ? '-0' : value}`
  if (value instanceof Uint8Array) return `b${Buffer.from(value).toString('hex')}`
  return `t${Buffer.from(value.bytes).toString('hex')}`
}
