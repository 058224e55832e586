import type { AstNode, Expr } from 'sqlite3-parser'
import { factsOf } from './expression-facts.ts'
import { type Scope, columnOf, isDetermined } from './scope.ts'
import { bare, childrenOf, fold } from './syntax.ts'

/** Whether rows of a scope that are sorted by these terms come in one order only. */
export function fixesOrder(scope: Scope, terms: readonly Expr[]): boolean {
  if (scope.groups !== undefined && scope.groups.every((group) => isAmong(group, terms, scope))) return true
  const [only, ...more] = scope.sources
  if (only?.isOrdered === true && more.length === 0 && terms.length === 0 && scope.groups === undefined) return true
  return isDetermined(
    scope,
    terms.flatMap((term) => columnOf(term, scope) ?? []),
  )
}

/** Whether rows that tie in these terms have the same values, so that their order can't be seen. */
export function coversValues(scope: Scope, terms: readonly Expr[], values: readonly Expr[]): boolean {
  return values.every((value) => isConstant(value) || (factsOf(value, scope).isExact && isAmong(value, terms, scope)))
}

/** Whether one of the terms is the same expression. */
export function isAmong(expr: Expr, terms: readonly Expr[], scope: Scope): boolean {
  const column = columnOf(expr, scope)
  if (column !== undefined) {
    return terms.some((term) => {
      const other = columnOf(term, scope)
      return other?.scope === column.scope && other.id === column.id
    })
  }
  const form = formOf(bare(expr))
  return terms.some((term) => formOf(bare(term)) === form)
}

/** The form of an expression without its place in the text. */
function formOf(node: AstNode): string {
  return JSON.stringify(node, (key, value: unknown) =>
    key === 'span' ? undefined : typeof value === 'string' ? fold(value) : value,
  )
}

/** Literals, parameters, and what is made of them alone. Calls count, since those that vary are found by their names. */
export function isConstant(expr: AstNode): boolean {
  switch (expr.type) {
    case 'NameExpr':
    case 'QualifiedExpr':
    case 'SubqueryExpr':
    case 'ExistsExpr':
    case 'InSelectExpr':
    case 'InTableExpr':
      return false
    case 'Id':
      return expr.name.toLowerCase() === 'true' || expr.name.toLowerCase() === 'false'
    case 'FunctionCallExpr':
      return (expr.args ?? []).every(isConstant)
    default:
      return childrenOf(expr).every(isConstant)
  }
}
