import type { AstNode, Expr, SelectFrom, SortedColumn } from 'sqlite3-parser'
import type { Analysis } from './analysis.ts'
import { isAggregate } from './calls.ts'
import { reachOf } from './dependencies.ts'
import { factsOf } from './expression-facts.ts'
import { CHOOSING_AGGREGATES } from './functions.ts'
import { isAmong } from './order.ts'
import { type Reference, type Scope, columnOf, columnsDecided, isDetermined } from './scope.ts'
import { childrenOf, fold, placeOf } from './syntax.ts'

/** Whether a SELECT puts rows together, by GROUP BY or by an aggregate. */
export function isGrouped({ groupBy, columns, having }: SelectFrom, orderBy: readonly SortedColumn[]): boolean {
  return groupBy !== undefined || [...columns, ...(having === undefined ? [] : [having]), ...orderBy].some(hasAggregate)
}

function hasAggregate(node: AstNode): boolean {
  if (node.type === 'Select') return false
  if ((node.type === 'FunctionCallExpr' || node.type === 'FunctionCallStarExpr') && isAggregate(node)) return true
  return childrenOf(node).some(hasAggregate)
}

interface Grouped {
  readonly scope: Scope
  readonly outputs: readonly Expr[]
  readonly having: Expr | undefined
  readonly orderBy: readonly SortedColumn[]
}

/** Complains of columns whose value is that of any row of the group, and of groups of values that are equal but not the same. */
export function judgeBareColumns(analysis: Analysis, { scope, outputs, having, orderBy }: Grouped): void {
  const groups = scope.groups ?? []
  const shown = [...outputs, ...(having === undefined ? [] : [having]), ...orderBy.map(({ expr }) => expr)]
  const decided = [...groups, ...extremes(shown)].flatMap((each) => local(each, scope) ?? [])
  const known = columnsDecided(scope, decided)
  const visit = (node: AstNode): void => {
    if (node.type === 'Select') {
      const bare = [...(reachOf(node, scope) ?? [])].filter((id) => !known.has(id))
      if (bare.length > 0) analysis.report.add('BARE_COLUMN', placeOf(node))
      return
    }
    if ((node.type === 'FunctionCallExpr' || node.type === 'FunctionCallStarExpr') && isAggregate(node)) return
    const expr = node as Expr
    if (isAmong(expr, groups, scope)) {
      if (!factsOf(expr, scope).isExact && !isDecidedByOthers(expr, { scope, groups }))
        analysis.report.add('EQUAL_NOT_SAME', placeOf(node), 'GROUP BY')
      return
    }
    const column = local(expr, scope)
    if (column === undefined) childrenOf(node).forEach(visit)
    else if (!known.has(column.id)) analysis.report.add('BARE_COLUMN', placeOf(node))
  }
  shown.forEach(visit)
}

/** Whether all rows of a group have the same value of a column, not only an equal one, since others that are grouped by decide it. */
function isDecidedByOthers(expr: Expr, { scope, groups }: { readonly scope: Scope; readonly groups: readonly Expr[] }): boolean {
  const columns = groups.flatMap((each) => local(each, scope) ?? [])
  const id = local(expr, scope)?.id
  if (id === undefined) return false
  // When groups are single rows, whatever is in them is decided.
  return (
    isDetermined(scope, columns) ||
    columnsDecided(
      scope,
      columns.filter((each) => each.id !== id),
    ).has(id)
  )
}

/** With a lone min() or max() the bare columns are those of the row that has it; which one, when several have it, is open. */
function extremes(shown: readonly Expr[]): Expr[] {
  const found: Expr[] = []
  const visit = (node: AstNode): void => {
    if (node.type === 'Select') return
    const only =
      node.type === 'FunctionCallExpr' && isAggregate(node) && CHOOSING_AGGREGATES.has(fold(node.name.name))
        ? node.args?.[0]
        : undefined
    if (only !== undefined) found.push(only)
    childrenOf(node).forEach(visit)
  }
  shown.forEach(visit)
  return found.length === 1 ? found : []
}

function local(expr: Expr, scope: Scope): Reference | undefined {
  const column = columnOf(expr, scope)
  return column?.scope === scope ? column : undefined
}
