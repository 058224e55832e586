import type { AstNode, Expr } from 'sqlite3-parser'
import { factsOf } from './expression-facts.ts'
import { isConstant } from './order.ts'
import { type Dependency, type Reference, type Scope, columnOf } from './scope.ts'
import { childrenOf, conjuncts } from './syntax.ts'
import { type ValueFacts, comparesAsUnique } from './value-facts.ts'

/** What the equalities that a condition demands tie together, among the columns of a scope. */
export function dependenciesOf(condition: Expr | undefined, scope: Scope): Dependency[] {
  return conjuncts(condition).flatMap((term) => {
    if (term.type !== 'BinaryExpr' || (term.op !== 'Equals' && term.op !== 'Is')) return []
    const { left, right } = term
    if (left.type === 'ParenthesizedExpr' && right.type === 'ParenthesizedExpr' && left.exprs.length === right.exprs.length) {
      return left.exprs.flatMap((each, index) => {
        const other = right.exprs[index]
        return other === undefined ? [] : tie(each, other, { op: term.op, scope })
      })
    }
    return tie(left, right, { op: term.op, scope })
  })
}

interface Comparison {
  readonly op: 'Equals' | 'Is'
  readonly scope: Scope
}

function tie(left: Expr, right: Expr, { op, scope }: { readonly op: string; readonly scope: Scope }): Dependency[] {
  const comparison: Comparison = { op: op === 'Is' ? 'Is' : 'Equals', scope }
  return [
    ...decide(left, right, { ...comparison, isKeyOnTheLeft: true }),
    ...decide(right, left, { ...comparison, isKeyOnTheLeft: false }),
  ]
}

/** What follows for a column that is compared with something. */
function decide(
  key: Expr,
  other: Expr,
  { op, scope, isKeyOnTheLeft }: Comparison & { readonly isKeyOnTheLeft: boolean },
): Dependency[] {
  const column = local(key, scope)
  if (column === undefined || other.type === 'CollateExpr') return []
  const facts: ValueFacts = factsOf(other, scope)
  if (!comparesAsUnique(column.facts, facts, isKeyOnTheLeft)) return []
  const decides = local(other, scope)
  if (decides === undefined && !isFixed(other, scope)) return []
  return [{ from: decides === undefined ? [] : [decides.id], to: column.id, notNull: op === 'Equals' }]
}

function local(expr: Expr, scope: Scope): Reference | undefined {
  const column = columnOf(expr, scope)
  return column?.scope === scope ? column : undefined
}

/** Whether an expression has one value for all rows of a scope: it names none of the scope's columns, and no subquery in it may. */
function isFixed(node: AstNode, scope: Scope): boolean {
  switch (node.type) {
    case 'Id':
    case 'NameExpr':
    case 'QualifiedExpr': {
      // What is found nowhere may be the alias of a result.
      const column = columnOf(node, scope)
      return column === undefined ? isConstant(node) : column.scope !== scope
    }
    case 'FunctionCallExpr':
      return (node.args ?? []).every((each) => isFixed(each, scope))
    case 'SubqueryExpr':
    case 'ExistsExpr':
    case 'InSelectExpr':
    case 'InTableExpr':
      return isUncorrelated(node, scope)
    default:
      return childrenOf(node).every((each) => isFixed(each, scope))
  }
}

/** The columns of a scope that a condition names; undefined when that can't be told. */
export function columnsIn(node: AstNode, scope: Scope): readonly string[] | undefined {
  if (node.type === 'Id' || node.type === 'NameExpr' || node.type === 'QualifiedExpr') {
    const column = columnOf(node, scope)
    return column?.scope === scope ? [column.id] : []
  }
  if (node.type === 'Select') {
    const reached = reachOf(node, scope)
    return reached === undefined ? undefined : [...reached]
  }
  const children = node.type === 'FunctionCallExpr' ? (node.args ?? []) : childrenOf(node)
  const all = children.map((each) => columnsIn(each, scope))
  return all.every((each) => each !== undefined) ? all.flat() : undefined
}

type Reached = ReadonlyMap<Scope, ReadonlySet<string>>

const REACHED = new WeakMap<AstNode, Reached>()

/** Remembers which columns of which scopes around it a SELECT was found to name. */
export function noteReach(select: AstNode, reached: Reached): void {
  REACHED.set(select, reached)
}

/** The columns of a scope that a SELECT inside of it names; undefined when the SELECT was not looked at. */
export function reachOf(select: AstNode, scope: Scope): ReadonlySet<string> | undefined {
  const reached = REACHED.get(select)
  return reached === undefined ? undefined : (reached.get(scope) ?? new Set())
}

function isUncorrelated(node: Expr, scope: Scope): boolean {
  const select = node.type === 'SubqueryExpr' || node.type === 'ExistsExpr' ? node.select : undefined
  return select !== undefined && reachOf(select, scope)?.size === 0
}
