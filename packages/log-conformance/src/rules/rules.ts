import type { Rule } from '../rule.ts'
import { besideRules } from './beside.ts'
import { bytesRules } from './bytes.ts'
import { copyRules } from './copies.ts'
import { damageRules } from './damage.ts'
import { declarationRules } from './declaration.ts'
import { orderRules } from './order.ts'
import { statementRules } from './statements.ts'

/** All rules of the contract, in its order. */
export const LOG_FORMAT_RULES: readonly Rule[] = [
  ...declarationRules,
  ...copyRules,
  ...orderRules,
  ...bytesRules,
  ...damageRules,
  ...besideRules,
  ...statementRules,
]
