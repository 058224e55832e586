import type { Expr } from 'sqlite3-parser'
import type { SelectFacts } from './select-facts.ts'
import { bare, fold } from './syntax.ts'
import type { Key } from './table-facts.ts'
import { type NamedFacts, ROWID_VALUE, UNKNOWN_VALUE, type ValueFacts } from './value-facts.ts'

/** Something in a FROM clause that rows come from. */
export interface Source {
  /** By which columns name it. */
  readonly name: string
  readonly columns: readonly NamedFacts[]
  readonly keys: readonly Key[]
  /** It may have columns that are not listed. */
  readonly isOpen: boolean
  /** It always gives its rows in the same order. */
  readonly isOrdered: boolean
  /** What `rowid` means here: a column, a number that VACUUM changes, or nothing. */
  readonly rowid: { readonly column: string } | 'implicit' | undefined
}

/** One value that others decide, by an equality. */
export interface Dependency {
  /** All of them together; none when a constant decides. */
  readonly from: readonly string[]
  readonly to: string
  /** The rows that are left have no NULL there. */
  readonly notNull: boolean
}

/** Where names are looked up: the FROM clause of one SELECT, or the table of a change; and what lies around it. */
export interface Scope {
  readonly sources: Source[]
  readonly dependencies: Dependency[]
  /** Names given to results; SQLite finds them in any clause. */
  readonly aliases: Map<string, Expr>
  readonly tables: ReadonlyMap<string, SelectFacts>
  readonly parent: Scope | undefined
  /** Scopes around this one that names inside of it lead to, with the columns that they name there. */
  readonly reached: Map<Scope, Set<string>>
  /** Expressions of GROUP BY. */
  groups: readonly Expr[] | undefined
}

/** @param tables - common table expressions that can be seen, by name. */
export function newScope(parent?: Scope, tables: ReadonlyMap<string, SelectFacts> = parent?.tables ?? new Map()): Scope {
  return { sources: [], dependencies: [], aliases: new Map(), tables, parent, reached: new Map(), groups: undefined }
}

/** A column as a scope knows it. */
export interface Reference {
  readonly scope: Scope
  /** Of the source, then the column: it names the column within its scope. */
  readonly id: string
  readonly facts: ValueFacts
  readonly isImplicitRowid: boolean
}

const ROWID_NAMES: ReadonlySet<string> = new Set(['rowid', 'oid', '_rowid_'])

/** The column that an expression is, if it is one. Outer scopes that it leads to are noted in `reached`. */
export function columnOf(expr: Expr, scope: Scope): Reference | undefined {
  const inner = bare(expr)
  switch (inner.type) {
    case 'Id':
      return find(scope, fold(inner.name))
    case 'NameExpr':
      return find(scope, fold(inner.name.text))
    case 'QualifiedExpr':
      return find(scope, fold(inner.column.text), fold(inner.table.text))
    default:
      return undefined
  }
}

function find(from: Scope, name: string, source?: string): Reference | undefined {
  for (let scope: Scope | undefined = from; scope !== undefined; scope = scope.parent) {
    const found = findIn(scope, name, source)
    if (found === undefined) continue
    for (let inner = from; inner !== scope && inner.parent !== undefined; inner = inner.parent)
      noteReached(inner, scope, found.id)
    return found
  }
  return undefined
}

function noteReached(inner: Scope, outer: Scope, id: string): void {
  const ids = inner.reached.get(outer)
  if (ids === undefined) inner.reached.set(outer, new Set([id]))
  else ids.add(id)
}

function findIn(scope: Scope, name: string, source: string | undefined): Reference | undefined {
  const candidates = scope.sources
    .map((each, index) => ({ each, index }))
    .filter(({ each }) => source === undefined || each.name === source)
  for (const { each, index } of candidates) {
    const column = each.columns.find((known) => known.name === name)
    if (column !== undefined) return { scope, id: `${index}.${name}`, facts: column.facts, isImplicitRowid: false }
  }
  if (ROWID_NAMES.has(name)) {
    const holder = candidates.find(({ each }) => each.rowid !== undefined)
    const rowid = holder?.each.rowid
    if (holder !== undefined && rowid !== undefined) {
      const isImplicitRowid = rowid === 'implicit'
      const column = isImplicitRowid ? undefined : holder.each.columns.find((known) => known.name === rowid.column)
      const facts = column?.facts ?? { ...ROWID_VALUE, notNull: false }
      return { scope, id: `${holder.index}.${column?.name ?? 'rowid'}`, facts, isImplicitRowid }
    }
  }
  const open = candidates.find(({ each }) => each.isOpen)
  return open === undefined ? undefined : { scope, id: `${open.index}.${name}`, facts: UNKNOWN_VALUE, isImplicitRowid: false }
}

/** Whether rows are told apart by the columns that are given, and by what follows from those by equalities and keys. */
export function isDetermined(scope: Scope, columns: Iterable<Reference>): boolean {
  return followFrom(scope, columns).open.size === 0
}

/** The columns that follow from those that are given: rows which agree in these agree in those. */
export function columnsDecided(scope: Scope, columns: Iterable<Reference>): ReadonlySet<string> {
  return new Set(followFrom(scope, columns).known.keys())
}

/** What follows: columns, with whether they may be NULL, and the sources of which it stays open which row it is. */
interface Followed {
  readonly known: ReadonlyMap<string, boolean>
  readonly open: ReadonlySet<number>
}

function followFrom(scope: Scope, columns: Iterable<Reference>): Followed {
  const known = new Map<string, boolean>()
  for (const { id, scope: of, facts } of columns) if (of === scope) known.set(id, facts.notNull)
  const open = new Set(scope.sources.keys())
  for (let changed = true; changed && open.size > 0;) {
    changed = follow(scope.dependencies, known)
    for (const index of open) {
      const source = scope.sources[index]
      if (source === undefined || !source.keys.some((key) => isKeyKnown(key, source, (name) => known.get(`${index}.${name}`))))
        continue
      for (const { name, facts } of source.columns) known.set(`${index}.${name}`, known.get(`${index}.${name}`) ?? facts.notNull)
      open.delete(index)
      changed = true
    }
  }
  return { known, open }
}

function follow(dependencies: readonly Dependency[], known: Map<string, boolean>): boolean {
  let changed = false
  for (const { from, to, notNull } of dependencies) {
    if (!from.every((id) => known.has(id))) continue
    const before = known.get(to)
    if (before === true || (before === false && !notNull)) continue
    known.set(to, notNull)
    changed = true
  }
  return changed
}

function isKeyKnown(key: Key, source: Source, known: (name: string) => boolean | undefined): boolean {
  return key.columns.every((name) => {
    const isNotNull = known(name)
    if (isNotNull === undefined) return false
    return isNotNull || key.nullsEqual || source.columns.find((each) => each.name === name)?.facts.notNull === true
  })
}
