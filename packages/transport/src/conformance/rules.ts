import { endingRules } from './ending.ts'
import { flowRules } from './flow.ts'
import type { Rule } from './rule.ts'
import { trustRules } from './trust.ts'

/** All rules of `SPEC.md`, in their order. */
export const TRANSPORT_RULES: readonly Rule[] = [...flowRules, ...endingRules, ...trustRules]
