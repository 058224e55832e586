import { StemmaError, type TextEncoding } from '@stemma/base'
import type { DriverRow, DriverValue, SqliteConnection, SqliteStatement } from '../sqlite/driver.ts'
import type { TableDescription } from '../rows/table-catalog.ts'
import { quoteName } from './quote.ts'
import type { RecordCells } from './record-cells.ts'

/** A value of a row, apart from any record. A text is its bytes, in the copy's encoding. */
export interface HeldValue {
  readonly isText: boolean
  readonly value: DriverValue
}

/** A row apart from any record, by the columns of its table; undefined where a row is shorter than its table. */
export type HeldRow = readonly (HeldValue | undefined)[]

export interface TableWriterOptions {
  readonly connection: SqliteConnection
  readonly name: string
  readonly description: TableDescription
  /** Turns a text as the leader's records have it into one as the copy has it; undefined when they are the same. */
  readonly convert: ((bytes: Uint8Array) => Uint8Array) | undefined
}

// How a value is compared with a column.
const AS_IT_IS = 0
const AS_TEXT = 1
const AS_INTEGER = 2
const AS_REAL = 3

// Digits of base 4 that a number holds exactly, behind a count of fixed width.
const DIGITS_MAX = 20
const COUNT_BASE = 64

/** Writes the rows of one table: one prepared statement for each operation and each pattern of the values' types. */
export class TableWriter {
  readonly name: string
  readonly description: TableDescription
  readonly #connection: SqliteConnection
  readonly #convert: ((bytes: Uint8Array) => Uint8Array) | undefined
  /** Columns by their place in records. */
  readonly #columns: readonly string[]
  readonly #isWritable: readonly boolean[]
  readonly #keyCount: number
  readonly #rowid: string
  readonly #inserts = new Map<string | number, SqliteStatement>()
  readonly #updates = new Map<string | number, SqliteStatement>()
  readonly #deletes = new Map<string | number, SqliteStatement>()

