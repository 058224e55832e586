export { newDice, type Dice } from './generate/dice.ts'
export { AUTO_VACUUMS, layoutOf, pragmasOf, type Layout } from './generate/layout.ts'
