import { tokenName, tokenize } from 'sqlite3-parser'
import { isTelling } from './opcodes.ts'
import type { Opcode, SchemaRow, StatementPort } from './port.ts'
import { fold } from './syntax.ts'

/** As much of a better-sqlite3 database as the classifier needs. */
export interface SqlDatabase {
  prepare(sql: string): SqlStatement
}

/** A prepared statement, as better-sqlite3 has it. Only statements that read are run. */
export interface SqlStatement {
  all(...parameters: unknown[]): unknown[]
  get(...parameters: unknown[]): unknown
  /** Rows as arrays. */
  raw(): SqlStatement
}

/** Functions that come with modules of SQLite's own, which `pragma_function_list` does not count as built in. */
const MODULES = /^(?:fts[35]|rtree|geopoly_)|^(?:offsets|snippet|highlight|matchinfo|match|optimize|bm25)$/

/** What a connection can't tell of its functions. */
export interface SqlitePortOptions {
  /** Functions that the program declared recordable, in lower case. */
  readonly recordableFunctions?: () => ReadonlySet<string>
  /** Functions that were registered by the recorder itself, under names of SQLite's own: what they mean is what SQLite's mean. */
  readonly ownFunctions?: ReadonlySet<string>
}

/** Prepared statements that are kept. */
const LARGEST_MAX = 1000

/** Lets a classifier ask a connection. Whatever it asks changes nothing. */
export function openSqlitePort(
  database: SqlDatabase,
  { recordableFunctions, ownFunctions = new Set() }: SqlitePortOptions = {},
): StatementPort {
  const largest = new Map<string, SqlStatement>()
  return {
    schemaRows: () =>
      (['main', 'temp'] as const).flatMap((name) =>
        (database.prepare(`SELECT type, name, tbl_name, sql FROM ${name}.sqlite_schema`).all() as Row[]).map((row) =>
          toSchemaRow(name, row),
        ),
      ),
    explain: (sql) =>
      (
        database
          .prepare(`EXPLAIN ${sql}`)
          .raw()
          .all(...nullsFor(sql)) as (readonly unknown[])[]
      ).flatMap(toOpcode),
    userFunctions() {
      // PRAGMA case_sensitive_like registers LIKE anew, as innocuous, which a program's own function is not unless it says so.
      const rows = database
        .prepare(
          `SELECT DISTINCT name FROM pragma_function_list WHERE NOT builtin AND NOT (name = 'like' AND flags & ${INNOCUOUS})`,
        )
        .all() as Row[]
      const names = rows.map((row) => fold(String(row['name'])))
      return new Set(names.filter((name) => !MODULES.test(name) && !ownFunctions.has(name)))
    },
    ...(recordableFunctions === undefined ? {} : { recordableFunctions }),
    isRowidExhausted(table) {
      const known =
        largest.get(table) ?? database.prepare(`SELECT max(rowid) = 9223372036854775807 AS yes FROM main.${quote(table)}`)
      if (largest.size < LARGEST_MAX) largest.set(table, known)
      return Number((known.get() as Row | undefined)?.['yes'] ?? 0) === 1
    },
  }
}

/** What has to be another one for verdicts to be worked out anew: the schemas of main and TEMP. */
export function schemaVersionOf(database: SqlDatabase): number {
  const read = (schema: string): number =>
    Number((database.prepare(`PRAGMA ${schema}.schema_version`).get() as Row)['schema_version'])
  return read('main') * 2 ** 20 + (read('temp') % 2 ** 20)
}

// SQLITE_INNOCUOUS of sqlite3.h.
const INNOCUOUS = 0x200000

type Row = Readonly<Record<string, unknown>>

function toSchemaRow(database: 'main' | 'temp', row: Row): SchemaRow {
  const sql = row['sql']
  return {
    database,
    type: row['type'] as SchemaRow['type'],
    name: String(row['name']),
    table: String(row['tbl_name']),
    sql: typeof sql === 'string' ? sql : null,
  }
}

/** The columns of EXPLAIN are addr, opcode, p1, p2, p3, p4, p5, comment. Most rows tell nothing that anybody asks. */
function toOpcode([, name, p1, p2, p3, p4, p5]: readonly unknown[]): Opcode | readonly [] {
  const opcode = String(name)
  if (!isTelling(opcode)) return []
  return { opcode, p1: Number(p1), p2: Number(p2), p3: Number(p3), p4: typeof p4 === 'string' ? p4 : null, p5: Number(p5) }
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A NULL for each parameter, as better-sqlite3 takes them: `?` by place, the others by name. */
function nullsFor(sql: string): unknown[] {
  if (!/[?:@$]/.test(sql)) return []
  const named: Record<string, null> = {}
  const placed: null[] = []
  for (const text of parametersOf(sql)) {
    if (text === '?') placed.push(null)
    else named[text.slice(1)] = null
  }
  return Object.keys(named).length === 0 ? placed : [...placed, named]
}

function parametersOf(sql: string): string[] {
  // Without quotes and comments no token can hide a parameter.
  if (!/['"`[\-/]|[^\0-\u007F]/.test(sql)) return sql.match(/\?\d*|[:@$][\w$:]+/g) ?? []
  return [...tokenize(sql)].filter(({ type }) => tokenName(type) === 'VARIABLE').map(({ text }) => text)
}
