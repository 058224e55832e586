import type { Expr, ResultColumn, Select, SelectFrom, SortedColumn, With } from 'sqlite3-parser'
import { type Analysis, type Use, drawing } from './analysis.ts'
import { dependenciesOf, noteReach } from './dependencies.ts'
import { factsOf } from './expression-facts.ts'
import { walk, walkAll } from './expressions.ts'
import { addFrom, renamed } from './from.ts'
import { isGrouped, judgeBareColumns } from './groups.ts'
import { coversValues, fixesOrder } from './order.ts'
import { type Scope, columnOf, isDetermined, newScope } from './scope.ts'
import type { SelectFacts } from './select-facts.ts'
import { bare, fold, placeOf } from './syntax.ts'
import type { Key } from './table-facts.ts'
import { openReport } from './verdict.ts'
import { CONSTANT_VALUE, INTEGER_VALUE, type NamedFacts, UNKNOWN_VALUE, type ValueFacts, oneOf } from './value-facts.ts'
import { defineWindows } from './windows.ts'

interface SelectPlace {
  readonly outer: Scope
  readonly use: Use
}

/** Looks at a SELECT with all that is in it. */
export function judgeSelect(
  analysis: Analysis,
  select: Select,
  { outer, use }: { readonly outer: Scope | undefined; readonly use: Use },
): SelectFacts {
  const root = newScope(outer, withTables(analysis, select.with, outer))
  const facts =
    select.compounds === undefined
      ? judgeSimple(analysis, select, { outer: root, use })
      : judgeCompound(analysis, select, { outer: root, use })
  noteReach(select, root.reached)
  if (select.limit !== undefined) {
    walk(analysis, select.limit, root)
    const counts = use === 'exists' || facts.isSingle || facts.isOrdered
    if (!counts) analysis.report.add('LIMIT_WITHOUT_ORDER', placeOf(select.limit))
  } else if (use === 'scalar' && !facts.isSingle && !facts.isOrdered) analysis.report.add('SCALAR_SUBQUERY_MANY', placeOf(select))
  return facts
}

/** What the tables of a WITH clause are, with those around it. */
export function withTables(
  analysis: Analysis,
  clause: With | undefined,
  outer: Scope | undefined,
): ReadonlyMap<string, SelectFacts> {
  const tables = new Map(outer?.tables)
  for (const { tblName, columns, select } of clause?.ctes ?? []) {
    const name = fold(tblName.text)
    const names = columns?.map(({ colName }) => fold(colName.text))
    const facts =
      clause?.recursive === true && names !== undefined
        ? judgeRecursive(analysis, select, { name, names, tables, outer })
        : analysis.select(analysis, select, { outer: newScope(outer, tables), use: 'rows' })
    tables.set(name, names === undefined ? facts : renamed(facts, names))
  }
  return tables
}

interface Recursive {
  readonly name: string
  readonly names: readonly string[]
  readonly tables: ReadonlyMap<string, SelectFacts>
  readonly outer: Scope | undefined
}

/**
 * Inside of a recursive table its name stands for one of its rows at a time.
 *
 * Columns are taken to be integers for as long as what is made of them is.
 */
function judgeRecursive(analysis: Analysis, select: Select, { name, names, tables, outer }: Recursive): SelectFacts {
  const judge = (by: Analysis, columns: readonly NamedFacts[]): SelectFacts => {
    const own: SelectFacts = { columns, keys: [], isSingle: true, isOrdered: true, isOpen: false }
    return by.select(by, select, { outer: newScope(outer, new Map([...tables, [name, own]])), use: 'rows' })
  }
  const silent: Analysis = { ...analysis, report: openReport(), reads: new Set() }
  let columns: readonly NamedFacts[] = names.map((each) => ({ name: each, facts: { ...INTEGER_VALUE, notNull: true } }))
  for (let isStable = false; !isStable && columns.some(({ facts }) => facts.isInteger);) {
    const made = judge(silent, columns).columns
    const kept = columns.map((column, index) => {
      const isKept = made[index]?.facts.isInteger === true && made[index].facts.notNull
      return isKept ? column : { ...column, facts: UNKNOWN_VALUE }
    })
    isStable = kept.every((column, index) => column.facts.isInteger === columns[index]?.facts.isInteger)
    columns = kept
  }
  return judge(analysis, columns)
}

function judgeSimple(analysis: Analysis, { select, orderBy = [] }: Select, { outer, use }: SelectPlace): SelectFacts {
  if (select.type === 'SelectValues') {
    for (const { values } of select.values) walkAll(analysis, values, outer)
    const [first] = select.values
    const columns = (first?.values ?? []).map((_, index) => {
      const all = select.values.flatMap(({ values }) => (values[index] === undefined ? [] : [factsOf(values[index], outer)]))
      return { name: `column${index + 1}`, facts: oneOf(all) }
    })
    return { columns, keys: [], isSingle: select.values.length === 1, isOrdered: orderBy.length === 0, isOpen: false }
  }
  const { scope, outputs, isSingle, isAggregate } = judgeCore(analysis, select, { outer, use, orderBy })
  const terms = orderBy.map(({ expr }) => termOf(expr, outputs, scope))
  const values = outputs.map(({ expr }) => expr)
  const isTotal = select.distinctness === 'Distinct' ? false : fixesOrder(scope, terms)
  const isOrdered = isSingle || isTotal || (terms.length > 0 && coversValues(scope, terms, values))
  const keys = isSingle ? [] : keysOf(select, outputs, { scope, isAggregate })
  return {
    columns: outputs.map(({ name, expr }) => ({ name, facts: factsOf(expr, scope) })),
    keys,
    isSingle,
    isOrdered,
    isOpen: hasOpenStar(select, scope),
  }
}

