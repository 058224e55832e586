import Database from 'better-sqlite3'
import { newRowFormat } from '@stemma/format-row'
import type { Commit, CommitRows, RowChange, TableChanges } from '@stemma/log'
import { RowDiffer, type RowDifference, type SchemaRow, type TreeRows } from '@stemma/sqlite-file'
import { TableCatalog, betterSqlite3, type TableDescription } from '@stemma/storage'
import { pragmasOf } from './generate/layout.ts'
import { runStep, type Script } from './generate/script.ts'
import { changeBetween, identityOf, scanRows, takeImage, type Image } from './images.ts'
import { Differs, failureOf, type Failure } from './judge.ts'

const FULL = newRowFormat()
const CHANGED = newRowFormat({ image: 'changed' })

/**
 * Runs a script on a database in memory, and looks after each commit whether the pages before and after it, compared, tell the same rows
 * and changes of the schema as two databases do that are read from the first row to the last; and whether they come out of the
 * row format as they went in.
 */
export async function judgeDiffer(script: Script): Promise<Failure | undefined> {
  const database = new Database(':memory:')
  const catalogs = new Map<string, TableCatalog>()
  let step = 0
  try {
    database.exec(pragmasOf(script.layout))
    database.exec('CREATE TABLE first (x); DROP TABLE first')
    let before = takeImage(database)!
    const catalog = new TableCatalog(betterSqlite3, before.encoding)
    catalogs.set(before.encoding, catalog)
    const describe = ({ name, sql }: SchemaRow): TableDescription => catalog.describe({ name, sql: sql ?? '' })
    const differ = new RowDiffer({ pages: before.pages, shapeOf: (row) => describe(row).shape })
    for (; step < script.statements.length; step++) {
      runStep(database, script.statements[step]!)
      if (database.inTransaction) continue
      const after = takeImage(database)!
      const change = changeBetween(before, after)
      if (change.written.length === 0 && before.pages.pageCount === after.pages.pageCount) continue
      const difference = differ.step(change)
      checkSchema(before, after, difference)
      checkRows({ before, after, describe }, difference)
      checkFormat(after, difference, describe)
      before = after
    }
    return undefined
  } catch (error) {
    return failureOf(error, step)
  } finally {
    for (const catalog of catalogs.values()) catalog.close()
    database.close()
  }
}

/** The objects before, less and with what changed, are the objects after. */
function checkSchema(before: Image, after: Image, { schema }: RowDifference): void {
  const objects = new Set(before.schema.map(showObject))
  for (const { before: gone } of schema) {
    if (gone !== undefined && !objects.delete(showObject(gone))) throw new Differs('schema', `${showObject(gone)} was not there`)
  }
  for (const { after: come } of schema) if (come !== undefined) objects.add(showObject(come))
  const told = [...objects].toSorted().join('\n')
  const is = after.schema.map(showObject).toSorted().join('\n')
  if (told !== is) throw new Differs('schema', `the schema is\n${is}\nbut was told as\n${told}`)
}

function showObject({ kind, name, tableName, sql }: SchemaRow): string {
  return JSON.stringify([kind, name, tableName, sql])
}

interface Moment {
  readonly before: Image
  readonly after: Image
  readonly describe: (row: SchemaRow) => TableDescription
}

function checkRows({ before, after, describe }: Moment, { schema, trees }: RowDifference): void {
  const told = new Map(trees.map((tree) => [tree.after.rowid, tree]))
  const created = new Set(schema.flatMap((each) => (each.before === undefined ? [each.after?.rowid] : [])))
  const moved = new Map(schema.flatMap((each) => (each.before && each.after ? [[each.after.rowid, each.before]] : [])))
  for (const row of after.schema) {
    if (row.kind !== 'table' || row.rootPage === 0) continue
    const tree = told.get(row.rowid)
    told.delete(row.rowid)
    const earlier = tree === undefined ? earlierOf(row) : tree.before
    const was = earlier && before.schema.find(({ rowid, name }) => rowid === earlier.rowid && name === earlier.name)
    const { shape } = describe(row)
    const rowsBefore = was === undefined ? new Map<string, string>() : scanRows(before, was.rootPage, describe(was).shape)
    const rowsAfter = scanRows(after, row.rootPage, shape)
    checkTable(
      row,
      { rowsBefore, rowsAfter },
      tree === undefined ? [] : keepRows(tree, (id, record) => identityOf(id, record, shape)),
    )
  }
  for (const { after: row } of told.values()) throw new Differs('tables', `rows of ${row.name} were told, which is no table`)

  function earlierOf(row: SchemaRow): SchemaRow | undefined {
    if (created.has(row.rowid)) return undefined
    return moved.get(row.rowid) ?? before.schema.find(({ name, kind }) => name === row.name && kind === 'table')
  }
}

