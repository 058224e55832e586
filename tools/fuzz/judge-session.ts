import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { SqliteValue } from '@stemma/base'
import { decodeChangeset } from '@stemma/format-changeset'
import { RowDiffer, decodeRecord, type SchemaRow, type TreeRows } from '@stemma/sqlite-file'
import { TableCatalog, betterSqlite3, type TableDescription } from '@stemma/storage'
import Database from 'better-sqlite3'
import { pragmasOf } from './generate/layout.ts'
import { runStep, type Script } from './generate/script.ts'
import { changeBetween, takeImage } from './images.ts'
import { Differs, failureOf, type Failure } from './judge.ts'
import type { SessionStep } from './session-child.ts'

/** Rows by table and key; each as the text of its values, before and after. */
type Told = Map<string, { before?: readonly (string | undefined)[]; after?: readonly (string | undefined)[] }>

const START = 'CREATE TABLE first (x); DROP TABLE first'

/**
 * Runs a script on two databases by two SQLites, and looks whether what pages tell of a transaction is what a session of node:sqlite tells:
 * of tables that have a primary key, in transactions that leave the schema.
 */
export async function judgeSession(script: Script): Promise<Failure | undefined> {
  if (!script.isRepeatable || script.layout.encoding !== 'UTF-8') return undefined
  const sessions = await runSessions([pragmasOf(script.layout), START, ...script.statements])
  const database = new Database(':memory:')
  let step = 0
  try {
    database.exec(pragmasOf(script.layout))
    database.exec(START)
    let before = takeImage(database)!
    using catalog = new Catalog()
    const total = database.prepare('SELECT total_changes()').pluck()
    const differ = new RowDiffer({ pages: before.pages, shapeOf: (row) => catalog.describe(row).shape })
    for (; step < script.statements.length; step++) {
      const failed = runStep(database, script.statements[step]!) !== undefined
      const session = sessions[step + 2]!
      // Two versions of SQLite need not agree on what is an error.
      if (failed !== session.failed || total.get() !== session.totalChanges) return undefined
      if (database.inTransaction) continue
      const after = takeImage(database)!
      const difference = differ.step(changeBetween(before, after))
      before = after
      if (session.changeset === undefined || difference.schema.length > 0) continue
      const keyed = new KeyedTables(database, catalog)
      compare(keyed.told(difference.trees), keyed.toldBySession(Buffer.from(session.changeset, 'base64')))
    }
    return undefined
  } catch (error) {
    return failureOf(error, step)
  } finally {
    database.close()
  }
}

class Catalog {
  readonly #catalog = new TableCatalog(betterSqlite3, 'utf-8')

  describe({ name, sql }: SchemaRow): TableDescription {
    return this.#catalog.describe({ name, sql: sql ?? '' })
  }

  [Symbol.dispose](): void {
    this.#catalog.close()
  }
}

/** Tells rows of tables that sessions look at: those with a primary key, and without generated columns. */
class KeyedTables {
  readonly #database: Database.Database
  readonly #catalog: Catalog
  /** Sessions know no defaults: they take a row that is shorter than its table for one with NULLs at the end. */
  readonly #short = new Set<string>()

  constructor(database: Database.Database, catalog: Catalog) {
    this.#database = database
    this.#catalog = catalog
  }

