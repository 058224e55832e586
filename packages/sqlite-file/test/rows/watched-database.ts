import { expect } from 'vitest'
import {
  RowDiffer,
  decodeDatabaseHeader,
  readPayload,
  readSchema,
  walkTree,
  type DatabaseChange,
  type Pages,
  type RowDifference,
  type SchemaRow,
} from '../../src/index.ts'
import { LiveDatabase } from './live-database.ts'
import { readTables, shapeOfIn, showRecord, type SqlTable } from './sql-tables.ts'

/** What a transaction did, as short texts: `insert t 1`, `create t`. */
export type Told = readonly string[]

/** A database whose transactions are told by a `RowDiffer`, each compared with what SQLite says of the tables before and after. */
export class WatchedDatabase implements Disposable {
  readonly live: LiveDatabase
  readonly #shapeOf
  differ: RowDiffer
  #tables: Map<string, SqlTable>
  #records: Records

  constructor(setup: readonly string[], prepare?: (file: string) => void) {
    this.live = new LiveDatabase(setup, prepare)
    this.#shapeOf = shapeOfIn(this.live.db)
    this.differ = new RowDiffer({ pages: this.live.pages(), shapeOf: this.#shapeOf })
    this.#tables = readTables(this.live.db)
    this.#records = recordsOf(this.live.pages())
  }

  [Symbol.dispose](): void {
    this.live[Symbol.dispose]()
  }

  /** Runs one transaction, and tells what it did after all of it was compared. Nothing when it wrote nothing. */
  run(sql: string): Told {
    return this.check(this.live.run(sql))
  }

  /** The same for a transaction that was run already. */
  check(changes: readonly DatabaseChange[]): Told {
    expect(changes.length).toBeLessThan(2)
    const tablesBefore = this.#tables
    if (changes.length === 0) return []
    this.#tables = readTables(this.live.db)
    const change = changes[0]!
    const difference = this.differ.step(change)
    const told = showDifference(difference, { change, tablesBefore, tablesAfter: this.#tables })
    expectSchema(change, difference)
    const records = recordsOf(change.after)
    expectRows(difference, this.#records, records)
    this.#records = records
    return told
  }
}

function encodingOf(pages: Pages) {
  const start = decodeDatabaseHeader(pages.read(1))
  if (start.kind === 'empty') throw new Error('empty')
  return start.header.textEncoding
}

interface Sides {
  readonly change: DatabaseChange
  readonly tablesBefore: ReadonlyMap<string, SqlTable>
  readonly tablesAfter: ReadonlyMap<string, SqlTable>
}

/** Shows a difference; every row in it must be what SQLite said it is, and must be all that SQLite sees changed. */
function showDifference(difference: RowDifference, { change, tablesBefore, tablesAfter }: Sides): Told {
  const told: string[] = []
  const encoding = encodingOf(change.after)
  for (const { before, after } of difference.schema) {
    if (before === undefined) told.push(`create ${after!.name}`)
    else told.push(after === undefined ? `drop ${before.name}` : `alter ${before.name} to ${after.name}`)
  }
  const named = new Set<string>()
  for (const tree of difference.trees) {
    expect(named.has(tree.after.name)).toBe(false)
    named.add(tree.after.name)
    const tableAfter = tablesAfter.get(tree.after.name)!
    const tableBefore = tree.before === undefined ? undefined : tablesBefore.get(tree.before.name)!
    const seen = new Map<string, string | undefined>(tableBefore?.rows ?? [])
    for (const row of tree.rows()) {
      const before = row.before && showRecord(tableBefore!, { rowid: row.rowid, record: row.before }, encoding)
      const after = row.after && showRecord(tableAfter, { rowid: row.rowid, record: row.after }, encoding)
      if (before !== undefined) {
        mustBe(before.row, tableBefore!.rows.get(before.key))
        seen.delete(before.key)
      }
      if (after !== undefined) mustBe(after.row, tableAfter.rows.get(after.key))
      const kind = before === undefined ? 'insert' : after === undefined ? 'delete' : 'update'
      told.push(`${kind} ${tree.after.name} ${(after ?? before)!.key}`)
    }
    if (tree.before?.sql !== tree.after.sql) continue
    // What was not told must be as it was.
    for (const [key, row] of seen) mustBe(tableAfter.rows.get(key), row)
  }
  return told
}

function expectSchema(change: DatabaseChange, difference: RowDifference): void {
  const show = (row: SchemaRow): string => JSON.stringify([row.kind, row.name, row.tableName, row.sql, row.rootPage > 0])
  const schema = readSchema(change.before, encodingOf(change.before)).map(show)
  for (const { before, after } of difference.schema) {
    if (before !== undefined) expect(schema.splice(schema.indexOf(show(before)), 1)).toEqual([show(before)])
    if (after !== undefined) schema.push(show(after))
  }
  const after = readSchema(change.after, encodingOf(change.after)).map(show)
  mustBe(schema.sort().join('\n'), after.sort().join('\n'))
}

/** Compares with all rows of all tables, as bytes: what differs must be told, and nothing else. */
function expectRows(difference: RowDifference, before: Records, after: Records): void {
  for (const [name, records] of after) {
    const tree = difference.trees.find((one) => one.after.name === name)
    const altered = difference.schema.find((one) => one.after?.name === name)
    const nameBefore = tree !== undefined ? tree.before?.name : altered !== undefined ? altered.before?.name : name
    const want = compareRecords((nameBefore === undefined ? undefined : before.get(nameBefore)) ?? new Map(), records)
    const got: string[] = []
    for (const row of tree?.rows() ?? []) {
      const id = row.rowid === 0n ? '' : String(row.rowid)
      got.push(`${id}: ${textOf(row.before)} -> ${textOf(row.after)}`)
    }
    mustBe(splitUpdates(got).join('\n'), splitUpdates(want).join('\n'))
  }
}

/** `expect(…).toBe(…)`, which is too slow for each of some million rows. */
function mustBe(got: string | undefined, want: string | undefined): void {
  if (got === want) return
  let at = 0
  while (got !== undefined && want !== undefined && got[at] === want[at]) at++
  const excerpt = (text: string | undefined): string | undefined => text?.slice(Math.max(0, at - 60), at + 140)
  throw new Error(`at ${at}: got ${excerpt(got)}, want ${excerpt(want)}`)
}

/** Rows of tables without rowids can be told as updates or not; only the bytes count here. */
function splitUpdates(rows: readonly string[]): string[] {
  return rows
    .flatMap((row) => {
      const [id, rest] = row.split(': ') as [string, string]
      const [from, to] = rest.split(' -> ') as [string, string]
      return [...(from === '' ? [] : [`${id} - ${from}`]), ...(to === '' ? [] : [`${id} + ${to}`])]
    })
    .sort()
}

function compareRecords(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const rows: string[] = []
  for (const [key, record] of before)
    if (after.get(key) !== record) rows.push(`${idOf(key)}: ${record} -> ${after.get(key) ?? ''}`)
  for (const [key, record] of after) if (!before.has(key)) rows.push(`${idOf(key)}:  -> ${record}`)
  return rows
}

const idOf = (key: string): string => (key.startsWith('k') || key === '0' ? '' : key)

type Records = ReadonlyMap<string, ReadonlyMap<string, string>>

/** The records of all tables: by rowid, or by themselves. */
function recordsOf(pages: Pages): Records {
  const tables = new Map<string, Map<string, string>>()
  for (const row of readSchema(pages, encodingOf(pages))) {
    if (row.kind !== 'table' || row.rootPage === 0) continue
    const records = new Map<string, string>()
    for (const { page, cell } of walkTree(pages, row.rootPage)) {
      const record = textOf(readPayload(pages, page, cell))
      records.set(cell.rowid === undefined ? `k${record}` : String(cell.rowid), record)
    }
    tables.set(row.name, records)
  }
  return tables
}

function textOf(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
