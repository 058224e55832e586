import type { CreateTriggerStmt, Select } from 'sqlite3-parser'
import type { SchemaRow } from './port.ts'
import { fold, parseStatement } from './syntax.ts'
import { type TableFacts, readTable } from './table-facts.ts'

export interface ViewFacts {
  readonly name: string
  readonly database: 'main' | 'temp'
  /** Names given in `CREATE VIEW v(a, b)`. */
  readonly columns: readonly string[] | undefined
  readonly select: Select
  readonly sql: string
}

export interface TriggerFacts {
  readonly name: string
  readonly database: 'main' | 'temp'
  readonly table: string
  readonly event: 'insert' | 'update' | 'delete'
  /** Before, after and instead of fire one kind after the other. */
  readonly time: string
  readonly statement: CreateTriggerStmt
  readonly sql: string
}

/** What a name in a FROM clause, or behind INTO, means. */
export type Relation =
  | { readonly kind: 'table'; readonly table: TableFacts }
  | { readonly kind: 'view'; readonly view: ViewFacts }
  | { readonly kind: 'virtual'; readonly name: string }
  /** It is in the schema, but its SQL can't be read. */
  | { readonly kind: 'unread'; readonly name: string }

/** The schema of the main database and of TEMP. Each object is read from its SQL when it is first asked for. */
export interface SchemaFacts {
  /** A name as SQLite finds it: in TEMP first, unless a database is named. */
  relation(name: string, database?: string): Relation | undefined
  /** Whether a name that is not qualified means TEMP here and main elsewhere. */
  isShadowed(name: string): boolean
  trigger(name: string): TriggerFacts | undefined
  /** Triggers on a table or view, those that can't be read left out. */
  triggersOn(table: string): readonly TriggerFacts[]
  /** Tables of main, for what concerns all of them. */
  tables(): readonly TableFacts[]
}

/** Reads the rows of `sqlite_schema`. */
export function readSchema(rows: readonly SchemaRow[]): SchemaFacts {
  const objects = new Map<string, SchemaRow>()
  const indexes = new Map<string, SchemaRow[]>()
  const triggers: SchemaRow[] = []
  for (const row of rows) {
    const table = `${row.database}.${fold(row.table)}`
    if (row.type === 'index') indexes.set(table, [...(indexes.get(table) ?? []), row])
    else if (row.type === 'trigger') triggers.push(row)
    else objects.set(`${row.database}.${fold(row.name)}`, row)
  }
  const relations = remember((key) => {
    const row = objects.get(key)
    return row === undefined ? undefined : readRelation(row, indexes.get(key) ?? [])
  })
  const readTriggers = once(() => triggers.flatMap(readTrigger))
  const byTable = remember((table) => readTriggers().filter((each) => each.table === table))
  return {
    relation(name, database) {
      if (database !== undefined) return relations(`${fold(database)}.${name}`)
      return relations(`temp.${name}`) ?? relations(`main.${name}`)
    },
    isShadowed: (name) => objects.has(`temp.${name}`) && objects.has(`main.${name}`),
    trigger: (name) => readTriggers().find((each) => each.name === name),
    triggersOn: (table) => byTable(table) ?? [],
    tables: once(() =>
      [...objects.values()].flatMap((row) => {
        const relation = row.database === 'main' ? relations(`main.${fold(row.name)}`) : undefined
        return relation?.kind === 'table' ? [relation.table] : []
      }),
    ),
  }
}

function readRelation({ name, database, sql }: SchemaRow, indexes: readonly SchemaRow[]): Relation {
  const unread: Relation = { kind: 'unread', name: fold(name) }
  const parsed = parseStatement(sql ?? '')
  if (parsed.kind !== 'statement') return unread
  const { statement } = parsed
  if (statement.type === 'CreateVirtualTableStmt') return { kind: 'virtual', name: fold(name) }
  if (statement.type === 'CreateViewStmt') {
    const columns = statement.columns?.map(({ colName }) => fold(colName.text))
    return { kind: 'view', view: { name: fold(name), database, columns, select: statement.select, sql: sql ?? '' } }
  }
  if (statement.type !== 'CreateTableStmt') return unread
  const parsedIndexes = indexes.filter((index) => index.sql !== null).map((index) => parseStatement(index.sql ?? ''))
  const read = parsedIndexes.flatMap((each) =>
    each.kind === 'statement' && each.statement.type === 'CreateIndexStmt' ? [each.statement] : [],
  )
  const table = read.length === parsedIndexes.length ? readTable(statement, read, database) : undefined
  // After ALTER TABLE ... RENAME the name in the row is the one that counts.
  return table === undefined ? unread : { kind: 'table', table: { ...table, name: fold(name) } }
}

const EVENTS = {
  InsertTriggerEvent: 'insert',
  UpdateTriggerEvent: 'update',
  UpdateOfTriggerEvent: 'update',
  DeleteTriggerEvent: 'delete',
} as const

function readTrigger({ name, database, table, sql }: SchemaRow): TriggerFacts[] {
  const parsed = parseStatement(sql ?? '')
  if (parsed.kind !== 'statement' || parsed.statement.type !== 'CreateTriggerStmt') return []
  // After ALTER TABLE ... RENAME the names in the row are the ones that count.
  return [{ ...triggerOf(parsed.statement, sql ?? ''), name: fold(name), database, table: fold(table) }]
}

/** What a CREATE TRIGGER says. */
export function triggerOf(statement: CreateTriggerStmt, sql: string): TriggerFacts {
  const { triggerName, tblName, event, time, temporary } = statement
  return {
    name: fold(triggerName.objName.text),
    database: temporary ? 'temp' : 'main',
    table: fold(tblName.objName.text),
    event: EVENTS[event.type],
    time: time ?? 'Before',
    statement,
    sql,
  }
}

function remember<T>(read: (key: string) => T): (key: string) => T {
  const known = new Map<string, T>()
  return (key) => {
    const value = known.get(key)
    if (value !== undefined) return value
    const fresh = read(key)
    known.set(key, fresh)
    return fresh
  }
}

function once<T>(read: () => T): () => T {
  let value: { readonly is: T } | undefined
  return () => (value ??= { is: read() }).is
}