interface Output {
  readonly name: string
  readonly expr: Expr
}

interface Core {
  readonly scope: Scope
  readonly outputs: readonly Output[]
  readonly isSingle: boolean
  readonly isAggregate: boolean
}

function judgeCore(
  analysis: Analysis,
  select: SelectFrom,
  { outer, use, orderBy }: SelectPlace & { readonly orderBy: readonly SortedColumn[] },
): Core {
  const { from, whereClause, groupBy, having, windowClause, distinctness } = select
  const scope = newScope(outer)
  defineWindows(scope, windowClause)
  for (const column of select.columns) {
    if (column.type === 'ExprResultColumn' && column.alias !== undefined)
      scope.aliases.set(fold(column.alias.name.text), column.expr)
  }
  const perRow = from === undefined ? analysis : drawing(analysis, 'varying')
  if (from !== undefined) addFrom(perRow, from, scope)
  walk(perRow, whereClause, scope)
  scope.dependencies.push(...dependenciesOf(whereClause, scope))
  const outputs = select.columns.flatMap((column) => outputsOf(column, scope))
  const isAggregate = isGrouped(select, orderBy)
  if (groupBy !== undefined)
    scope.groups = groupBy.map((expr) => (columnOf(expr, scope) === undefined ? termOf(expr, outputs, scope) : expr))
  const onlyRow = isDetermined(scope, [])
  const each = onlyRow && from !== undefined ? analysis : perRow
  for (const { expr } of outputs) walk(each, expr, scope)
  walkAll(perRow, groupBy, scope)
  walk(perRow, having, scope)
  walkAll(perRow, orderBy, scope)
  walkAll(perRow, windowClause, scope)
  if (isAggregate && !onlyRow) judgeBareColumns(analysis, { scope, outputs: outputs.map(({ expr }) => expr), having, orderBy })
  if (distinctness === 'Distinct' && !onlyRow) judgeDistinct(analysis, select, { scope, outputs, use })
  return { scope, outputs, isSingle: onlyRow || (isAggregate && groupBy === undefined), isAggregate }
}

/** The expressions that a result column stands for; `*` for all columns that are known. */
function outputsOf(column: ResultColumn, scope: Scope): Output[] {
  if (column.type === 'ExprResultColumn') {
    return [{ name: column.alias === undefined ? nameOf(column.expr) : fold(column.alias.name.text), expr: column.expr }]
  }
  const only = column.type === 'TableStarResultColumn' ? fold(column.table.text) : undefined
  return scope.sources
    .filter(({ name }) => only === undefined || name === only)
    .flatMap(({ name: source, columns }) =>
      columns.map(({ name }) => {
        const word = (text: string): { type: 'Name'; text: string; span: typeof column.span } => ({
          type: 'Name',
          text,
          span: column.span,
        })
        const expr: Expr = {
          type: 'QualifiedExpr',
          schema: undefined,
          table: word(source),
          column: word(name),
          span: column.span,
        }
        return { name, expr }
      }),
    )
}

function nameOf(expr: Expr): string {
  const inner = bare(expr)
  return inner.type === 'Id' ? fold(inner.name) : inner.type === 'QualifiedExpr' ? fold(inner.column.text) : ''
}

function hasOpenStar({ columns }: SelectFrom, { sources }: Scope): boolean {
  return columns.some(({ type }) => type !== 'ExprResultColumn') && sources.some(({ isOpen }) => isOpen)
}

/** A term of ORDER BY or GROUP BY may be the number or the name of a result. */
function termOf(expr: Expr, outputs: readonly Output[], scope: Scope): Expr {
  const inner = bare(expr)
  if (inner.type === 'NumericLiteral') return outputs[Number(inner.value) - 1]?.expr ?? inner
  if (inner.type === 'Id') return scope.aliases.get(fold(inner.name)) ?? inner
  return inner
}

function judgeDistinct(
  analysis: Analysis,
  select: SelectFrom,
  { scope, outputs, use }: Pick<Core, 'scope' | 'outputs'> & { readonly use: Use },
): void {
  const columns = outputs.flatMap(({ expr }) => columnOf(expr, scope) ?? [])
  // With a whole key among them no two rows are equal.
  const isSame = isDetermined(scope, columns) || outputs.every(({ expr }) => isSameFor(use, factsOf(expr, scope)))
  if (!isSame || (hasOpenStar(select, scope) && use !== 'exists'))
    analysis.report.add('EQUAL_NOT_SAME', placeOf(select), 'DISTINCT')
}