  /** @throws StemmaError SNAPSHOT_NEEDED when SQL can't set the rowids of this table */
  constructor({ connection, name, description, convert }: TableWriterOptions) {
    const { layout, shape, rowidName } = description
    this.name = name
    this.description = description
    this.#connection = connection
    this.#convert = convert
    this.#columns = layout.columns.map((column) => quoteName(column.name))
    this.#isWritable = this.#columns.map((column, i) => i !== layout.rowidColumn && this.#columns.indexOf(column) === i)
    this.#keyCount = shape.keyCount
    const alias = layout.rowidColumn === undefined ? undefined : this.#columns[layout.rowidColumn]
    this.#rowid = rowidName ?? alias ?? ''
    if (this.#rowid === '' && this.#keyCount === 0)
      throw new StemmaError('SNAPSHOT_NEEDED', `the rowids of ${quoteName(name)} can not be set: columns have all their names`, {
        table: name,
      })
  }

  /** Inserts a row. False when there is one of this identity, or a constraint is against it. */
  insert(rowid: bigint, cells: RecordCells): boolean {
    const { count } = cells
    const values: DriverValue[] = this.#keyCount > 0 ? [] : [rowid]
    let pattern: string | number = patternStart(count, count)
    for (let i = 0; i < count; i++) {
      if (!this.#isWritable[i]) continue
      pattern = addTo(pattern, cells.isText(i) ? AS_TEXT : AS_IT_IS)
      values.push(this.valueOf(cells, i))
    }
    let statement = this.#inserts.get(pattern)
    if (statement === undefined) {
      statement = this.#connection.prepare(this.#insertSql('IGNORE', (i) => (i < count ? cells.isText(i) : undefined)))
      this.#inserts.set(pattern, statement)
    }
    return statement.run(...values) === 1
  }

  /**
   * Inserts a row that is held.
   *
   * @param overOthers - rows that are in the way are deleted
   * @throws what the driver throws when a constraint is against it
   */
  insertHeld(rowid: bigint, row: HeldRow, overOthers = false): void {
    const values: DriverValue[] = this.#keyCount > 0 ? [] : [rowid]
    for (const [i, held] of row.entries()) if (this.#isWritable[i] && held !== undefined) values.push(held.value)
    this.#connection.prepare(this.#insertSql(overOthers ? 'REPLACE' : 'ABORT', (i) => row[i]?.isText)).run(...values)
  }

  /**
   * Updates a row.
   *
   * @param before - what it was; undefined to take it as it is
   * @param columns - which columns the records hold; undefined for all from the first on
   * @returns false when there is no such row, or a constraint is against it
   */
  update(
    rowid: bigint,
    { before, after, columns }: { before: RecordCells | undefined; after: RecordCells; columns: readonly number[] | undefined },
  ): boolean {
    const { count } = after
    const key = this.#keyCount
    const values: DriverValue[] = []
    const sets: number[] = []
    let pattern: string | number = before === undefined ? `${count}?` : patternStart(count, count + before.count, columns)
    if (before === undefined && columns !== undefined) pattern = `${columns.join(',')}?`
    for (let i = 0; i < count; i++) {
      const column = columns === undefined ? i : columns[i]!
      const isLeft =
        column < key || !this.#isWritable[column] || (before !== undefined && i < before.count && after.isSame(i, before, i))
      if (isLeft) {
        pattern = addTo(pattern, 0)
        continue
      }
      pattern = addTo(pattern, after.isText(i) ? 2 : 1)
      values.push(this.valueOf(after, i))
      sets.push(i)
    }
    if (sets.length === 0) return true
    pattern = this.#addWhere(pattern, values, { rowid, before, key: before ?? after, columns })
    let statement = this.#updates.get(pattern)
    if (statement === undefined) {
      const set = sets.map((i) => `${this.#columns[columns?.[i] ?? i]} = ${after.isText(i) ? 'CAST(? AS TEXT)' : '?'}`)
      const where = this.#where(before, before ?? after, columns)
      statement = this.#connection.prepare(`UPDATE OR IGNORE main.${quoteName(this.name)} SET ${set.join(', ')} WHERE ${where}`)
      this.#updates.set(pattern, statement)
    }
    return statement.run(...values) === 1
  }

  /**
   * Deletes a row.
   *
   * @param checked - only when it is as `before` says
   * @returns false when there is no such row
   */
  delete(
    rowid: bigint,
    { before, columns, checked }: { before: RecordCells | undefined; columns: readonly number[] | undefined; checked: boolean },
  ): boolean {
    const values: DriverValue[] = []
    const compared = checked ? before : undefined
    const pattern = this.#addWhere(patternStart(before?.count ?? 0, before?.count ?? 0, columns), values, {
      rowid,
      before: compared,
      key: before,
      columns,
    })
    const cacheKey = checked ? pattern : `all ${pattern}`
    let statement = this.#deletes.get(cacheKey)
    if (statement === undefined) {
      const where = this.#where(compared, before, columns)
      statement = this.#connection.prepare(`DELETE FROM main.${quoteName(this.name)} WHERE ${where}`)
      this.#deletes.set(cacheKey, statement)
    }
    return statement.run(...values) === 1
  }

  /** The row of an identity as the copy has it; undefined when it has none. */
  find(rowid: bigint, key: RecordCells | undefined): HeldRow | undefined {
    const values: DriverValue[] = []
    this.#addWhere('', values, { rowid, before: undefined, key, columns: undefined })
    const columns = this.#columns.map(
      (column, i) => `typeof(${column}) AS t${i}, iif(typeof(${column}) = 'text', CAST(${column} AS BLOB), ${column}) AS v${i}`,
    )
    const row = this.#connection
      .prepare(`SELECT ${columns.join(', ')} FROM main.${quoteName(this.name)} WHERE ${this.#where(undefined, key, undefined)}`)
      .get(...values)
    return row === undefined ? undefined : this.#columns.map((_, i) => heldOf(row, i))
  }

