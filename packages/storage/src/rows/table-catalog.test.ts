import { StemmaError, type SqliteValue } from '@stemma/base'
import { decodeRecord, pagesOf, readPayload, readSchema, showText, walkTree } from '@stemma/sqlite-file'
import Database from 'better-sqlite3'
import { afterAll, expect, test } from 'vitest'
import { betterSqlite3 } from '../sqlite/better-sqlite3.ts'
import { nodeSqlite } from '../sqlite/node-sqlite.ts'
import { TableCatalog, type TableDescription } from './table-catalog.ts'

const catalog = new TableCatalog(betterSqlite3, 'utf-8')
afterAll(() => catalog.close())

const CASES: readonly (readonly [title: string, sql: string, want: string])[] = [
  [
    'columns of every affinity',
    'CREATE TABLE t (a INT, b CLOB, c, d BLOB, e DOUBLE, f DATE)',
    'a:integer b:text c:blob d:blob e:real f:numeric; rowid',
  ],
  [
    'the rules in their order',
    'CREATE TABLE t (a CHARINT, b "FLOATING POINT", c TEXTBLOB, d BLOBREAL, e STRING)',
    'a:integer b:integer c:text d:blob e:numeric; rowid',
  ],
  ['a rowid that has a name', 'CREATE TABLE t (a, id INTEGER PRIMARY KEY, b)', 'a:blob id:integer(rowid) b:blob; rowid; key id'],
  [
    'a rowid that is never used again',
    'CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)',
    'id:integer(rowid); rowid; key id',
  ],
  [
    'a rowid named by a constraint',
    'CREATE TABLE t (a, id INTEGER, PRIMARY KEY (id DESC))',
    'a:blob id:integer(rowid); rowid; key id',
  ],
  [
    'INTEGER PRIMARY KEY DESC, which is no rowid',
    'CREATE TABLE t (id INTEGER PRIMARY KEY DESC, a)',
    'id:integer a:blob; rowid; key id; unique id',
  ],
  ['INT PRIMARY KEY, which is no rowid', 'CREATE TABLE t (id INT PRIMARY KEY, a)', 'id:integer a:blob; rowid; key id; unique id'],
  ['a key of two columns', 'CREATE TABLE t (a, b, c, PRIMARY KEY (c, a))', 'a:blob b:blob c:blob; rowid; key c a; unique c a'],
  [
    'a key that is UNIQUE too',
    'CREATE TABLE t (a UNIQUE PRIMARY KEY, b UNIQUE)',
    'a:blob b:blob; rowid; key a; unique b; unique a',
  ],
  [
    'WITHOUT ROWID',
    'CREATE TABLE t (a, b TEXT, c, PRIMARY KEY (c, b DESC)) WITHOUT ROWID',
    'c:blob b:text a:blob; 2 in key; key c b',
  ],
  [
    'WITHOUT ROWID by an integer',
    'CREATE TABLE t (a, id INTEGER PRIMARY KEY) WITHOUT ROWID',
    'id:integer a:blob; 1 in key; key id',
  ],
  ['a key with a column twice', 'CREATE TABLE t (a, b, PRIMARY KEY (b, a, b)) WITHOUT ROWID', 'b:blob a:blob; 2 in key; key b a'],
  [
    'a key with a column under two collations',
    'CREATE TABLE t (b, a, UNIQUE (b), PRIMARY KEY (a, a COLLATE nocase)) WITHOUT ROWID',
    'a:blob a:blob b:blob; 2 in key; key a a; unique b; settable a b',
  ],
  ['names of the rowid that are columns', 'CREATE TABLE t (ROWID, oid)', 'ROWID:blob oid:blob; _rowid_'],
  ['a rowid that can not be named', 'CREATE TABLE t (rowid, oid, _rowid_)', 'rowid:blob oid:blob _rowid_:blob; no name'],
  [
    'a column rowid that is the rowid',
    'CREATE TABLE t (a, rowid INTEGER PRIMARY KEY)',
    'a:blob rowid:integer(rowid); oid; key rowid',
  ],
  [
    'generated columns',
    'CREATE TABLE t (a INT, v TEXT AS (a || 1), s REAL GENERATED ALWAYS AS (a * 2) STORED, b)',
    'a:integer s:real(generated) b:blob; rowid; settable a b; virtual v',
  ],
  [
    'generated columns WITHOUT ROWID',
    'CREATE TABLE t (v AS (1), s AS (b) STORED, b PRIMARY KEY) WITHOUT ROWID',
    'b:blob s:blob(generated); 1 in key; key b; settable b; virtual v',
  ],
  [
    'generated columns that are UNIQUE',
    'CREATE TABLE t (a, v AS (a) UNIQUE, s AS (a) STORED UNIQUE)',
    'a:blob s:blob(generated); rowid; unique s; unique any; settable a; virtual v',
  ],
  [
    'STRICT',
    'CREATE TABLE t (a ANY, b INT, c TEXT, d REAL, e BLOB) STRICT',
    'a:blob b:integer c:text d:real e:blob; rowid; strict',
  ],
  [
    'STRICT, WITHOUT ROWID',
    'CREATE TABLE t (a ANY, b INTEGER PRIMARY KEY) STRICT, WITHOUT ROWID',
    'b:integer a:blob; 1 in key; key b; strict',
  ],
  ['a type ANY that is not STRICT', 'CREATE TABLE t (a ANY)', 'a:numeric; rowid'],
  [
    'defaults',
    "CREATE TABLE t (a, b DEFAULT 5, c TEXT DEFAULT 5, d REAL DEFAULT 5, e DEFAULT -5.5, f DEFAULT x'00ff', g DEFAULT NULL, h DEFAULT 'it''s')",
    "a:blob b:blob=5 c:text='5' d:real=5.0 e:blob=-5.5 f:blob=x'00ff' g:blob h:blob='it's'; rowid",
  ],
  [
    'defaults with an affinity',
    "CREATE TABLE t (a, b INT DEFAULT '7', c NUMERIC DEFAULT '7.5', d BLOB DEFAULT '7', e INT DEFAULT 1e3, f REAL DEFAULT 'x')",
    "a:blob b:integer=7 c:numeric=7.5 d:blob='7' e:integer=1000 f:real='x'; rowid",
  ],
  [
    'defaults in parentheses',
    "CREATE TABLE t (a, b DEFAULT (-3), c DEFAULT ('x' -- y\n), d DEFAULT (CAST(x'6162' AS TEXT)), e DEFAULT (TRUE))",
    "a:blob b:blob=-3 c:blob='x' d:blob='ab' e:blob=1; rowid",
  ],
  [
    'defaults that are names',
    'CREATE TABLE t (a, b DEFAULT abc, c DEFAULT "d e", d DEFAULT false)',
    "a:blob b:blob='abc' c:blob='d e' d:blob=0; rowid",
  ],
  [
    'defaults that only new rows have',
    'CREATE TABLE t (a, b DEFAULT CURRENT_TIMESTAMP, c DEFAULT (random()), d DEFAULT (foo(1)))',
    'a:blob b:blob c:blob d:blob; rowid',
  ],
  [
    'the largest integers as defaults',
    'CREATE TABLE t (a, b DEFAULT 9223372036854775807, c DEFAULT -9223372036854775808)',
    'a:blob b:blob=9223372036854775807 c:blob=-9223372036854775808; rowid',
  ],
  [
    'unknown functions in CHECK, defaults and generated columns',
    'CREATE TABLE t (a CHECK (foo(a) > 0), b AS (bar(a)), c AS (baz(a)) STORED)',
    'a:blob c:blob(generated); rowid; settable a; virtual b',
  ],
  [
    'unknown collations',
    'CREATE TABLE t (a COLLATE icu PRIMARY KEY, b COLLATE "de DE" UNIQUE) WITHOUT ROWID',
    'a:blob b:blob; 1 in key; key a; unique b',
  ],
  ['strings in double quotes', 'CREATE TABLE t (a CHECK (a <> "none"), b DEFAULT "x")', "a:blob b:blob='x'; rowid"],
  [
    'odd names',
    'CREATE TABLE "a ""b"";--" ("", "x y" INT, [select], `ä`, "\'" TEXT)',
    ":blob x y:integer select:blob ä:blob ':text; rowid",
  ],
  ['foreign keys to what is not there', 'CREATE TABLE t (a REFERENCES nowhere (x) ON DELETE CASCADE)', 'a:blob; rowid'],
  ['comments and other white space', 'CREATE TABLE t -- x\n(/* a, */ a\tINT\r\n,b)', 'a:integer b:blob; rowid'],
  ['sqlite_sequence', 'CREATE TABLE sqlite_sequence(name,seq)', 'name:blob seq:blob; rowid'],
  ['sqlite_stat1', 'CREATE TABLE sqlite_stat1(tbl,idx,stat)', 'tbl:blob idx:blob stat:blob; rowid'],
  [
    'shadow tables of FTS5',
    "CREATE TABLE 'doc_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID",
    'segid:blob term:blob pgno:blob; 2 in key; key segid term',
  ],
  [
    'shadow tables of R-Tree',
    'CREATE TABLE "box_node"(nodeno INTEGER PRIMARY KEY,data)',
    'nodeno:integer(rowid) data:blob; rowid; key nodeno',
  ],
  [
    'a table made by a query',
    'CREATE TABLE t(\n  "count(*)",\n  a TEXT,\n  "a:1" NUM\n)',
    'count(*):blob a:text a:1:numeric; rowid',
  ],
]