/**
 * Whether it is all the same which of several equal values is kept. IN compares numbers as DISTINCT does, so 1 and 1.0 are the same to it;
 * texts it compares by the collation of its left side.
 */
function isSameFor(use: Use, { isExact, collation }: ValueFacts): boolean {
  return use === 'exists' || isExact || (use === 'set' && collation === 'BINARY')
}

/** Keys of the rows that come out, by the names under which they do. */
function keysOf(
  select: SelectFrom,
  outputs: readonly Output[],
  { scope, isAggregate }: Pick<Core, 'scope' | 'isAggregate'>,
): Key[] {
  const keys: Key[] = []
  const named = outputs.filter(({ name }) => name !== '')
  if (select.distinctness === 'Distinct' && named.length === outputs.length)
    keys.push({ columns: named.map(({ name }) => name), nullsEqual: true })
  const add = (exprs: readonly Expr[], nullsEqual: boolean): void => {
    const columns = exprs.map((expr) => named.find((each) => isSame(each.expr, expr, scope))?.name)
    if (columns.every((name) => name !== undefined)) keys.push({ columns, nullsEqual })
  }
  if (scope.groups !== undefined) add(scope.groups, true)
  if (isAggregate) return keys
  const references = named.flatMap(({ name, expr }) => ({ name, column: columnOf(expr, scope) }))
  const local = references.flatMap(({ name, column }) => (column?.scope === scope ? [{ name, column }] : []))
  for (const source of scope.sources.keys()) {
    const ofSource = local.filter(({ column }) => column.id.startsWith(`${source}.`))
    for (const key of scope.sources[source]?.keys ?? []) {
      const used = ofSource.filter(({ column }) => key.columns.includes(column.id.slice(`${source}.`.length)))
      const whole =
        used.length >= key.columns.length &&
        isDetermined(
          scope,
          used.map(({ column }) => column),
        )
      if (whole) keys.push({ columns: used.map(({ name }) => name), nullsEqual: false })
    }
  }
  const all = local.map(({ column }) => column)
  if (keys.length === 0 && isDetermined(scope, all)) keys.push({ columns: local.map(({ name }) => name), nullsEqual: false })
  return keys
}

function isSame(expr: Expr, other: Expr, scope: Scope): boolean {
  const column = columnOf(expr, scope)
  const wanted = columnOf(other, scope)
  return expr === other || (column !== undefined && column.scope === wanted?.scope && column.id === wanted.id)
}

function judgeCompound(analysis: Analysis, select: Select, { outer, use }: SelectPlace): SelectFacts {
  const { compounds = [], orderBy = [] } = select
  const inner: Use = use === 'set' || use === 'exists' ? use : 'rows'
  const arms = [select.select, ...compounds.map((each) => each.select)].map((arm) =>
    judgeSimple(
      analysis,
      { ...select, select: arm, with: undefined, compounds: undefined, orderBy: undefined, limit: undefined },
      { outer, use: inner },
    ),
  )
  const [first, ...others] = arms
  const columns: NamedFacts[] = (first?.columns ?? []).map(({ name }, index) => ({
    name,
    facts: oneOf(arms.flatMap((arm) => arm.columns[index]?.facts ?? UNKNOWN_VALUE)),
  }))
  const isExact = columns.every((_, index) => isExactIn(arms, index, 'rows'))
  const merges = compounds.some(({ operator }) => operator !== 'UnionAll')
  const isSame = columns.every((_, index) => isExactIn(arms, index, inner))
  if (merges && !isSame) analysis.report.add('EQUAL_NOT_SAME', placeOf(select), 'UNION')
  const terms = orderBy.flatMap(({ expr }) => positionOf(expr, columns) ?? [])
  const isSorted = isExact && columns.every((_, index) => terms.includes(index))
  const isListed = !merges && orderBy.length === 0 && [first, ...others].every((arm) => arm?.isSingle === true)
  // The last operator decides whether equal rows are left.
  const isDistinct = compounds.at(-1)?.operator !== 'UnionAll'
  const keys =
    isDistinct && columns.every(({ name }) => name !== '') ? [{ columns: columns.map(({ name }) => name), nullsEqual: true }] : []
  return { columns, keys, isSingle: false, isOrdered: isSorted || isListed, isOpen: arms.some(({ isOpen }) => isOpen) }
}

/** A constant has no order in which its values could come. */
function isExactIn(arms: readonly SelectFacts[], index: number, use: Use): boolean {
  const all = arms.map((arm) => arm.columns[index]?.facts ?? UNKNOWN_VALUE).filter((facts) => facts !== CONSTANT_VALUE)
  if (use === 'set' || use === 'exists') return all.every((facts) => isSameFor(use, facts))
  return all.length <= 1 ? all.every(({ isExact }) => isExact) : oneOf(all).isExact
}

function positionOf(expr: Expr, columns: readonly NamedFacts[]): number | undefined {
  const inner = bare(expr)
  if (inner.type === 'NumericLiteral') return Number(inner.value) - 1
  const index = columns.findIndex(({ name }) => name !== '' && name === nameOf(inner))
  return index < 0 ? undefined : index
}
