import { StemmaError } from '@stemma/base'
import type { SchemaChange, SchemaObject } from '@stemma/log'
import type { TableCatalog } from '../rows/table-catalog.ts'
import type { SqliteConnection } from '../sqlite/driver.ts'
import { quoteName } from './quote.ts'
import type { StrippedSchema } from './stripped-schema.ts'

export interface SchemaChangerParts {
  readonly connection: SqliteConnection
  readonly stripped: StrippedSchema
  readonly catalog: TableCatalog
}

const AUTO_INDEX = 'sqlite_autoindex_'

/**
 * Makes the schema changes of one commit, within the transaction of its rows.
 *
 * The leader's SQL is never run. What has a tree gets an empty one, made under a name of ours; then its row in `sqlite_schema` is
 * given the leader's name and text. So functions, collations and modules may be missing here, no trigger fires, no module is asked, and
 * text that SQLite takes from a file, but no longer from a program, is taken.
 */
export class SchemaChanger {
  readonly #connection: SqliteConnection
  readonly #stripped: StrippedSchema
  readonly #catalog: TableCatalog
  #made = 0
  /** Indexes of this commit that wait for its rows. */
  #unfilled: readonly SchemaObject[] = []

  constructor({ connection, stripped, catalog }: SchemaChangerParts) {
    this.#connection = connection
    this.#stripped = stripped
    this.#catalog = catalog
  }

  /** Drops, alters and creates all but indexes that have to be filled. The stripped schema is then the new one. */
  change(changes: readonly SchemaChange[]): void {
    this.#connection.exec('PRAGMA writable_schema = ON')
    const drops = changes.flatMap((change) => (change.kind === 'drop' ? change.object : []))
    const alters = changes.flatMap((change) =>
      change.kind === 'alter' ? { ...change, rowid: this.#rowidOf(change.before) } : [],
    )
    this.#dropOwnIndexes(changes)
    const renamed = alters.flatMap(({ before, after }) => this.#indexesAlong(before, after))
    const creates = changes.flatMap((change) => (change.kind === 'create' ? change.object : []))
    // A table that is dropped takes its indexes along, also those that the table which takes its place has again.
    const lost = this.#indexesOf(drops.filter(({ kind }) => kind === 'table'))
    for (const { kind, name } of drops) if (kind === 'index') lost.delete(name)
    const hidden = this.#hideFromDrops(drops)
    for (const object of drops.filter(({ kind }) => kind === 'table')) this.#drop(object)
    for (const object of drops.filter(({ kind }) => kind !== 'table')) this.#drop(object)
    for (const [made, object] of hidden) this.#give(made, object)
    const alter = this.#connection.prepare('UPDATE sqlite_schema SET name = ?, tbl_name = ?, sql = ? WHERE rowid = ?')
    for (const { rowid, name, tableName } of renamed) alter.run(name, tableName, null, rowid)
    for (const { rowid, before, after } of alters) {
      if (before.kind === 'index' && lost.delete(before.name)) creates.push(after)
      else alter.run(after.name, after.tableName, after.sql ?? null, rowid)
    }
    // An index that somebody made on the copy alone goes with its table, if that does not come back.
    const isThere = ({ tableName }: SchemaObject): boolean =>
      [...creates, ...alters.map(({ after }) => after)].some(({ kind, name }) => kind === 'table' && name === tableName)
    creates.push(...[...lost.values()].filter(isThere))
    this.#create(creates.filter((object) => !isFilled(object)))
    this.#unfilled = creates.filter(isFilled)
    this.#moveTriggers()
    this.#reload()
  }

  /**
   * Puts triggers behind what they belong to: SQLite loads the schema in order, and a table that was made anew comes last. All of a table are moved, since
   * they fire in that order, too.
   */
  #moveTriggers(): void {
    const connection = this.#connection
    const early = connection.prepare(
      `SELECT rowid AS id FROM sqlite_schema WHERE type = 'trigger' AND tbl_name IN (
         SELECT r.tbl_name FROM sqlite_schema r JOIN sqlite_schema t ON t.name = r.tbl_name AND t.type IN ('table', 'view')
         WHERE r.type = 'trigger' AND r.rowid < t.rowid) ORDER BY rowid`,
    )
    const move = connection.prepare('UPDATE sqlite_schema SET rowid = (SELECT max(rowid) + 1 FROM sqlite_schema) WHERE rowid = ?')
    for (const { id } of early.all()) move.run(id!)
  }

  /** Creates the indexes that are filled from rows, when these are there. */
  createIndexes(): void {
    const objects = this.#unfilled
    this.#unfilled = []
    if (objects.length === 0) return
    this.#connection.exec('PRAGMA writable_schema = ON')
    for (const object of objects) this.#give(this.#makeIndex('_stemma_copy', 'id'), object)
    this.#reload()
    for (const { name } of objects) this.#connection.exec(`REINDEX main.${quoteName(name)}`)
  }

  /** The indexes of constraints of a table that gets another name: they are called after it, and need not be told. */
  #indexesAlong(before: SchemaObject, after: SchemaObject): { rowid: bigint; name: string; tableName: string }[] {
    if (before.kind !== 'table' || before.name === after.name) return []
    return this.#connection
      .prepare("SELECT rowid AS id, name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NULL")
      .all(before.name)
      .map(({ id, name }) => ({
        rowid: id as bigint,
        name: `${AUTO_INDEX}${after.name}${String(name).slice(AUTO_INDEX.length + before.name.length)}`,
        tableName: after.name,
      }))
  }