  told(trees: readonly TreeRows[]): Told {
    const told: Told = new Map()
    for (const tree of trees) {
      const { name } = tree.after
      const columns = this.#columns(name)
      if (columns === undefined) continue
      const { layout } = this.#catalog.describe(tree.after)
      const places = columns.map((column) => layout.columns.findIndex((each) => each.name === column.name))
      const valuesOf = (rowid: bigint, record: Uint8Array): readonly string[] => {
        const stored = decodeRecord(record, 'utf-8')
        if (stored.length < layout.columns.length) this.#short.add(name)
        return places.map((place) => {
          const column = layout.columns[place]!
          const value = place < stored.length ? stored[place]! : column.defaultValue
          if (place === layout.rowidColumn) return showValue(rowid)
          return showValue(typeof value === 'bigint' && column.affinity === 'real' ? Number(value) : value)
        })
      }
      for (const { rowid, before, after } of tree.rows()) {
        if (before !== undefined) put(told, { table: name, columns, side: 'before', values: valuesOf(rowid, before) })
        if (after !== undefined) put(told, { table: name, columns, side: 'after', values: valuesOf(rowid, after) })
      }
    }
    const isShort = (key: string): boolean => [...this.#short].some((name) => key.startsWith(`${name}: `))
    for (const [key, { before, after }] of told) if (before?.join() === after?.join() || isShort(key)) told.delete(key)
    return told
  }

  toldBySession(changeset: Uint8Array): Told {
    const told: Told = new Map()
    for (const table of decodeChangeset(changeset)) {
      const columns = this.#columns(table.name)
      if (columns === undefined) continue
      const show = (value: SqliteValue | undefined): string | undefined => (value === undefined ? undefined : showValue(value))
      for (const { before, after } of table.changes()) {
        const row: { before?: readonly (string | undefined)[]; after?: readonly (string | undefined)[] } = {}
        if (before !== undefined) row.before = before.map(show)
        if (after !== undefined) row.after = after.map(show)
        told.set(keyOf(table.name, columns, row.before ?? row.after!), row)
      }
    }
    return told
  }

  #columns(table: string): Column[] | undefined {
    // FTS5 writes to its shadow tables in ways that sessions do not see.
    const [kind, sql] = this.#database
      .prepare(`SELECT t.type, s.sql FROM pragma_table_list(?) t JOIN sqlite_schema s ON s.name = t.name WHERE t.schema = 'main'`)
      .raw()
      .get(table) as [string, string]
    if (table.startsWith('sqlite_') || kind !== 'table' || this.#short.has(table)) return undefined
    // Where 'a' and 'A' are one key, a session tells an update of the one into the other, and pages a row gone and a row come.
    if (/COLLATE.*WITHOUT ROWID/is.test(sql)) return undefined
    const columns = this.#database.prepare('SELECT name, type, pk, hidden FROM pragma_table_xinfo(?)').all(table) as Column[]
    if (columns.every(({ pk }) => pk === 0) || columns.some(({ hidden }) => hidden !== 0)) return undefined
    // Sessions take a key of 3.0 for another one than the same key that is stored as an integer.
    return columns.some(({ pk, type }) => pk > 0 && /real|floa|doub/i.test(type)) ? undefined : columns
  }
}

interface Column {
  readonly name: string
  readonly type: string
  readonly pk: number
  readonly hidden: number
}

function put(
  told: Told,
  row: {
    readonly table: string
    readonly columns: readonly Column[]
    readonly side: 'before' | 'after'
    readonly values: readonly string[]
  },
): void {
  // Sessions leave out rows that have NULL in their key.
  if (row.columns.some(({ pk }, i) => pk > 0 && row.values[i] === 'null')) return
  const key = keyOf(row.table, row.columns, row.values)
  told.set(key, { ...told.get(key), [row.side]: row.values })
}

function keyOf(table: string, columns: readonly Column[], values: readonly (string | undefined)[]): string {
  return `${table}: ${columns.flatMap(({ pk }, i) => (pk > 0 ? [values[i]] : [])).join(', ')}`
}

function showValue(value: SqliteValue): string {
  if (value === null) return 'null'
  if (typeof value === 'bigint') return `integer ${value}`
  if (typeof value === 'number') return `real ${Object.is(value, -0) ? '-0' : value}`
  const bytes = value instanceof Uint8Array ? value : value.bytes
  return `${value instanceof Uint8Array ? 'blob' : 'text'} ${Buffer.from(bytes).toString('hex')}`
}

function compare(told: Told, bySession: Told): void {
  for (const [key, session] of bySession) {
    const row = told.get(key)
    const isSame = row !== undefined && isSameSide(row.before, session.before) && isSameSide(row.after, session.after)
    if (!isSame) throw new Differs('session', `${key}\npages:   ${JSON.stringify(row)}\nsession: ${JSON.stringify(session)}`)
    told.delete(key)
  }
  for (const [key, row] of told) throw new Differs('session', `${key}\npages:   ${JSON.stringify(row)}\nsession: nothing`)
}

function isSameSide(
  row: readonly (string | undefined)[] | undefined,
  session: readonly (string | undefined)[] | undefined,
): boolean {
  if (row === undefined || session === undefined) return row === session
  return session.every((value, i) => value === undefined || value === row[i])
}

let child: ChildProcess | undefined
let answers: AsyncIterator<string> | undefined

async function runSessions(statements: readonly string[]): Promise<readonly SessionStep[]> {
  if (child === undefined || answers === undefined) {
    child = spawn(process.execPath, [fileURLToPath(new URL('./session-child.ts', import.meta.url))], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  }
  child.stdin!.write(`${JSON.stringify(statements)}\n`)
  const { value } = await answers.next()
  if (value === undefined) throw new Error('the process with the sessions has ended')
  return JSON.parse(String(value)) as SessionStep[]
}

/** Ends the process with the sessions, if there is one. */
export function closeSessions(): void {
  child?.kill()
  child = undefined
  answers = undefined
}