test.each(CASES)('%s', (_title, sql, want) => {
  expect(show(nameOf(sql), sql)).toBe(want)
})

test.each(CASES.filter(([, sql]) => runs(sql)))('SQLite stores rows as the layout says: %s', (_title, sql) => {
  const name = nameOf(sql)
  const { layout, shape, settable, isStrict } = catalog.describe({ name, sql })
  const database = new Database(':memory:')
  database.pragma('foreign_keys = OFF')
  database.exec(sql)
  const quoted = quote(name)
  const values = settable.map((column) => {
    const { affinity } = layout.columns[column]!
    if (isStrict && affinity === 'blob') return 'NULL'
    return affinity === 'integer' ? 7000 + column : column
  })
  const names = settable.map((column) => quote(layout.columns[column]!.name))
  database.prepare(`INSERT INTO ${quoted} (${names.join()}) VALUES (${values.join()})`).run()
  const [row] = database
    .prepare(`SELECT ${layout.columns.map((column, i) => `${quote(column.name)} AS c${i}`).join()} FROM ${quoted}`)
    .raw()
    .all() as unknown[][]
  const pages = pagesOf(database.serialize())
  const { rootPage } = readSchema(pages, 'utf-8').find((each) => each.name === name)!
  const [found] = [...walkTree(pages, rootPage)]
  const record = decodeRecord(readPayload(pages, found!.page, found!.cell), 'utf-8')
  expect(found!.cell.rowid === undefined).toBe(shape.content === 'keyed-rows')
  expect(record.map((value, i) => (i === layout.rowidColumn ? Number(found!.cell.rowid) : plain(value)))).toEqual(row)
  database.close()
})