  /**
   * Drops indexes that somebody made on the copy alone, where they would be in the way: their text does not go along with a table that gets another name,
   * or loses a column that they are of. Of the leader's own it would be told.
   */
  #dropOwnIndexes(changes: readonly SchemaChange[]): void {
    const told = new Set(
      changes.flatMap((change) =>
        change.kind === 'alter' ? change.before.name : change.kind === 'drop' ? change.object.name : [],
      ),
    )
    for (const change of changes) {
      if (change.kind !== 'alter' || change.before.kind !== 'table' || !change.before.hasTree) continue
      const { before, after } = change
      const left = this.#columnsOf(after)
      const gone = new Set([...this.#columnsOf(before)].filter((column) => !left.has(column)))
      for (const { name, sql } of this.#indexesOf([before]).values()) {
        if (sql === undefined || told.has(name)) continue
        const isOf = this.#connection.prepare('SELECT name FROM pragma_index_info(?)').all(name)
        const hasGone = isOf.some((column) => gone.has(String(column['name']).toLowerCase()))
        if (before.name !== after.name || hasGone) this.#connection.exec(`DROP INDEX main.${quoteName(name)}`)
      }
    }
  }

  #columnsOf({ name, sql }: SchemaObject): ReadonlySet<string> {
    const { columns } = this.#catalog.describe({ name, sql: sql ?? '' }).layout
    return new Set(columns.map((column) => column.name.toLowerCase()))
  }

