import type {
  ColumnConstraint,
  ColumnDefinition,
  CreateIndexStmt,
  CreateTableStmt,
  Expr,
  ResolveType,
  SortedColumn,
  TableConstraint,
} from 'sqlite3-parser'
import { bare, fold } from './syntax.ts'
import { ROWID_VALUE, type ValueFacts, factsOfColumn } from './value-facts.ts'

export interface Column {
  /** In lower case, as are all names here. */
  readonly name: string
  readonly facts: ValueFacts
  readonly defaultValue: Expr | undefined
  readonly isGenerated: boolean
}

/** Columns whose values together belong to one row at most. */
export interface Key {
  readonly columns: readonly string[]
  /** Two rows with NULL in the key count as equal, as in GROUP BY; a UNIQUE index lets both stand. */
  readonly nullsEqual: boolean
}

export interface TableFacts {
  readonly name: string
  readonly database: 'main' | 'temp'
  readonly columns: readonly Column[]
  readonly keys: readonly Key[]
  /** Unique keys of any kind, those of partial indexes and of expressions too. */
  readonly uniqueCount: number
  /** Columns that some unique key looks at; undefined when one is on an expression. */
  readonly uniqueColumns: ReadonlySet<string> | undefined
  /** The INTEGER PRIMARY KEY. */
  readonly rowidAlias: string | undefined
  readonly hasRowid: boolean
  readonly isAutoincrement: boolean
  readonly hasChecks: boolean
  /** What the declaration says to do on a conflict, other than ABORT. */
  readonly conflictClauses: ReadonlySet<ResolveType>
  readonly foreignKeys: readonly ForeignKey[]
  /** Expressions of CHECKs, generated columns and indexes, which run or are looked up whenever the table is used. */
  readonly expressions: readonly Expr[]
  readonly collations: ReadonlySet<string>
}

export interface ForeignKey {
  readonly parent: string
  /** It does more than complain at the end: CASCADE, SET NULL, SET DEFAULT or RESTRICT. */
  readonly acts: boolean
}

const STRICT = 65_536
const WITHOUT_ROWID = 128

/** What a table's CREATE TABLE and those of its indexes say. CREATE TABLE AS SELECT is never what a schema holds. */
export function readTable(
  create: CreateTableStmt,
  indexes: readonly CreateIndexStmt[],
  database: 'main' | 'temp',
): TableFacts | undefined {
  const { body } = create
  if (body.type !== 'ColumnsAndConstraintsCreateTableBody') return undefined
  const tableConstraints = (body.constraints ?? []).map(({ constraint }) => constraint)
  const hasRowid = (body.flags & WITHOUT_ROWID) === 0
  const primary = primaryKey(body.columns, tableConstraints)
  const rowidAlias = hasRowid ? aliasOf(body.columns, primary) : undefined
  const notNulls = hasRowid ? [] : (primary?.columns ?? [])
  const strict = (body.flags & STRICT) !== 0
  const columns = body.columns.map((each) => readColumn(each, { strict, rowidAlias, notNulls }))
  const conflicts = [...columnConstraintsOf(body.columns), ...tableConstraints]
  const uniques = [...uniqueKeys(body.columns, tableConstraints), ...indexes.filter(({ unique }) => unique).map(keyOfIndex)]
  const all = primary === undefined ? uniques : [primary, ...uniques]
  return {
    name: fold(create.tblName.objName.text),
    database,
    columns,
    keys: all.filter((key) => isWhole(key, columns)).map((key) => ({ columns: key.columns ?? [], nullsEqual: false })),
    uniqueCount: new Set(all.map((key) => key.columns?.join() ?? key)).size,
    uniqueColumns: all.some((key) => key.columns === undefined) ? undefined : new Set(all.flatMap((key) => key.columns ?? [])),
    rowidAlias,
    hasRowid,
    isAutoincrement: primary?.autoincrement === true,
    hasChecks: conflicts.some(({ type }) => type === 'CheckColumnConstraint' || type === 'CheckTableConstraint'),
    conflictClauses: new Set(conflicts.flatMap(clauseOf)),
    foreignKeys: conflicts.flatMap(foreignKeyOf),
    expressions: [...conflicts.flatMap(expressionOf), ...indexes.flatMap(expressionsOfIndex)],
    collations: new Set([
      ...columns.map(({ facts }) => facts.collation),
      ...indexes.flatMap(({ columns: terms }) => terms.flatMap(collationOfTerm)),
    ]),
  }
}

/** A unique key as declared; its columns are undefined when one of its terms is an expression. */
interface DeclaredKey {
  readonly columns: readonly string[] | undefined
  /** Collations that the key states itself; where it states none, that of the column holds. */
  readonly collations: readonly (string | undefined)[]
  readonly isPartial?: boolean
  readonly autoincrement?: boolean
  readonly descending?: boolean
}