test('rows that are shorter than the schema read as the layout says', () => {
  const database = new Database(':memory:')
  database.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)')
  const added = [
    'b TEXT DEFAULT 1.50',
    'c REAL DEFAULT 3',
    "d INT DEFAULT '0x10'",
    "e NUMERIC DEFAULT '1e2'",
    'f DEFAULT ""',
    'g NOT NULL DEFAULT (+1)',
    'h',
  ]
  for (const column of added) database.exec(`ALTER TABLE t ADD COLUMN ${column}`)
  const { sql } = database.prepare('SELECT sql FROM sqlite_schema').get() as { sql: string }
  const { layout } = catalog.describe({ name: 't', sql })
  const row = database.prepare('SELECT * FROM t').raw().get() as unknown[]
  expect(layout.columns.slice(1).map(({ defaultValue }) => plain(defaultValue))).toEqual(row.slice(1))
  database.close()
})

test('text in defaults has the encoding of the database', () => {
  const utf16 = new TableCatalog(betterSqlite3, 'utf-16le')
  const { layout } = utf16.describe({ name: 't', sql: "CREATE TABLE t (a, b DEFAULT 'é')" })
  expect(layout.columns[1]!.defaultValue).toEqual({ kind: 'text', encoding: 'utf-16le', bytes: new Uint8Array([0xe9, 0]) })
  utf16.close()
})

test.each([
  ['one column', 'CREATE UNIQUE INDEX i ON t (b)', 'b'],
  ['two columns, one under a collation nobody knows', 'CREATE UNIQUE INDEX i ON t (c COLLATE icu DESC, b)', 'c b'],
  ['an expression with an unknown function', 'CREATE UNIQUE INDEX i ON t (foo(b))', 'any'],
  ['some rows only', 'CREATE UNIQUE INDEX i ON t (b) WHERE foo(c)', 'any'],
  ['a column that is virtual', 'CREATE UNIQUE INDEX i ON t (v)', 'any'],
  ['an index that is not unique', 'CREATE INDEX i ON t (b)', ''],
])('unique indexes: %s', (_title, sql, want) => {
  const table = { name: 't', sql: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v AS (b), b, c)' }
  const indexes = [
    { name: 'i', sql },
    { name: 'j', sql: 'CREATE INDEX j ON t (c)' },
  ]
  const { layout } = catalog.describe(table)
  const found = catalog.uniqueIndexes(table, indexes).map(({ columns }) => showColumns(columns, layout.columns))
  expect(found.join('; ')).toBe(want)
})

test('what was asked once is known, and another SQL is asked anew', () => {
  const table = { name: 't', sql: 'CREATE TABLE t (a)' }
  expect(catalog.describe({ ...table })).toBe(catalog.describe(table))
  expect(catalog.uniqueIndexes(table, [])).toBe(catalog.uniqueIndexes({ ...table }, []))
  expect(catalog.describe({ ...table, sql: 'CREATE TABLE t (b)' }).layout.columns[0]!.name).toBe('b')
})

