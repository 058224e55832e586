import type { FromClause, JoinedSelectTable, SelectTable } from 'sqlite3-parser'
import { type Analysis, through } from './analysis.ts'
import { columnsIn, dependenciesOf } from './dependencies.ts'
import { walk, walkAll } from './expressions.ts'
import type { ViewFacts } from './schema-facts.ts'
import { type Dependency, type Scope, type Source, newScope } from './scope.ts'
import type { SelectFacts } from './select-facts.ts'
import { fold, placeOf } from './syntax.ts'
import { inTable, isPureTable, noteTable, openSource, sourceOf } from './tables.ts'

/** Bits of `joinType`, as in SQLite's JT_ constants. */
const JOIN = { INNER: 1, NATURAL: 4, LEFT: 8, RIGHT: 16 } as const

/** Adds what a FROM clause names to a scope, and what its ON and USING clauses tie together. */
export function addFrom(analysis: Analysis, from: FromClause, scope: Scope): void {
  const joins = from.joins ?? []
  // A row without a partner on the left side has NULLs where ON promises equal values.
  const promises = !joins.some((join) => (typeOf(join) & JOIN.RIGHT) !== 0)
  const start = scope.sources.length
  if (from.select !== undefined) addTable(analysis, from.select, scope)
  for (const join of joins) {
    const before = scope.sources.length
    addTable(analysis, join.table, scope)
    if ((typeOf(join) & JOIN.LEFT) !== 0) mayBeMissing(scope, before, scope.sources.length)
    addConstraint(analysis, join, scope, { start, before, promises })
    if ((typeOf(join) & JOIN.RIGHT) !== 0) mayBeMissing(scope, start, before)
  }
}

/** Sources whose row may be missing in an outer join: all of its columns are NULL then, so a key still tells which row it is. */
function mayBeMissing(scope: Scope, from: number, to: number): void {
  const isMissing = (index: number): boolean => index >= from && index < to
  const kept = scope.dependencies.filter((each) => each.from.length > 0 || !isMissing(indexOf(each.to)))
  scope.dependencies.splice(0, scope.dependencies.length, ...kept)
  for (const [index, source] of scope.sources.entries()) {
    if (!isMissing(index)) continue
    const notNull = new Set(source.columns.flatMap(({ name, facts }) => (facts.notNull ? [name] : [])))
    scope.sources[index] = {
      ...source,
      columns: source.columns.map((column) => ({ ...column, facts: { ...column.facts, notNull: false } })),
      keys: source.keys.map((key) => ({ ...key, nullsEqual: key.nullsEqual || key.columns.every((name) => notNull.has(name)) })),
    }
  }
}

function typeOf({ operator }: JoinedSelectTable): number {
  return operator.type === 'TypedJoinJoinOperator' ? (operator.joinType ?? JOIN.INNER) : JOIN.INNER
}

interface JoinPlace {
  /** The first source of this FROM clause. */
  readonly start: number
  /** The first source on the right side of this join. */
  readonly before: number
  readonly promises: boolean
}

function addConstraint(analysis: Analysis, join: JoinedSelectTable, scope: Scope, { start, before, promises }: JoinPlace): void {
  const isLeft = (typeOf(join) & JOIN.LEFT) !== 0
  const found: Dependency[] = []
  if (join.constraint?.type === 'OnJoinConstraint') {
    walk(analysis, join.constraint.expr, scope)
    found.push(...dependenciesOf(join.constraint.expr, scope))
  }
  const shared = join.constraint?.type === 'UsingJoinConstraint' ? join.constraint.columns.map(({ text }) => fold(text)) : []
  const natural = (typeOf(join) & JOIN.NATURAL) !== 0 ? namesOf(scope.sources.slice(before)) : []
  for (const name of [...shared, ...natural]) {
    const left = scope.sources.findIndex((each, index) => index >= start && index < before && has(each, name))
    const right = scope.sources.findIndex((each, index) => index >= before && has(each, name))
    if (left < 0 || right < 0) continue
    found.push({ from: [`${left}.${name}`], to: `${right}.${name}`, notNull: true })
    found.push({ from: [`${right}.${name}`], to: `${left}.${name}`, notNull: true })
  }
  if (!promises) return
  if (!isLeft) scope.dependencies.push(...found)
  else {
    // In LEFT JOIN the right side follows from all of the left one that the condition looks at: that decides whether there is a row at all.
    const named =
      join.constraint?.type === 'OnJoinConstraint' ? columnsIn(join.constraint.expr, scope) : found.flatMap(({ from }) => from)
    const left = named?.filter((id) => indexOf(id) < before)
    if (left !== undefined)
      scope.dependencies.push(...found.filter(({ to }) => indexOf(to) >= before).map((each) => ({ ...each, from: left })))
  }
}

