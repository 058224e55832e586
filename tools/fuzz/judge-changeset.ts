import { DatabaseSync, constants } from 'node:sqlite'
import type { TextEncoding } from '@stemma/base'
import { changesetFormat } from '@stemma/format-changeset'
import type { Commit } from '@stemma/log'
import { RowDiffer, type SchemaRow } from '@stemma/sqlite-file'
import { TableCatalog, betterSqlite3, type TableDescription } from '@stemma/storage'
import Database from 'better-sqlite3'
import { pragmasOf } from './generate/layout.ts'
import { runStep, type Script } from './generate/script.ts'
import { changeBetween, takeImage, type Image } from './images.ts'
import { tableOf } from './judge-differ.ts'
import { Differs, failureOf, type Failure } from './judge.ts'

/** Of SQLite's constants for conflicts the one that node:sqlite does not name. */
const CHANGESET_CONSTRAINT = 4

/**
 * Runs a script on a database in memory, puts each commit that leaves the schema into a changeset, and has node:sqlite apply that to the database
 * as it was before: tables that have a primary key are then as they are after it.
 */
export async function judgeChangeset(script: Script): Promise<Failure | undefined> {
  const database = new Database(':memory:')
  let catalog: TableCatalog | undefined
  let step = 0
  try {
    database.exec(pragmasOf(script.layout))
    database.exec('CREATE TABLE first (x); DROP TABLE first')
    let before = takeImage(database)!
    const known = (catalog = new TableCatalog(betterSqlite3, before.encoding))
    const describe = ({ name, sql }: SchemaRow): TableDescription => known.describe({ name, sql: sql ?? '' })
    const differ = new RowDiffer({ pages: before.pages, shapeOf: (row) => describe(row).shape })
    for (; step < script.statements.length; step++) {
      runStep(database, script.statements[step]!)
      if (database.inTransaction) continue
      const after = takeImage(database)!
      const { schema, trees } = differ.step(changeBetween(before, after))
      if (schema.length === 0 && trees.length > 0) {
        const payload = encode(
          after,
          trees.map((tree) => tableOf(tree, describe(tree.after))),
        )
        checkApply(before, after, payload)
      }
      before = after
    }
    return await Promise.resolve(undefined)
  } catch (error) {
    return failureOf(error, step)
  } finally {
    catalog?.close()
    database.close()
  }
}

function encode({ encoding }: Image, tables: ReturnType<typeof tableOf>[]): Uint8Array {
  const rows = { textEncoding: encoding, schemaVersion: 0, schema: [], userVersion: undefined, applicationId: undefined, tables }
  const commit = { rows: () => rows, position: { epoch: 1, sequence: 1 } }
  // A format by rows looks at nothing else of a commit.
  return changesetFormat.encode(commit as unknown as Commit)
}

function checkApply(before: Image, after: Image, payload: Uint8Array): void {
  const target = openImage(before)
  const wanted = openImage(after)
  try {
    for (const { name } of target.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").all())
      target.exec(`DROP TRIGGER ${quote(String(name))}`)
    let isInTheWay = false
    const isApplied = target.applyChangeset(payload, {
      onConflict(kind) {
        // Two rows that swap what is UNIQUE are more than a changeset can do, and how that shows is up to the table. What is no text in UTF-16 is
        // another text in UTF-8, in which changesets have texts.
        const isLimit = kind === CHANGESET_CONSTRAINT || after.encoding !== 'utf-8' || hasConflictClause(after)
        if (isLimit) isInTheWay = true
        else throw new Differs('conflict', `a conflict of kind ${kind}`)
        return constants.SQLITE_CHANGESET_ABORT
      },
    })
    if (isInTheWay) return
    if (!isApplied) throw new Differs('apply', 'the changeset was not applied')
    compareTables(wanted, target, after.encoding)
  } finally {
    target.close()
    wanted.close()
  }
}

function hasConflictClause({ schema }: Image): boolean {
  return schema.some(({ sql }) => /ON CONFLICT/i.test(sql ?? ''))
}

function openImage({ bytes }: Image): DatabaseSync {
  const database = new DatabaseSync(':memory:', { enableForeignKeyConstraints: false, enableDoubleQuotedStringLiterals: true })
  // Full-text tables are their shadow tables, which only such a connection may write to.
  database.enableDefensive(false)
  database.deserialize(bytes)
  return database
}

function compareTables(wanted: DatabaseSync, target: DatabaseSync, encoding: TextEncoding): void {
  const names = wanted
    .prepare(`SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite%'`)
    .all()
  for (const { name } of names) {
    const columns = wanted.prepare('SELECT name, pk FROM pragma_table_info(?)').all(String(name))
    const key = columns.filter(({ pk }) => Number(pk) > 0).map((column) => quote(String(column['name'])))
    if (key.length === 0) continue
    const [is, has] = [wanted, target].map((database) => readTable(database, String(name), columns, key))
    const at = is!.findIndex((row, i) => row !== has![i])
    if (at < 0 && is!.length === has!.length) continue
    if (encoding !== 'utf-8' && is!.some((row) => !isWellFormed(row, encoding))) continue
    const i = at < 0 ? is!.length : at
    throw new Differs('content', `${String(name)} differs:\nwanted:  ${is![i]}\napplied: ${has![i]}`)
  }
}

/** Rows with NULL in the key are none of a changeset's business. */
function readTable(
  database: DatabaseSync,
  name: string,
  columns: readonly { readonly [column: string]: unknown }[],
  key: readonly string[],
): string[] {
  const values = columns.map((column) => {
    const quoted = quote(String(column['name']))
    return `typeof(${quoted}) || ' ' || iif(typeof(${quoted}) IN ('text', 'blob'), hex(${quoted}), quote(${quoted}))`
  })
  const where = key.map((column) => `${column} IS NOT NULL`).join(' AND ')
  const rows = database
    .prepare(`SELECT ${values.join(` || ', ' || `)} AS row FROM ${quote(name)} NOT INDEXED WHERE ${where}`)
    .all()
  return rows.map(({ row }) => String(row)).toSorted()
}

function isWellFormed(row: string, encoding: TextEncoding): boolean {
  return [...row.matchAll(/text ([0-9A-F]*)/g)].every(([, hex]) => {
    const bytes = Buffer.from(hex!, 'hex')
    if (bytes.byteLength % 2 !== 0) return false
    return (encoding === 'utf-16be' ? bytes.swap16() : bytes).toString('utf16le').isWellFormed()
  })
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
