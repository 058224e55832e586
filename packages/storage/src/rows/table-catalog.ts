import type { TextEncoding } from '@stemma/base'
import type { Column, TableLayout } from '@stemma/log'
import type { TreeShape } from '@stemma/sqlite-file'
import type { DriverRow, SqliteConnection, SqliteDriver } from '../sqlite/driver.ts'
import { affinityOf } from './affinity.ts'
import { defaultValueOf } from './default-values.ts'
import { SchemaScratch, openInMemory, type StoredObject } from './schema-scratch.ts'

/** What the SQL of a table says, as SQLite reads it. */
export interface TableDescription {
  /** What its tree holds. */
  readonly shape: TreeShape
  /** How its records are read. A key that names a column twice (under two collations) has it twice in records and here. */
  readonly layout: TableLayout
  readonly isStrict: boolean
  /**
   * The name by which SQL reads and sets the rowid: `rowid`, `oid` or `_rowid_`, whichever is no column's. Undefined for a table
   * WITHOUT ROWID, and where columns have all three names. `layout.rowidColumn`, when there is one, does as well.
   */
  readonly rowidName: string | undefined
  /** The columns that INSERT and UPDATE may set, each once, as indexes of `layout.columns`: all but generated ones. */
  readonly settable: readonly number[]
  /** Generated columns that are not stored: they are in the table, but in no record. */
  readonly virtualColumns: readonly string[]
}

/** A UNIQUE index, or the index of a UNIQUE or PRIMARY KEY constraint; not the primary key of a table WITHOUT ROWID, nor a rowid. */
export interface UniqueIndex {
  readonly name: string
  /**
   * The columns of its key, as indexes of `layout.columns`. Undefined when other columns may have a say in it: when it is an index on
   * expressions or on virtual columns, or one with a WHERE.
   */
  readonly columns: readonly number[] | undefined
}

/**
 * Says what tables look like, given their SQL from `sqlite_schema`. SQLite itself reads it, in a database in memory, so nothing is parsed here.
 *
 *     const catalog = new TableCatalog(driver, 'utf-8')
 *     const { layout, rowidName } = catalog.describe({ name: 'user', sql: 'CREATE TABLE user (id INTEGER PRIMARY KEY, name)' })
 *     const unique = catalog.uniqueIndexes({ name, sql }, indexesOfThatTable)
 *     catalog.close()
 *
 * Tables, their shadow tables and SQLite's own (`sqlite_sequence`, `sqlite_stat1`) are described; views and virtual tables have no
 * records. Asking again about the same name and SQL costs a look into a map and gives the same object, so descriptions may be
 * compared by identity; another name or SQL is another object, though it may say the same. Nothing here ends the life of a description.
 */
export class TableCatalog {
  readonly #driver: SqliteDriver
  readonly #encoding: TextEncoding
  readonly #described = new Map<string, TableDescription>()
  readonly #unique = new Map<string, readonly UniqueIndex[]>()
  #scratch: SchemaScratch | undefined
  #defaults: SqliteConnection | undefined

  /** @param encoding - of the database that the tables are of: texts among default values have it */
  constructor(driver: SqliteDriver, encoding: TextEncoding) {
    this.#driver = driver
    this.#encoding = encoding
  }