  /** A record's row, apart from it. What the record does not hold is taken from `rest`. */
  hold(cells: RecordCells, columns: readonly number[] | undefined, rest?: HeldRow): HeldRow {
    const row: (HeldValue | undefined)[] = rest === undefined ? [] : [...rest]
    for (let i = 0; i < cells.count; i++) {
      const column = columns?.[i] ?? i
      // The alias of the rowid is NULL in a record, and says nothing.
      if (!this.#isWritable[column]) continue
      row[column] = { isText: cells.isText(i), value: this.#heldValue(cells, i, column) }
    }
    return row
  }

  #heldValue(cells: RecordCells, i: number, column: number): DriverValue {
    const value = this.valueOf(cells, i)
    if (value instanceof Uint8Array) return new Uint8Array(value)
    // A REAL column stores a number without a fraction as an integer, and gives it back as a real.
    const isReal = typeof value === 'bigint' && this.description.layout.columns[column]?.affinity === 'real'
    return isReal ? Number(value) : value
  }

  valueOf(cells: RecordCells, i: number): DriverValue {
    const value = cells.value(i)
    return this.#convert !== undefined && cells.isText(i) ? this.#convert(value as Uint8Array) : value
  }

  #insertSql(conflict: 'IGNORE' | 'ABORT' | 'REPLACE', isText: (i: number) => boolean | undefined): string {
    const columns: string[] = this.#keyCount > 0 ? [] : [this.#rowid]
    const values: string[] = this.#keyCount > 0 ? [] : ['?']
    for (const [i, column] of this.#columns.entries()) {
      const text = isText(i)
      if (!this.#isWritable[i] || text === undefined) continue
      columns.push(column)
      values.push(text ? 'CAST(? AS TEXT)' : '?')
    }
    return `INSERT OR ${conflict} INTO main.${quoteName(this.name)} (${columns.join(', ')}) VALUES (${values.join(', ')})`
  }

  /** Adds what `#where` compares to a statement's values, and what it depends on to the pattern. */
  #addWhere(
    pattern: string | number,
    values: DriverValue[],
    row: {
      readonly rowid: bigint
      readonly before: RecordCells | undefined
      readonly key: RecordCells | undefined
      readonly columns: readonly number[] | undefined
    },
  ): string | number {
    const { before, key, columns } = row
    if (this.#keyCount === 0) values.push(row.rowid)
    for (let i = 0; i < this.#keyCount; i++) {
      if (before === undefined) pattern = addTo(pattern, key!.isText(i) ? AS_TEXT : AS_IT_IS)
      values.push(this.valueOf(key!, i))
    }
    if (before === undefined) return pattern
    for (let i = 0; i < before.count; i++) {
      const column = columns === undefined ? i : columns[i]!
      if (!this.#isWritable[column]) continue
      pattern = addTo(pattern, this.#comparison(before, i, column))
      values.push(this.valueOf(before, i))
    }
    return pattern
  }

  #where(before: RecordCells | undefined, key: RecordCells | undefined, columns: readonly number[] | undefined): string {
    const terms: string[] = []
    if (this.#keyCount === 0) terms.push(`${this.#rowid} = ?`)
    // Without an affinity of its own, so that the key's index is used.
    for (let i = 0; i < this.#keyCount; i++) terms.push(`${this.#columns[i]} = ${key!.isText(i) ? '+CAST(? AS TEXT)' : '?'}`)
    for (let i = 0; i < (before?.count ?? 0); i++) {
      const column = columns?.[i] ?? i
      if (!this.#isWritable[column]) continue
      const name = this.#columns[column]!
      const comparison = this.#comparison(before!, i, column)
      // Neither affinity nor collation may make equal what is not.
      if (comparison === AS_TEXT) terms.push(`+${name} IS +CAST(? AS TEXT) COLLATE BINARY`)
      else terms.push(`+${name} IS ?`)
      if (comparison === AS_INTEGER) terms.push(`typeof(${name}) = 'integer'`)
      if (comparison === AS_REAL) terms.push(`typeof(${name}) = 'real'`)
    }
    return terms.join(' AND ')
  }

  /** How a value is compared: an integer and a real may be equal, so their type has to be asked for where the column leaves it open. */
  #comparison(cells: RecordCells, i: number, column: number): number {
    if (cells.isText(i)) return AS_TEXT
    const { affinity } = this.description.layout.columns[column]!
    if (affinity === 'real') return AS_IT_IS
    if (cells.isReal(i)) return AS_REAL
    return cells.isInteger(i) && (affinity === 'blob' || cells.isLarge(i)) ? AS_INTEGER : AS_IT_IS
  }
}

/** Turns texts of one encoding into another; undefined when there is nothing to turn. */
export function converterOf(from: TextEncoding, to: TextEncoding): ((bytes: Uint8Array) => Uint8Array) | undefined {
  if (from === to) return undefined
  return (bytes) => {
    const text = Buffer.from(bytes.subarray(0, from === 'utf-8' ? undefined : bytes.byteLength & ~1))
    if (from === 'utf-16be') text.swap16()
    const converted = Buffer.from(text.toString(from === 'utf-8' ? 'utf8' : 'utf16le'), to === 'utf-8' ? 'utf8' : 'utf16le')
    return to === 'utf-16be' ? converted.swap16() : converted
  }
}

function heldOf(row: DriverRow, i: number): HeldValue {
  return { isText: row[`t${i}`] === 'text', value: row[`v${i}`]! }
}

/** Begins a pattern: a number where it fits, else a text. A number says by its size how many digits it has. */
function patternStart(count: number, digits: number, columns?: readonly number[]): string | number {
  if (columns !== undefined) return `${columns.join(',')} `
  return digits > DIGITS_MAX ? `${count} ` : COUNT_BASE + count
}

function addTo(pattern: string | number, digit: number): string | number {
  return typeof pattern === 'number' ? pattern * 4 + digit : `${pattern}${digit}`
}
