import type {
  DeleteStmt,
  DeleteTriggerCmd,
  Expr,
  InsertStmt,
  InsertTriggerCmd,
  Limit,
  QualifiedName,
  Select,
  SortedColumn,
  UpdateStmt,
  UpdateTriggerCmd,
  Upsert,
} from 'sqlite3-parser'
import { type Analysis, drawing, through } from './analysis.ts'
import { dependenciesOf, reachOf } from './dependencies.ts'
import { walk, walkAll } from './expressions.ts'
import { addFrom, tableScope } from './from.ts'
import { fixesOrder } from './order.ts'
import type { Relation } from './schema-facts.ts'
import { type Scope, isDetermined, newScope } from './scope.ts'
import { withTables } from './select.ts'
import { bare, childrenOf, fold, placeOf } from './syntax.ts'
import type { TableFacts } from './table-facts.ts'
import { inTable, noteTable, openSource, sourceOf } from './tables.ts'

/** An INSERT, UPDATE or DELETE, whether it stands alone or in a trigger. */
export type Change = InsertStmt | InsertTriggerCmd | UpdateStmt | UpdateTriggerCmd | DeleteStmt | DeleteTriggerCmd

/** What was found out about a change, for what depends on it. */
export interface ChangeFacts {
  readonly event: 'insert' | 'update' | 'delete'
  readonly target: QualifiedName
  readonly relation: Relation | undefined
  /** It comes to its rows one after the other in an order that is fixed, or to one row only. */
  readonly isOrdered: boolean
  /** Columns that an UPDATE sets. */
  readonly sets: ReadonlySet<string>
  /** SQLite picks the rowid of new rows. */
  readonly picksRowid: boolean
  /** An INSERT may delete rows that are in its way. */
  readonly replaces: boolean
}

/** Looks at a change with all that is in it, triggers left out. @param outer - NEW and OLD, in a trigger. */
export function judgeChange(analysis: Analysis, change: Change, outer?: Scope): ChangeFacts {
  const relation = noteTable(analysis, change.tblName)
  const facts = judgeByKind(analysis, change, { relation, outer })
  if (relation?.kind === 'table') judgeTable(analysis, relation.table, facts)
  return facts
}

interface ChangePlace {
  readonly relation: Relation | undefined
  readonly outer: Scope | undefined
}

function judgeByKind(analysis: Analysis, change: Change, place: ChangePlace): ChangeFacts {
  switch (change.type) {
    case 'InsertStmt': {
      const { body } = change
      const select = body.type === 'SelectInsertBody' ? body.select : undefined
      const upsert = body.type === 'SelectInsertBody' ? body.upsert : undefined
      return judgeInsert(analysis, { ...change, select, upsert }, place)
    }
    case 'InsertTriggerCmd':
      return judgeInsert(analysis, { ...change, columns: change.colNames, with: undefined }, place)
    case 'UpdateStmt':
    case 'UpdateTriggerCmd':
      return judgeUpdate(analysis, change, place)
    case 'DeleteStmt':
    case 'DeleteTriggerCmd':
      return judgeDelete(analysis, change, place)
  }
}

/** What holds for any change of a table. */
function judgeTable(analysis: Analysis, table: TableFacts, { event, target, isOrdered, replaces }: ChangeFacts): void {
  const { report } = analysis
  const place = placeOf(target)
  const own = drawing(inTable(analysis, table, target), isOrdered ? 'once' : 'varying')
  walkAll(own, table.expressions, tableScope(sourceOf(table, table.name)))
  if (table.hasChecks && event !== 'delete') report.add('CHECK_CONSTRAINTS', place)
  const parents = table.foreignKeys.length > 0 && event !== 'delete'
  const children =
    event === 'insert' && !replaces
      ? []
      : analysis.schema.tables().filter(({ foreignKeys }) => foreignKeys.some(({ parent }) => parent === table.name))
  if (parents || children.length > 0) report.add('FOREIGN_KEYS', place)
  const refersToItself = table.foreignKeys.some(({ parent, acts }) => parent === table.name && acts)
  if (refersToItself && event !== 'insert' && !isOrdered) report.add('CASCADE_ORDER', place)
}

interface Insert {
  readonly with: InsertStmt['with']
  readonly orConflict: InsertStmt['orConflict']
  readonly tblName: QualifiedName
  readonly columns: InsertStmt['columns']
  readonly select: Select | undefined
  readonly upsert: Upsert | undefined
}

