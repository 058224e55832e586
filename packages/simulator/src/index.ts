export { drawOptions, FAULTS, type Fault, type SimulationOptions } from './options.ts'
export { MUTANTS, type Mutant } from './mutants.ts'
export { simulate, THE_PROTOCOL, type SimulationResult } from './simulation.ts'
export type { Subject } from './world.ts'