function indexOf(id: string): number {
  return Number(id.slice(0, id.indexOf('.')))
}

function namesOf(sources: readonly Source[]): string[] {
  return sources.flatMap(({ columns }) => columns.map(({ name }) => name))
}

/** USING compares as the left column does; only columns that compare alike on both sides are taken. */
function has({ columns }: Source, name: string): boolean {
  const column = columns.find((each) => each.name === name)
  return column !== undefined && column.facts.collation === 'BINARY' && column.facts.affinity !== 'blob'
}

function addTable(analysis: Analysis, table: SelectTable, scope: Scope): void {
  switch (table.type) {
    case 'SubSelectTable':
      addFrom(analysis, table.from, scope)
      return
    case 'SelectSelectTable': {
      const name = table.alias === undefined ? '' : fold(table.alias.name.text)
      scope.sources.push(
        derived(
          name,
          analysis.select(analysis, table.select, { outer: scope.parent ?? newScope(undefined, scope.tables), use: 'rows' }),
        ),
      )
      return
    }
    case 'TableCallSelectTable': {
      walkAll(analysis, table.args, scope)
      noteTable(analysis, table.tblName)
      const called = fold(table.tblName.objName.text)
      const source = openSource(fold(table.alias?.name.text ?? called), isPureTable(called))
      scope.sources.push(source.isOrdered ? { ...source, keys: [{ columns: ['id'], nullsEqual: true }] } : source)
      return
    }
    case 'TableSelectTable':
      addNamed(analysis, table, scope)
  }
}

function addNamed(
  analysis: Analysis,
  { tblName, alias }: Extract<SelectTable, { type: 'TableSelectTable' }>,
  scope: Scope,
): void {
  const named = fold(tblName.objName.text)
  const name = fold((alias?.name ?? tblName.alias ?? tblName.objName).text)
  const common = tblName.dbName === undefined ? scope.tables.get(named) : undefined
  if (common !== undefined) {
    scope.sources.push(derived(name, common))
    return
  }
  const relation = noteTable(analysis, tblName)
  if (relation?.kind === 'view') {
    scope.sources.push(derived(name, selectOfView(analysis, relation.view, tblName)))
  } else if (relation?.kind === 'table') {
    analysis.reads.add(relation.table.name)
    const source = sourceOf(relation.table, name)
    scope.sources.push(source)
    walkAll(inTable(analysis, relation.table, tblName), relation.table.expressions, tableScope(source))
  } else scope.sources.push(openSource(name))
}

/** A scope that knows one source, for what stands in a declaration. */
export function tableScope(source: Source): Scope {
  const scope = newScope()
  scope.sources.push(source)
  return scope
}

const VIEW_DEPTH_MAX = 32

function selectOfView(analysis: Analysis, view: ViewFacts, node: Parameters<typeof placeOf>[0]): SelectFacts {
  const inside = through(analysis, `view ${view.name}`, { place: placeOf(node), text: view.sql })
  if (inside.depth > VIEW_DEPTH_MAX) {
    analysis.report.add('UNPARSED', placeOf(node), 'views inside of views, too deep')
    return { columns: [], keys: [], isSingle: false, isOrdered: false, isOpen: true }
  }
  const facts = inside.select(inside, view.select, { outer: undefined, use: 'rows' })
  return view.columns === undefined ? facts : renamed(facts, view.columns)
}

/** The same rows under the names that a view or a common table expression gives them. */
export function renamed(facts: SelectFacts, names: readonly string[]): SelectFacts {
  const renames = new Map(facts.columns.map(({ name }, index) => [name, names[index] ?? name]))
  return {
    ...facts,
    columns: facts.columns.map((column, index) => ({ ...column, name: names[index] ?? column.name })),
    keys: facts.keys.map((key) => ({ ...key, columns: key.columns.map((name) => renames.get(name) ?? name) })),
  }
}

function derived(name: string, { columns, keys, isSingle, isOpen }: SelectFacts): Source {
  return {
    name,
    columns,
    keys: isSingle ? [{ columns: [], nullsEqual: true }] : keys,
    isOpen,
    isOrdered: false,
    rowid: undefined,
  }
}