function readColumn(
  { colName, colType, constraints }: ColumnDefinition,
  table: { readonly strict: boolean; readonly rowidAlias: string | undefined; readonly notNulls: readonly string[] },
): Column {
  const name = fold(colName.text)
  const all = constraints.map(({ constraint }) => constraint)
  const collation = all
    .flatMap((each) => (each.type === 'CollateColumnConstraint' ? [each.collationName.text.toUpperCase()] : []))
    .at(-1)
  const notNull = table.notNulls.includes(name) || all.some((each) => each.type === 'NotNullColumnConstraint' && !each.nullable)
  const defaults = all.flatMap((each) => (each.type === 'DefaultColumnConstraint' ? [each.expr] : []))
  const declared = factsOfColumn({ type: colType?.name, collation: collation ?? 'BINARY', notNull, strict: table.strict })
  return {
    name,
    facts: name === table.rowidAlias ? ROWID_VALUE : declared,
    defaultValue: defaults.at(-1),
    isGenerated: all.some(({ type }) => type === 'GeneratedColumnConstraint'),
  }
}

function primaryKey(columns: readonly ColumnDefinition[], constraints: readonly TableConstraint[]): DeclaredKey | undefined {
  for (const { colName, constraints: own } of columns) {
    for (const { constraint } of own) {
      if (constraint.type !== 'PrimaryKeyColumnConstraint') continue
      const { autoIncrement: autoincrement, order } = constraint
      return { columns: [fold(colName.text)], collations: [undefined], autoincrement, descending: order === 'Desc' }
    }
  }
  const constraint = constraints.find((each) => each.type === 'PrimaryKeyTableConstraint')
  return constraint === undefined ? undefined : { ...keyOfTerms(constraint.columns), autoincrement: constraint.autoIncrement }
}

/** `INTEGER PRIMARY KEY`, by exactly that type, is the rowid; with DESC on the column it is not, by an old slip that stayed. */
function aliasOf(columns: readonly ColumnDefinition[], primary: DeclaredKey | undefined): string | undefined {
  const [only, ...more] = primary?.columns ?? []
  if (only === undefined || more.length > 0 || primary?.descending === true) return undefined
  const column = columns.find(({ colName }) => fold(colName.text) === only)
  return column?.colType?.size === undefined && column?.colType?.name.toUpperCase() === 'INTEGER' ? only : undefined
}

function uniqueKeys(columns: readonly ColumnDefinition[], constraints: readonly TableConstraint[]): DeclaredKey[] {
  const ofColumns = columns
    .filter(({ constraints: own }) => own.some(({ constraint }) => constraint.type === 'UniqueColumnConstraint'))
    .map(({ colName }) => ({ columns: [fold(colName.text)], collations: [undefined] }))
  return [
    ...ofColumns,
    ...constraints.flatMap((each) => (each.type === 'UniqueTableConstraint' ? [keyOfTerms(each.columns)] : [])),
  ]
}

function keyOfIndex({ columns, whereClause }: CreateIndexStmt): DeclaredKey {
  return { ...keyOfTerms(columns), isPartial: whereClause !== undefined }
}

function keyOfTerms(terms: readonly SortedColumn[]): DeclaredKey {
  const names = terms.map(({ expr }) => columnOfTerm(expr))
  const columns = names.every((name) => name !== undefined) ? names : undefined
  return { columns, collations: terms.map((term) => collationOfTerm(term)[0]) }
}

function columnOfTerm(expr: Expr): string | undefined {
  const term = bare(expr)
  if (term.type === 'CollateExpr') return columnOfTerm(term.expr)
  // A string in place of a column is a column's name, as SQLite 3 began.
  return term.type === 'Id' ? fold(term.name) : term.type === 'StringLiteral' ? fold(term.value) : undefined
}

function collationOfTerm({ expr }: SortedColumn): string[] {
  const term = bare(expr)
  return term.type === 'CollateExpr' ? [term.collation.toUpperCase()] : []
}

/** A key that finds one row at most by comparing its columns as the columns compare. */
function isWhole({ columns: names, collations, isPartial }: DeclaredKey, columns: readonly Column[]): boolean {
  if (names === undefined || isPartial === true) return false
  return names.every((name, index) => {
    const column = columns.find((each) => each.name === name)
    return column !== undefined && (collations[index] ?? column.facts.collation) === column.facts.collation
  })
}

function columnConstraintsOf(columns: readonly ColumnDefinition[]): ColumnConstraint[] {
  return columns.flatMap(({ constraints }) => constraints.map(({ constraint }) => constraint))
}

function clauseOf(constraint: ColumnConstraint | TableConstraint): ResolveType[] {
  const clause = 'conflictClause' in constraint ? constraint.conflictClause : undefined
  return clause === undefined || clause === 'Abort' ? [] : [clause]
}

function foreignKeyOf(constraint: ColumnConstraint | TableConstraint): ForeignKey[] {
  if (!('clause' in constraint) || constraint.clause.type !== 'ForeignKeyClause') return []
  const { tblName, args } = constraint.clause
  return [{ parent: fold(tblName.text), acts: args.some((arg) => 'action' in arg && arg.action !== 'NoAction') }]
}

function expressionOf(constraint: ColumnConstraint | TableConstraint): Expr[] {
  const { type } = constraint
  const runs = type === 'CheckColumnConstraint' || type === 'CheckTableConstraint' || type === 'GeneratedColumnConstraint'
  return runs ? [constraint.expr] : []
}

function expressionsOfIndex({ columns, whereClause }: CreateIndexStmt): Expr[] {
  const terms = columns.map(({ expr }) => expr).filter((expr) => columnOfTerm(expr) === undefined)
  return whereClause === undefined ? terms : [...terms, whereClause]
}
