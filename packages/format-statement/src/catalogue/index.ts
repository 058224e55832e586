import { CONNECTION_STATE } from './connection-state.ts'
import { ENGINE } from './engine.ts'
import { FROM_OUTSIDE } from './from-outside.ts'
import { ROW_ORDER } from './row-order.ts'
import type { Scene } from './scene.ts'

export { outcomesOf, travelsAs } from './outcomes.ts'
export type { Difference, Outcome, Outcomes, Policy, Scene, UserFunction } from './scene.ts'

/** What diverges when a statement is replayed, found out by trying: 57 rows, some of several scenes. */
export const CATALOGUE: readonly Scene[] = [...FROM_OUTSIDE, ...CONNECTION_STATE, ...ROW_ORDER, ...ENGINE]
