import type { AstNode, Expr, QualifiedName, Select } from 'sqlite3-parser'
import type { Analysis, Use } from './analysis.ts'
import { judgeCall } from './calls.ts'
import { factsOf } from './expression-facts.ts'
import { type Scope, columnOf } from './scope.ts'
import { childrenOf, fold, placeOf } from './syntax.ts'
import { noteTable } from './tables.ts'
import { isOwnCollation } from './value-facts.ts'

/** Looks at everything in an expression, subqueries included. */
export function walk(analysis: Analysis, node: AstNode | undefined, scope: Scope): void {
  if (node === undefined) return
  switch (node.type) {
    case 'FunctionCallExpr':
    case 'FunctionCallStarExpr':
      judgeCall(analysis, node, scope)
      // The name of the function is no column.
      if (node.type === 'FunctionCallExpr') walkAll(analysis, node.args, scope)
      if (node.type === 'FunctionCallExpr') walk(analysis, node.orderBy, scope)
      walk(analysis, node.filterOver, scope)
      return
    case 'NameOver':
      return
    case 'Id':
    case 'NameExpr':
    case 'QualifiedExpr':
      judgeName(analysis, node, scope)
      return
    case 'CurrentDateLiteral':
    case 'CurrentTimeLiteral':
    case 'CurrentTimestampLiteral':
      analysis.seenFunctions.add(CURRENT[node.type])
      analysis.report.add('CLOCK', placeOf(node), CURRENT[node.type])
      return
    case 'SubqueryExpr':
      walkSelect(analysis, node.select, scope, 'scalar')
      return
    case 'ExistsExpr':
      walkSelect(analysis, node.select, scope, 'exists')
      return
    case 'InSelectExpr':
      walk(analysis, node.lhs, scope)
      walkSelect(analysis, node.rhs, scope, 'set')
      return
    case 'InTableExpr':
      walk(analysis, node.lhs, scope)
      walkAll(analysis, node.args, scope)
      walkInTable(analysis, node.rhs, scope)
      return
    case 'Window':
      walkAll(analysis, node.partitionBy, scope)
      walkAll(analysis, node.orderBy, scope)
      walk(analysis, node.frameClause, scope)
      return
    default:
      judgeForm(analysis, node, scope)
      walkAll(analysis, childrenOf(node), scope)
  }
}

export function walkAll(analysis: Analysis, nodes: readonly AstNode[] | undefined, scope: Scope): void {
  for (const node of nodes ?? []) walk(analysis, node, scope)
}

const CURRENT = {
  CurrentDateLiteral: 'current_date',
  CurrentTimeLiteral: 'current_time',
  CurrentTimestampLiteral: 'current_timestamp',
} as const

/** Operators and casts that hang on a setting, a version or a collation. */
function judgeForm(analysis: Analysis, node: AstNode, scope: Scope): void {
  switch (node.type) {
    case 'LikeExpr': {
      const name = node.op.toLowerCase()
      analysis.seenFunctions.add(name)
      if (node.op === 'Regexp' || analysis.userFunctions.has(name)) analysis.report.add('USER_FUNCTION', placeOf(node), name)
      else if (node.op === 'Match') analysis.report.add('VIRTUAL_TABLE', placeOf(node), name)
      else if (node.op === 'Like') analysis.report.add('CASE_SENSITIVE_LIKE', placeOf(node))
      return
    }
    case 'CollateExpr':
      if (!isOwnCollation(node.collation.toUpperCase())) analysis.report.add('USER_COLLATION', placeOf(node), node.collation)
      return
    case 'CastExpr': {
      const type = node.typeName?.name.toUpperCase() ?? ''
      const { isText, isInteger } = factsOf(node.expr, scope)
      if (type.includes('BLOB')) analysis.report.add('TEXT_ENCODING', placeOf(node))
      else if (/CHAR|CLOB|TEXT/.test(type) && !isText && !isInteger)
        analysis.report.add('SQLITE_VERSION', placeOf(node), 'CAST of a REAL to TEXT')
      return
    }
    default:
      return
  }
}

function judgeName(analysis: Analysis, node: Expr, scope: Scope): void {
  const column = columnOf(node, scope)
  if (column?.isImplicitRowid === true) analysis.report.add('IMPLICIT_ROWID', placeOf(node))
  if (column !== undefined || node.type !== 'Id' || analysis.isSchema) return
  if (analysis.text[node.span.offset] === '"' && !isAlias(fold(node.name), scope)) {
    analysis.report.add('DOUBLE_QUOTED_STRING', placeOf(node), node.name)
  }
}

function isAlias(name: string, scope: Scope | undefined): boolean {
  return scope !== undefined && (scope.aliases.has(name) || isAlias(name, scope.parent))
}

function walkSelect(analysis: Analysis, select: Select, outer: Scope, use: Use): void {
  analysis.select(analysis, select, { outer, use })
}

/** `x IN table`. */
function walkInTable(analysis: Analysis, name: QualifiedName, scope: Scope): void {
  if (name.dbName === undefined && scope.tables.has(fold(name.objName.text))) return
  const relation = noteTable(analysis, name)
  if (relation?.kind === 'view') analysis.select(analysis, relation.view.select, { outer: undefined, use: 'set' })
  if (relation?.kind === 'table') analysis.reads.add(relation.table.name)
}
