import type { Expr, FunctionCallExpr, FunctionCallStarExpr } from 'sqlite3-parser'
import type { Analysis } from './analysis.ts'
import type { StatementCode } from './codes.ts'
import { judgeDate } from './dates.ts'
import { factsOf } from './expression-facts.ts'
import {
  ADDING_AGGREGATES,
  AGGREGATES,
  CHOOSING_AGGREGATES,
  ORDERED_AGGREGATES,
  TIE_PROOF_WINDOWS,
  kindOfFunction,
} from './functions.ts'
import { coversValues, fixesOrder } from './order.ts'
import { type Scope, columnOf, isDetermined } from './scope.ts'
import { fold, placeOf } from './syntax.ts'
import { windowTerms } from './windows.ts'

export type Call = FunctionCallExpr | FunctionCallStarExpr

/** What a call hangs on besides its arguments, and besides the order of rows. */
export function judgeCall(analysis: Analysis, call: Call, scope: Scope): void {
  const args = call.type === 'FunctionCallExpr' ? (call.args ?? []) : []
  const name = fold(call.name.name)
  analysis.seenFunctions.add(name)
  for (const code of codesOfFunction(analysis, name, args, scope)) analysis.report.add(code, placeOf(call), name)
  if (analysis.userFunctions.has(name)) return
  if (call.filterOver?.overClause !== undefined) judgeWindow(analysis, call, scope)
  else if (isAggregate(call)) judgeAggregate(analysis, call, scope)
}

/** By its name alone, but for date functions. */
function codesOfFunction(analysis: Analysis, name: string, args: readonly Expr[], scope: Scope): StatementCode[] {
  const varies = analysis.draws === 'varying'
  if (analysis.userFunctions.has(name)) {
    if (!analysis.recordableFunctions.has(name)) return ['USER_FUNCTION']
    return [varies ? 'VALUE_PER_ROW' : 'RECORDABLE_FUNCTION']
  }
  switch (kindOfFunction(name)) {
    case 'pure':
      return []
    case 'versioned':
      return ['SQLITE_VERSION']
    case 'random':
      return [varies ? 'VALUE_PER_ROW' : 'RANDOM_VALUE']
    case 'connection':
      return [varies ? 'VALUE_PER_ROW' : 'CONNECTION_STATE']
    case 'clock':
      return judgeDate(name, args, scope)
    case 'build':
      return ['BUILD_DEPENDENT']
    case 'libm':
      return ['LIBM_FUNCTION']
    case 'outside':
      return ['OUTSIDE_WORLD']
    case 'like':
      return ['CASE_SENSITIVE_LIKE']
    case 'bytes':
      return ['TEXT_ENCODING']
    case 'user':
      return ['USER_FUNCTION']
  }
}

/** Whether a call puts rows together, given that it has no OVER. */
export function isAggregate(call: Call): boolean {
  const name = fold(call.name.name)
  if (call.filterOver?.overClause !== undefined) return false
  if (call.type === 'FunctionCallStarExpr') return name === 'count'
  return AGGREGATES.has(name) && !(CHOOSING_AGGREGATES.has(name) && call.args?.length !== 1)
}

function judgeAggregate(analysis: Analysis, call: Call, scope: Scope): void {
  if (call.type === 'FunctionCallStarExpr' || isDetermined(scope, [])) return
  const code = orderCode(fold(call.name.name), call.args ?? [], scope)
  if (code === undefined) return
  const terms = call.orderBy?.type === 'SortListFunctionCallOrder' ? call.orderBy.columns.map(({ expr }) => expr) : []
  const known = [...(scope.groups ?? []), ...terms].flatMap((term) => columnOf(term, scope) ?? [])
  if (terms.length > 0 && (isDetermined(scope, known) || coversValues(scope, terms, call.args ?? []))) return
  analysis.report.add(code, placeOf(call), fold(call.name.name))
}

/** What an aggregate hangs on when rows come in any order. */
function orderCode(name: string, args: readonly Expr[], scope: Scope): StatementCode | undefined {
  if (ORDERED_AGGREGATES.has(name)) return 'ORDER_DEPENDENT_AGGREGATE'
  const facts = args[0] === undefined ? undefined : factsOf(args[0], scope)
  if (ADDING_AGGREGATES.has(name)) return facts?.isInteger === true ? undefined : 'REAL_AGGREGATE'
  if (CHOOSING_AGGREGATES.has(name)) return facts?.isExact === true ? undefined : 'EQUAL_NOT_SAME'
  return undefined
}

function judgeWindow(analysis: Analysis, call: Call, scope: Scope): void {
  const name = fold(call.name.name)
  if (TIE_PROOF_WINDOWS.has(name) || isDetermined(scope, [])) return
  const over = call.filterOver?.overClause
  const window = over === undefined ? undefined : windowTerms(over, scope)
  if (window !== undefined) {
    const args = call.type === 'FunctionCallExpr' ? (call.args ?? []) : []
    // Rows that tie are in one frame together unless the frame counts rows.
    if (!window.countsRows && AGGREGATES.has(name) && orderCode(name, args, scope) === undefined) return
    if (window.terms.length > 0 && fixesOrder(scope, window.terms)) return
  }
  analysis.report.add('WINDOW_TIES', placeOf(call), name)
}