test.each([
  ['no SQL at all', 'hello'],
  ['SQL of something else', 'CREATE VIEW t AS SELECT 1'],
  ['SQL of a later SQLite', 'CREATE TABLE t (a FROBNICATED BY DEFAULT AS (1)) SIDEWAYS'],
])('%s is ROWS_UNKNOWN, and the next table is described all the same', (_title, sql) => {
  expect(codeOf(() => catalog.describe({ name: 't', sql }))).toBe('ROWS_UNKNOWN')
  expect(show('u', 'CREATE TABLE u (a)')).toBe('a:blob; rowid')
})

test("the driver of Node's own SQLite says the same", () => {
  const other = new TableCatalog(nodeSqlite, 'utf-8')
  for (const [, sql] of CASES) {
    const table = { name: nameOf(sql), sql }
    expect(other.describe(table)).toEqual(catalog.describe(table))
    expect(other.uniqueIndexes(table, [])).toEqual(catalog.uniqueIndexes(table, []))
  }
  other.close()
})

function show(name: string, sql: string): string {
  const { layout, ...table } = catalog.describe({ name, sql })
  const { columns, rowidColumn, primaryKey } = layout
  const { shape, settable } = table
  const repeats = new Set(columns.map((column) => column.name)).size < columns.length
  const unique = catalog.uniqueIndexes({ name, sql }, [])
  const parts = [
    columns.map((column, i) => showColumn(column, i === rowidColumn)).join(' '),
    shape.content === 'keyed-rows' ? `${shape.keyCount} in key` : (table.rowidName ?? 'no name'),
    ...(primaryKey.length === 0 ? [] : [`key ${showColumns(primaryKey, columns)}`]),
    ...unique.map((index) => `unique ${showColumns(index.columns, columns)}`),
    ...(repeats || columns.some(({ isGenerated }) => isGenerated) ? [`settable ${showColumns(settable, columns)}`] : []),
    ...(table.virtualColumns.length === 0 ? [] : [`virtual ${table.virtualColumns.join(' ')}`]),
    ...(table.isStrict ? ['strict'] : []),
  ]
  return parts.join('; ')
}

type Columns = TableDescription['layout']['columns']

function showColumn({ name, affinity, defaultValue, isGenerated }: Columns[number], isRowid: boolean): string {
  const value = defaultValue === null ? '' : `=${showValue(defaultValue)}`
  return `${name}:${affinity}${isRowid ? '(rowid)' : ''}${isGenerated ? '(generated)' : ''}${value}`
}

function showColumns(indexes: readonly number[] | undefined, columns: Columns): string {
  return indexes === undefined ? 'any' : indexes.map((index) => columns[index]!.name).join(' ')
}

function showValue(value: SqliteValue): string {
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`
  if (typeof value === 'number') return Number.isInteger(value) ? value.toFixed(1) : String(value)
  return typeof value === 'object' && value !== null ? `'${showText(value)}'` : String(value)
}

/** As better-sqlite3 shows it. */
function plain(value: SqliteValue): unknown {
  if (typeof value === 'bigint') return Number(value)
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array) ? showText(value) : value
}

/** The name in a CREATE TABLE of this file. */
function nameOf(sql: string): string {
  const quoted = /^CREATE TABLE (["'])((?:\1\1|(?!\1).)*)\1/.exec(sql)
  return quoted === null
    ? /^CREATE TABLE ([a-z_0-9]+)/.exec(sql)![1]!
    : quoted[2]!.replaceAll(quoted[1]! + quoted[1]!, quoted[1]!)
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** True for SQL that needs no function, collation or reserved name. */
function runs(sql: string): boolean {
  return !/sqlite_|foo|icu|"none"/.test(sql)
}

function codeOf(action: () => unknown): string | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    return StemmaError.is(error) ? error.code : String(error)
  }
}

test.each<[string, string, readonly number[] | undefined]>([
  ['a rowid table', 'CREATE TABLE t (a, id INTEGER PRIMARY KEY, v AS (a), b)', undefined],
  ['a table WITHOUT ROWID whose key comes first', 'CREATE TABLE t (k PRIMARY KEY, a) WITHOUT ROWID', undefined],
  ['a table WITHOUT ROWID whose key does not', 'CREATE TABLE t (a, v AS (a), k, b, PRIMARY KEY (k, a)) WITHOUT ROWID', [1, 0, 2]],
  ['a key with a column under two collations', 'CREATE TABLE t (b, a, PRIMARY KEY (a, a COLLATE nocase)) WITHOUT ROWID', [2, 0]],
])('the declared order of columns is told where records have another: %s', (_title, sql, want) => {
  expect(catalog.describe({ name: 't', sql }).layout.declaredOrder).toEqual(want)
})
