import type { QualifiedName } from 'sqlite3-parser'
import { type Analysis, through } from './analysis.ts'
import type { Relation } from './schema-facts.ts'
import type { Source } from './scope.ts'
import { fold, placeOf } from './syntax.ts'
import type { TableFacts } from './table-facts.ts'
import { isOwnCollation } from './value-facts.ts'

/** Table-valued functions that are no more than functions of their arguments. */
const PURE_TABLES: ReadonlySet<string> = new Set(['json_each', 'json_tree', 'jsonb_each', 'jsonb_tree'])
/** Tables that SQLite keeps for itself and that differ from copy to copy; sqlite_sequence does not. */
const SYSTEM_TABLE = /^sqlite_(?:schema|master|temp_schema|temp_master|stat\d)$/
const LAYOUT_TABLES: ReadonlySet<string> = new Set(['dbstat', 'sqlite_dbpage', 'sqlite_stmt', 'bytecode', 'tables_used'])

/** What a table's name means; what is to say of any use of it is said. */
export function noteTable(analysis: Analysis, name: QualifiedName): Relation | undefined {
  const folded = fold(name.objName.text)
  const database = name.dbName === undefined ? undefined : fold(name.dbName.text)
  const place = placeOf(name)
  if (SYSTEM_TABLE.test(folded)) {
    analysis.report.add('SYSTEM_TABLE', place, folded)
    return undefined
  }
  if (database !== undefined && database !== 'main' && database !== 'temp') return undefined
  const relation = find(analysis, folded, database)
  if (database === undefined && !analysis.isSchema && analysis.schema.isShadowed(folded))
    analysis.report.add('TEMP_SHADOWS_MAIN', place, folded)
  if (relation === undefined) judgeEponymous(analysis, folded, name)
  else if (relation.kind === 'virtual') noteVirtual(analysis, folded, name)
  else if (relation.kind === 'unread') analysis.report.add('UNPARSED', place, folded)
  else if (relation.kind === 'table') judgeCollations(analysis, relation.table, name)
  else if (relation.view.database === 'temp') analysis.report.add('TEMP_TABLE', place, folded)
  return relation
}

/** What belongs to the schema of main means main; only what stands in the statement means TEMP first. */
function find({ schema, isSchema }: Analysis, name: string, database: string | undefined): Relation | undefined {
  return (isSchema && database === undefined ? schema.relation(name, 'main') : undefined) ?? schema.relation(name, database)
}

/** A virtual table that is there without having been created, or nothing. */
function judgeEponymous(analysis: Analysis, name: string, node: QualifiedName): void {
  if (PURE_TABLES.has(name)) analysis.virtualTables.add(name)
  else if (name.startsWith('pragma_')) {
    analysis.virtualTables.add(name)
    analysis.report.add('PRAGMA_FUNCTION', placeOf(node), name)
  } else if (LAYOUT_TABLES.has(name)) {
    analysis.virtualTables.add(name)
    analysis.report.add('BUILD_DEPENDENT', placeOf(node), name)
  } else noteVirtual(analysis, name, node)
}

function noteVirtual(analysis: Analysis, name: string, node: QualifiedName): void {
  analysis.virtualTables.add(name)
  analysis.report.add('VIRTUAL_TABLE', placeOf(node), name)
}

function judgeCollations(analysis: Analysis, { collations, name }: TableFacts, node: QualifiedName): void {
  const foreign = [...collations].find((collation) => !isOwnCollation(collation))
  if (foreign !== undefined) analysis.report.through(`table ${name}`, placeOf(node)).add('USER_COLLATION', placeOf(node), foreign)
}

/** A table as something that rows come from. */
export function sourceOf(table: TableFacts, name: string): Source {
  const { columns, keys, rowidAlias, hasRowid } = table
  const implicit = hasRowid && rowidAlias === undefined
  return {
    name,
    columns,
    keys: implicit ? [...keys, { columns: ['rowid'], nullsEqual: true }] : keys,
    isOpen: false,
    isOrdered: false,
    rowid: rowidAlias === undefined ? (hasRowid ? 'implicit' : undefined) : { column: rowidAlias },
  }
}

/** Something whose columns can't be told. */
export function openSource(name: string, isOrdered = false): Source {
  return { name, columns: [], keys: [], isOpen: true, isOrdered, rowid: undefined }
}

/** Whether a table-valued function gives its rows in the order of its argument. */
export function isPureTable(name: string): boolean {
  return PURE_TABLES.has(name)
}

/** An analysis of what stands in a table's own declaration. */
export function inTable(analysis: Analysis, { name }: TableFacts, node: QualifiedName): Analysis {
  return through(analysis, `table ${name}`, { place: placeOf(node), text: '' })
}