function judgeInsert(analysis: Analysis, insert: Insert, { relation, outer }: ChangePlace): ChangeFacts {
  const scope = newScope(outer, withTables(analysis, insert.with, outer))
  const selected =
    insert.select === undefined ? undefined : analysis.select(analysis, insert.select, { outer: scope, use: 'list' })
  const isOrdered = selected === undefined || selected.isSingle || selected.isOrdered
  const table = relation?.kind === 'table' ? relation.table : undefined
  const listed = insert.columns?.map(({ text }) => fold(text))
  const given =
    listed ??
    (insert.select === undefined ? [] : (table?.columns ?? []).filter((each) => !each.isGenerated).map(({ name }) => name))
  const idFacts = table?.rowidAlias === undefined ? undefined : selected?.columns[given.indexOf(table.rowidAlias)]?.facts
  const picksRowid = table?.hasRowid === true && !(idFacts?.notNull === true && given.includes(table.rowidAlias ?? ''))
  const facts: ChangeFacts = {
    event: 'insert',
    target: insert.tblName,
    relation,
    isOrdered,
    sets: new Set(insert.upsert === undefined ? [] : setsOf(insert.upsert)),
    picksRowid,
    replaces: insert.orConflict === 'Replace' || table?.conflictClauses.has('Replace') === true,
  }
  if (insert.upsert !== undefined) judgeUpsert(analysis, insert.upsert, { table, target: insert.tblName, scope })
  if (table === undefined) return facts
  const place = placeOf(insert.tblName)
  if (listed?.some((name) => isRowid(name, table)) === true) analysis.report.add('IMPLICIT_ROWID', place)
  for (const { name, defaultValue } of table.columns) {
    if (defaultValue === undefined || given.includes(name)) continue
    const ofDefault = through(analysis, `default of ${table.name}.${name}`, { place, text: '' })
    walk(drawing(ofDefault, isOrdered ? 'once' : 'varying'), defaultValue, newScope())
  }
  if (table.isAutoincrement && picksRowid) analysis.report.add('AUTOINCREMENT', place)
  if (isOrdered) return facts
  if (picksRowid) analysis.report.add('ROWID_FROM_SELECT', place)
  const settles =
    insert.upsert !== undefined ||
    insert.orConflict === 'Ignore' ||
    insert.orConflict === 'Replace' ||
    insert.orConflict === 'Fail'
  const bySchema = [...table.conflictClauses].some((clause) => clause !== 'Rollback')
  if (settles || (insert.orConflict === undefined && bySchema)) analysis.report.add('CONFLICT_WITHOUT_ORDER', place)
  return facts
}

function isRowid(name: string, table: TableFacts): boolean {
  const isName = name === 'rowid' || name === 'oid' || name === '_rowid_'
  return isName && table.hasRowid && table.rowidAlias === undefined && !table.columns.some((each) => each.name === name)
}

function setsOf({ doClause, next }: Upsert): string[] {
  const own =
    doClause.type === 'SetUpsertDo' ? doClause.sets.flatMap(({ colNames }) => colNames.map(({ text }) => fold(text))) : []
  return next === undefined ? own : [...own, ...setsOf(next)]
}

interface UpsertPlace {
  readonly table: TableFacts | undefined
  readonly target: QualifiedName
  readonly scope: Scope
}

function judgeUpsert(analysis: Analysis, { index, doClause, next, span }: Upsert, place: UpsertPlace): void {
  const { table, target, scope } = place
  const name = fold((target.alias ?? target.objName).text)
  const inner = newScope(scope)
  inner.sources.push(
    table === undefined ? openSource(name) : sourceOf(table, name),
    table === undefined ? openSource('excluded') : { ...sourceOf(table, 'excluded'), rowid: undefined },
  )
  if (index !== undefined) walk(analysis, index.whereClause, inner)
  if (doClause.type === 'SetUpsertDo') {
    for (const { expr } of doClause.sets) walk(analysis, expr, inner)
    walk(analysis, doClause.whereClause, inner)
    if (index === undefined && (table?.uniqueCount ?? 0) > 1) analysis.report.add('UPSERT_WITHOUT_TARGET', placeOf({ span }))
  }
  if (next !== undefined) judgeUpsert(analysis, next, place)
}

/** The scope of a table that is changed, with its WITH clause. */
function scopeOfTarget(
  analysis: Analysis,
  change: UpdateStmt | UpdateTriggerCmd | DeleteStmt | DeleteTriggerCmd,
  { relation, outer }: ChangePlace,
): Scope {
  const scope = newScope(outer, withTables(analysis, 'with' in change ? change.with : undefined, outer))
  const name = fold((change.tblName.alias ?? change.tblName.objName).text)
  if (relation?.kind === 'table') scope.sources.push(sourceOf(relation.table, name))
  else if (relation?.kind === 'view') {
    const silent: Analysis = {
      ...through(analysis, `view ${relation.view.name}`, { place: placeOf(change.tblName), text: relation.view.sql }),
    }
    const { columns, isOpen } = silent.select(silent, relation.view.select, { outer: undefined, use: 'rows' })
    scope.sources.push({ ...openSource(name), columns, isOpen })
  } else scope.sources.push(openSource(name))
  return scope
}