interface KeptRow {
  readonly identity: string
  readonly before: string | undefined
  readonly after: string | undefined
}

function keepRows(tree: TreeRows, identity: (rowid: bigint, record: Uint8Array) => string): KeptRow[] {
  const rows: KeptRow[] = []
  for (const { rowid, before, after } of tree.rows()) {
    const id = identity(rowid, (after ?? before)!)
    rows.push({ identity: id, before: before && hexOf(before), after: after && hexOf(after) })
  }
  return rows
}

function checkTable(
  { name }: SchemaRow,
  { rowsBefore, rowsAfter }: { readonly rowsBefore: Map<string, string>; readonly rowsAfter: Map<string, string> },
  told: readonly KeptRow[],
): void {
  const rows = new Map(rowsBefore)
  const met = new Set<string>()
  for (const { identity, before, after } of told) {
    const of = `row ${identity} of ${name}`
    if (met.has(identity)) throw new Differs('rows', `${of} is told twice`)
    met.add(identity)
    if (rows.get(identity) !== before) throw new Differs('rows', `${of} was ${rows.get(identity)}, told as ${before}`)
    if (before === after) throw new Differs('rows', `${of} is told and did not change: ${before}`)
    if (after === undefined) rows.delete(identity)
    else rows.set(identity, after)
  }
  for (const [identity, record] of rowsAfter) {
    if (rows.get(identity) !== record)
      throw new Differs('rows', `row ${identity} of ${name} is ${record}, told as ${rows.get(identity)}`)
    rows.delete(identity)
  }
  for (const [identity] of rows) throw new Differs('rows', `row ${identity} of ${name} is gone, and its end was not told`)
}

/** What goes into an entry comes out of it. */
function checkFormat(after: Image, difference: RowDifference, describe: (row: SchemaRow) => TableDescription): void {
  const rows: CommitRows = {
    textEncoding: after.encoding,
    schemaVersion: 0,
    schema: [],
    userVersion: undefined,
    applicationId: undefined,
    tables: difference.trees.map((tree) => tableOf(tree, describe(tree.after))),
  }
  // A format by rows looks at nothing else of a commit.
  const commit = { rows: () => rows } as unknown as Commit
  for (const format of [FULL, CHANGED]) {
    const payload = format.encode(commit).slice()
    const again = format.decode(payload, format.version)
    format.describe(payload, format.version)
    if (format === CHANGED) continue
    for (const [i, table] of rows.tables.entries()) {
      const [put, came] = [showTable(table), showTable(again.tables[i]!)]
      if (put !== came) throw new Differs('format', `${table.name} went into the format as\n${put}\nand came out as\n${came}`)
    }
  }
}

export function tableOf(tree: TreeRows, { layout, shape }: TableDescription): TableChanges {
  return {
    name: tree.after.name,
    nameBefore: tree.before?.name,
    keyCount: shape.keyCount,
    layout,
    layoutBefore: undefined,
    isLayoutNews: true,
    *rows(): Generator<RowChange> {
      for (const { rowid, before, after } of tree.rows()) {
        const kind = before === undefined ? 'insert' : after === undefined ? 'delete' : 'update'
        yield { kind, rowid, before, after, columns: undefined }
      }
    },
  }
}

function showTable(table: TableChanges): string {
  const lines = [`${table.name} ${table.nameBefore} ${table.keyCount}`]
  for (const { kind, rowid, before, after } of table.rows())
    lines.push(`${kind} ${rowid} ${before && hexOf(before)} ${after && hexOf(after)}`)
  return lines.join('\n')
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}