  /**
   * Describes a table.
   *
   * @throws StemmaError ROWS_UNKNOWN when SQLite does not understand its SQL
   * @throws what the driver throws; the next call begins anew
   */
  describe(table: StoredObject): TableDescription {
    return remember(this.#described, keyOf([table]), () => this.#ask(table, [], (scratch) => this.#describe(table, scratch)))
  }

  /**
   * The unique indexes of a table.
   *
   * @param indexes - those of the table that have SQL; those that constraints made are known from the table's SQL
   * @throws as `describe` does
   */
  uniqueIndexes(table: StoredObject, indexes: readonly StoredObject[]): readonly UniqueIndex[] {
    const { layout, shape } = this.describe(table)
    return remember(this.#unique, keyOf([table, ...indexes]), () =>
      this.#ask(table, indexes, (scratch) => askUniqueIndexes(scratch, table.name, { layout, shape })),
    )
  }

  close(): void {
    const [scratch, defaults] = [this.#scratch, this.#defaults]
    this.#scratch = this.#defaults = undefined
    scratch?.close()
    defaults?.close()
  }

  #ask<T>(table: StoredObject, indexes: readonly StoredObject[], read: (scratch: SchemaScratch) => T): T {
    try {
      this.#scratch ??= new SchemaScratch(this.#driver, this.#encoding)
      this.#scratch.hold(table, indexes)
      return read(this.#scratch)
    } catch (error) {
      this.close()
      throw error
    }
  }

  #describe({ name }: StoredObject, scratch: SchemaScratch): TableDescription {
    const list = scratch.ask('table_list', name)[0]
    const [isStrict, hasRowid] = [list?.['strict'] === 1n, list?.['wr'] !== 1n]
    const declared = scratch.ask('table_xinfo', name)
    const key = askPrimaryKey(scratch, name)
    const stored = hasRowid ? declared.filter(isStored) : key.map(({ cid }) => declared[Number(cid)]!)
    const keyCount = hasRowid ? 0 : key.filter(isKey).length
    const inKey = declared.filter(({ pk }) => pk !== 0n).sort((a, b) => Number(a['pk']) - Number(b['pk']))
    // Only a key that is the rowid itself needs no index.
    const rowidColumn = hasRowid && inKey.length === 1 && key.length === 0 ? stored.indexOf(inKey[0]!) : undefined
    const columns = stored.map((row, i) => this.#column(row, isStrict, i < keyCount || i === rowidColumn))
    return {
      shape: { content: hasRowid ? 'rows' : 'keyed-rows', keyCount, keys: showKeys(scratch, name) },
      layout: {
        columns,
        rowidColumn,
        primaryKey: hasRowid ? inKey.map((row) => stored.indexOf(row)) : Array.from({ length: keyCount }, (_, i) => i),
        ...declaredOrderOf(stored, declared),
      },
      isStrict,
      rowidName: hasRowid ? freeRowidName(declared) : undefined,
      settable: columns.flatMap(({ isGenerated }, i) => (isGenerated || stored.indexOf(stored[i]!) < i ? [] : i)),
      virtualColumns: declared.filter((row) => !isStored(row)).map((row) => String(row['name'])),
    }
  }

  #column(row: DriverRow, isStrict: boolean, isAlwaysThere: boolean): Column {
    const affinity = affinityOf(String(row['type']), isStrict)
    const isGenerated = row['hidden'] === STORED
    const text = row['dflt_value']
    if (typeof text !== 'string' || isGenerated || isAlwaysThere)
      return { name: String(row['name']), affinity, defaultValue: null, isGenerated }
    this.#defaults ??= openInMemory(this.#driver, this.#encoding)
    const defaultValue = defaultValueOf(this.#defaults, { text, affinity, encoding: this.#encoding })
    return { name: String(row['name']), affinity, defaultValue, isGenerated }
  }
}

/** The columns of the index of the primary key, those outside of the key too; none when the key is the rowid, or there is none. */
function askPrimaryKey(scratch: SchemaScratch, table: string): DriverRow[] {
  const index = scratch.ask('index_list', table).find(({ origin }) => origin === 'pk')
  return index === undefined ? [] : scratch.ask('index_xinfo', String(index['name']))
}

/** How the indexes that the table's own SQL makes are ordered: for each, its columns by number, their directions and collations. */
function showKeys(scratch: SchemaScratch, table: string): string {
  const own = scratch.ask('index_list', table).filter(({ origin }) => origin !== 'c')
  const showColumn = ({ cid, desc, coll, key }: DriverRow): string => [cid, desc, coll, key].join(' ')
  // What is in an index besides its key does not order it: a column that is added to a table WITHOUT ROWID, for one.
  return own.map(({ name }) => scratch.ask('index_xinfo', String(name)).filter(isKey).map(showColumn).join()).join('; ')
}

function askUniqueIndexes(
  scratch: SchemaScratch,
  table: string,
  { layout, shape }: Pick<TableDescription, 'layout' | 'shape'>,
): UniqueIndex[] {
  const unique = scratch
    .ask('index_list', table)
    .filter((row) => row['unique'] === 1n && !(shape.keyCount > 0 && row['origin'] === 'pk'))
  return unique.map((row) => {
    const name = String(row['name'])
    const columns = scratch
      .ask('index_xinfo', name)
      .filter(isKey)
      .map((column) => layout.columns.findIndex((known) => known.name === column['name']))
    return { name, columns: row['partial'] === 1n || columns.includes(-1) ? undefined : columns }
  })
}

/** Where records have the columns in the order of the declaration, that is not told. */
function declaredOrderOf(stored: readonly DriverRow[], declared: readonly DriverRow[]): { readonly declaredOrder?: number[] } {
  const declaredOrder = declared.filter(isStored).map((row) => stored.indexOf(row))
  return declaredOrder.every((index, i) => index === i) ? {} : { declaredOrder }
}

/** `hidden` of a generated column. */
const VIRTUAL = 2n
const STORED = 3n

function isStored(row: DriverRow): boolean {
  return row['hidden'] !== VIRTUAL
}

function isKey(row: DriverRow): boolean {
  return row['key'] === 1n
}

function freeRowidName(declared: readonly DriverRow[]): string | undefined {
  const taken = new Set(declared.map(({ name }) => String(name).toLowerCase()))
  return ['rowid', 'oid', '_rowid_'].find((name) => !taken.has(name))
}

function keyOf(objects: readonly StoredObject[]): string {
  return objects.map(({ name, sql }) => `${name}\0${sql}`).join('\0')
}

function remember<T>(known: Map<string, T>, key: string, make: () => T): T {
  const found = known.get(key)
  if (found !== undefined) return found
  const made = make()
  // What has not been asked for again since it left is cheap to find out anew.
  if (known.size >= KEPT_MAX) known.delete(known.keys().next().value!)
  known.set(key, made)
  return made
}

/** Descriptions that are remembered: more than the tables of any sane schema. */
const KEPT_MAX = 10_000