  #indexesOf(tables: readonly SchemaObject[]): Map<string, SchemaObject> {
    const find = this.#connection.prepare(
      "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? ORDER BY rowid",
    )
    const indexes = tables.flatMap(({ name: tableName }) =>
      find.all(tableName).map(({ name, sql }): SchemaObject => ({
        kind: 'index',
        name: String(name),
        tableName,
        sql: sql === null ? undefined : String(sql),
        hasTree: true,
      })),
    )
    return new Map(indexes.map((index) => [index.name, index]))
  }

  /**
   * Gives tables of statistics another name while something is dropped: SQLite would delete what they say of it, also where the leader
   * has it again.
   */
  #hideFromDrops(drops: readonly SchemaObject[]): Map<string, SchemaObject> {
    const hidden = new Map<string, SchemaObject>()
    if (!drops.some(({ hasTree }) => hasTree)) return hidden
    const find = this.#connection.prepare(
      "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name LIKE 'sqlite!_stat%' ESCAPE '!'",
    )
    for (const { name: found, sql } of find.all()) {
      const name = String(found)
      if (drops.some((object) => object.name === name)) continue
      const made = this.#rename(name, String(sql))
      hidden.set(made, { kind: 'table', name, tableName: name, sql: String(sql), hasTree: true })
    }
    if (hidden.size > 0) this.#load()
    return hidden
  }

  /** Gives a table without indexes a name of ours, which it has when the schema is loaded again. */
  #rename(name: string, sql: string): string {
    const made = `_stemma_made_${++this.#made}`
    this.#connection
      .prepare("UPDATE sqlite_schema SET name = ?, tbl_name = ?, sql = ? WHERE type = 'table' AND name = ?")
      .run(made, made, sql.replace(name, made), name)
    return made
  }

  #load(): void {
    this.#stripped.load()
    this.#connection.exec('PRAGMA writable_schema = ON')
  }

  #drop(object: SchemaObject): void {
    const { kind, name, sql, hasTree } = object
    if (!hasTree) {
      this.#connection.prepare('DELETE FROM sqlite_schema WHERE rowid = ?').run(this.#rowidOf(object))
    } else if (kind === 'table') {
      this.#rowidOf(object)
      let dropped = name
      if (name === SEQUENCE) {
        // Nobody may drop it but VACUUM, when there is no AUTOINCREMENT any more.
        dropped = this.#rename(name, String(sql))
        this.#load()
      }
      this.#connection.exec(`DROP TABLE main.${quoteName(dropped)}`)
    } else if (sql !== undefined && this.#find(object) !== undefined) {
      this.#connection.exec(`DROP INDEX main.${quoteName(name)}`)
    }
  }

  #create(objects: readonly SchemaObject[]): void {
    const tables = new Map<string, string>()
    const insert = this.#connection.prepare(
      'INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES (?, ?, ?, 0, ?)',
    )
    // Indexes that constraints made need the table, whichever of the two comes first.
    for (const object of objects) {
      if (object.kind === 'table' && object.hasTree) tables.set(object.name, this.#makeTable(object))
    }
    for (const object of objects) {
      const { kind, name, tableName, sql, hasTree } = object
      if (!hasTree) insert.run(kind, name, tableName, sql ?? null)
      else if (kind === 'index') this.#give(this.#makeIndex(tables.get(tableName) ?? '_stemma_copy', 'id'), object)
    }
    // The name that indexes are made on, until all are made.
    for (const object of objects) {
      const made = tables.get(object.name)
      if (object.kind === 'table' && made !== undefined) this.#give(made, object)
    }
  }

  #makeTable({ name, sql }: SchemaObject): string {
    const made = `_stemma_made_${++this.#made}`
    const isKeyed = this.#catalog.describe({ name, sql: sql ?? '' }).shape.content === 'keyed-rows'
    this.#connection.exec(isKeyed ? `CREATE TABLE ${made} (id PRIMARY KEY) WITHOUT ROWID` : `CREATE TABLE ${made} (id)`)
    return made
  }

  #makeIndex(table: string, column: string): string {
    const made = `_stemma_made_${++this.#made}`
    this.#connection.exec(`CREATE INDEX main.${made} ON ${table} (${column})`)
    return made
  }

  /** Gives what was made the name and the text that it is to have. */
  #give(made: string, { kind, name, tableName, sql }: SchemaObject): void {
    this.#connection
      .prepare('UPDATE sqlite_schema SET type = ?, name = ?, tbl_name = ?, sql = ? WHERE name = ?')
      .run(kind, name, tableName, sql ?? null, made)
  }

  /** Tells all connections that the schema has changed, and has this one load it. */
  #reload(): void {
    const version = Number(this.#connection.prepare('PRAGMA schema_version').get()?.['schema_version'])
    this.#connection.exec(`PRAGMA schema_version = ${(version + 1) | 0}`)
    this.#stripped.load()
  }

  #find({ kind, name }: SchemaObject): bigint | undefined {
    const row = this.#connection.prepare('SELECT rowid AS id FROM sqlite_schema WHERE type = ? AND name = ?').get(kind, name)
    return row?.['id'] as bigint | undefined
  }

  /** @throws StemmaError REPLICA_WRITTEN when the copy does not have the object */
  #rowidOf(object: SchemaObject): bigint {
    const rowid = this.#find(object)
    if (rowid !== undefined) return rowid
    throw new StemmaError('REPLICA_WRITTEN', `the copy has no ${object.kind} ${quoteName(object.name)}, which the leader had`, {
      name: object.name,
    })
  }
}

/** An index that somebody created; those of constraints come with their tables, empty. */
function isFilled({ kind, sql, hasTree }: SchemaObject): boolean {
  return kind === 'index' && hasTree && sql !== undefined
}

const SEQUENCE = 'sqlite_sequence'
