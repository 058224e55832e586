import type { BinaryExpr, Expr, FunctionCallExpr, Operator } from 'sqlite3-parser'
import { INTEGER_FUNCTIONS, TEXT_FUNCTIONS } from './functions.ts'
import { type Scope, columnOf } from './scope.ts'
import { bare, fold } from './syntax.ts'
import {
  CONSTANT_VALUE,
  INTEGER_VALUE,
  REAL_VALUE,
  TEXT_VALUE,
  UNKNOWN_VALUE,
  type ValueFacts,
  affinityOf,
  oneOf,
} from './value-facts.ts'

/** What is known of the values of an expression, from its form and the columns in it. */
export function factsOf(expr: Expr, scope: Scope): ValueFacts {
  const inner = bare(expr)
  switch (inner.type) {
    case 'Id':
    case 'NameExpr':
    case 'QualifiedExpr':
      return columnOf(inner, scope)?.facts ?? UNKNOWN_VALUE
    case 'NumericLiteral':
      return { ...(/^(?:[\d_]+|0x[\da-f]+)$/i.test(inner.value) ? INTEGER_VALUE : REAL_VALUE), notNull: true }
    case 'StringLiteral':
    case 'CurrentDateLiteral':
    case 'CurrentTimeLiteral':
    case 'CurrentTimestampLiteral':
      return { ...TEXT_VALUE, notNull: true }
    case 'BlobLiteral':
      return { ...CONSTANT_VALUE, isText: true, notNull: true }
    case 'NullLiteral':
    case 'VariableExpr':
      return CONSTANT_VALUE
    case 'CollateExpr': {
      const facts = factsOf(inner.expr, scope)
      const collation = inner.collation.toUpperCase()
      return { ...facts, collation, isExact: facts.isExact && collation === 'BINARY' }
    }
    case 'CastExpr':
      return factsOfCast(affinityOf(inner.typeName?.name), factsOf(inner.expr, scope))
    case 'UnaryExpr':
      return inner.op === 'Not' || inner.op === 'BitwiseNot' ? INTEGER_VALUE : { ...factsOf(inner.expr, scope), affinity: 'none' }
    case 'BinaryExpr':
      return factsOfBinary(inner, scope)
    case 'CaseExpr': {
      const results = inner.whenThenPairs.map(({ then }) => then)
      return oneOf([...results, ...(inner.elseExpr === undefined ? [] : [inner.elseExpr])].flatMap((each) => branch(each, scope)))
    }
    case 'BetweenExpr':
    case 'ExistsExpr':
    case 'InListExpr':
    case 'InSelectExpr':
    case 'InTableExpr':
    case 'IsNullExpr':
    case 'LikeExpr':
    case 'NotNullExpr':
      return {
        ...INTEGER_VALUE,
        notNull: inner.type === 'ExistsExpr' || inner.type === 'IsNullExpr' || inner.type === 'NotNullExpr',
      }
    case 'FunctionCallExpr':
      return factsOfCall(inner, scope)
    case 'FunctionCallStarExpr':
      return { ...INTEGER_VALUE, notNull: true }
    case 'KeywordLiteral':
    case 'ParenthesizedExpr':
    case 'RaiseExpr':
    case 'SubqueryExpr':
      return UNKNOWN_VALUE
  }
}

/** A branch of a CASE; a lone NULL says nothing of the type of the others. */
function branch(expr: Expr, scope: Scope): ValueFacts[] {
  return bare(expr).type === 'NullLiteral' ? [] : [factsOf(expr, scope)]
}

function factsOfCast(affinity: ValueFacts['affinity'], { notNull, collation }: ValueFacts): ValueFacts {
  const value =
    affinity === 'integer' ? INTEGER_VALUE : affinity === 'text' ? TEXT_VALUE : affinity === 'real' ? REAL_VALUE : UNKNOWN_VALUE
  return { ...value, affinity, collation, notNull, isExact: value.isExact && collation === 'BINARY' }
}

const COMPARISONS: ReadonlySet<Operator> = new Set<Operator>([
  'And',
  'Or',
  'Equals',
  'NotEquals',
  'Is',
  'IsNot',
  'Greater',
  'GreaterEquals',
  'Less',
  'LessEquals',
  'BitwiseAnd',
  'BitwiseOr',
  'LeftShift',
  'RightShift',
])

function factsOfBinary({ op, left, right }: BinaryExpr, scope: Scope): ValueFacts {
  if (COMPARISONS.has(op)) return INTEGER_VALUE
  if (op === 'Concat' || op === 'ArrowRight') return TEXT_VALUE
  if (op === 'ArrowRightShift') return UNKNOWN_VALUE
  const operands = [factsOf(left, scope), factsOf(right, scope)]
  const notNull = operands.every((each) => each.notNull) && op !== 'Divide' && op !== 'Modulus'
  if (operands.every(({ isInteger }) => isInteger)) return { ...INTEGER_VALUE, notNull }
  const isReal = [left, right].some((each) => bare(each).type === 'NumericLiteral' && !factsOf(each, scope).isInteger)
  return isReal ? { ...REAL_VALUE, notNull } : { ...UNKNOWN_VALUE, notNull }
}

function factsOfCall({ name, args = [] }: FunctionCallExpr, scope: Scope): ValueFacts {
  const folded = fold(name.name)
  if (INTEGER_FUNCTIONS.has(folded) || folded === 'random') {
    return { ...INTEGER_VALUE, notNull: folded === 'count' || folded === 'random' || folded === 'row_number' }
  }
  if (TEXT_FUNCTIONS.has(folded)) return TEXT_VALUE
  const all = args.map((each) => factsOf(each, scope))
  const [first = UNKNOWN_VALUE] = all
  switch (folded) {
    case 'avg':
    case 'total':
    case 'round':
    case 'julianday':
      return REAL_VALUE
    case 'sum':
    case 'abs':
      return first.isInteger ? INTEGER_VALUE : UNKNOWN_VALUE
    case 'coalesce':
    case 'ifnull':
      return { ...oneOf(args.flatMap((each) => branch(each, scope))), notNull: all.some(({ notNull }) => notNull) }
    case 'iif':
    case 'if':
      return oneOf(args.slice(1).flatMap((each) => branch(each, scope)))
    case 'min':
    case 'max':
      return args.length === 1 ? { ...first, affinity: 'none', notNull: false } : oneOf(all)
    case 'likely':
    case 'unlikely':
    case 'likelihood':
    case 'nullif':
    case 'first_value':
    case 'last_value':
    case 'nth_value':
      return { ...first, affinity: 'none', notNull: false }
    case 'substr':
    case 'substring':
      return first.isText ? TEXT_VALUE : UNKNOWN_VALUE
    default:
      return UNKNOWN_VALUE
  }
}