function judgeUpdate(analysis: Analysis, update: UpdateStmt | UpdateTriggerCmd, place: ChangePlace): ChangeFacts {
  const { tblName, whereClause, sets, from, orConflict } = update
  const scope = scopeOfTarget(analysis, update, place)
  const perRow = drawing(analysis, 'varying')
  const targets = scope.sources.length
  if (from !== undefined) addFrom(perRow, from, scope)
  walk(perRow, whereClause, scope)
  scope.dependencies.push(...dependenciesOf(whereClause, scope))
  const isOrdered = isDetermined(scope, [])
  if (from !== undefined && !isMatchedOnce(scope, targets)) analysis.report.add('UPDATE_FROM_MANY', placeOf(from))
  const each = isOrdered ? analysis : perRow
  for (const { expr } of sets) walk(each, expr, scope)
  if ('limit' in update) judgeLimit(perRow, update, scope)
  const names = new Set(sets.flatMap(({ colNames }) => colNames.map(({ text }) => fold(text))))
  const table = place.relation?.kind === 'table' ? place.relation.table : undefined
  if (table !== undefined) {
    const place = placeOf(tblName)
    if ([...names].some((name) => isRowid(name, table))) analysis.report.add('IMPLICIT_ROWID', place)
    if (!isOrdered) judgeManyUpdated(analysis, update, { table, scope, settles: orConflict })
  }
  const facts = { event: 'update', target: tblName, relation: place.relation, isOrdered, sets: names } as const
  return { ...facts, picksRowid: false, replaces: orConflict === 'Replace' || table?.conflictClauses.has('Replace') === true }
}

/** Whether each row of the target meets one row of FROM at most: those follow when all of the target's columns are known. */
function isMatchedOnce(scope: Scope, targets: number): boolean {
  const known = scope.sources.slice(0, targets).flatMap(({ columns, rowid }, index) => {
    const named = columns.map(({ name, facts }) => ({ scope, id: `${index}.${name}`, facts, isImplicitRowid: false }))
    const [first] = named
    return rowid === 'implicit' && first !== undefined
      ? [...named, { ...first, id: `${index}.rowid`, facts: { ...first.facts, notNull: true } }]
      : named
  })
  return isDetermined(scope, known)
}

interface ManyUpdated {
  readonly table: TableFacts
  readonly scope: Scope
  readonly settles: UpdateStmt['orConflict']
}

/** What hangs on the order in which an UPDATE comes to its rows. */
function judgeManyUpdated(
  analysis: Analysis,
  { tblName, sets, from }: UpdateStmt | UpdateTriggerCmd,
  { table, scope, settles }: ManyUpdated,
): void {
  const changed = sets
    .filter(({ expr }) => bare(expr).type !== 'NullLiteral')
    .flatMap(({ colNames }) => colNames.map(({ text }) => fold(text)))
  const { uniqueColumns } = table
  const touchesKey = changed.some((name) => uniqueColumns === undefined || uniqueColumns.has(name) || isGeneratedKey(table))
  if (touchesKey) analysis.report.add('UNIQUE_KEY_ORDER', placeOf(tblName))
  if (settles === 'Fail' || (settles === undefined && table.conflictClauses.has('Fail')))
    analysis.report.add('CONFLICT_WITHOUT_ORDER', placeOf(tblName))
  if (from !== undefined) return
  for (const { expr } of sets) {
    for (const select of subqueriesOf(expr)) {
      const reads = analysis.reads.has(table.name)
      if (reads && reachOf(select, scope)?.size !== 0) analysis.report.add('SELF_READ', placeOf(select))
    }
  }
}

/** A key on a generated column changes with any column. */
function isGeneratedKey({ columns, uniqueColumns }: TableFacts): boolean {
  return columns.some(({ name, isGenerated }) => isGenerated && uniqueColumns?.has(name) === true)
}

function subqueriesOf(node: Parameters<typeof childrenOf>[0]): Select[] {
  return node.type === 'Select' ? [node] : childrenOf(node).flatMap(subqueriesOf)
}

function judgeDelete(analysis: Analysis, change: DeleteStmt | DeleteTriggerCmd, place: ChangePlace): ChangeFacts {
  const scope = scopeOfTarget(analysis, change, place)
  const perRow = drawing(analysis, 'varying')
  walk(perRow, change.whereClause, scope)
  scope.dependencies.push(...dependenciesOf(change.whereClause, scope))
  if ('limit' in change) judgeLimit(perRow, change, scope)
  const isOrdered = isDetermined(scope, [])
  const facts = { event: 'delete', target: change.tblName, relation: place.relation, isOrdered } as const
  return { ...facts, sets: new Set(), picksRowid: false, replaces: false }
}

interface Limited {
  readonly orderBy: readonly SortedColumn[] | undefined
  readonly limit: Limit | undefined
}

function judgeLimit(analysis: Analysis, { orderBy = [], limit }: Limited, scope: Scope): void {
  walkAll(analysis, orderBy, scope)
  walk(analysis, limit, scope)
  const terms: readonly Expr[] = orderBy.map(({ expr }) => expr)
  if (limit !== undefined && !isDetermined(scope, []) && !fixesOrder(scope, terms))
    analysis.report.add('LIMIT_WITHOUT_ORDER', placeOf(limit))
}
