import { expect, test } from 'vitest'
import { MUTANTS, drawOptions, simulate } from '../src/index.ts'

const SEEDS = 200

test.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))(
  'a protocol that %s is caught',
  { timeout: 120_000 },
  (_name, { subject }) => {
    let seed = 1
    while (seed <= SEEDS && simulate(drawOptions(seed), subject).failure === undefined) seed++
    expect(seed).toBeLessThanOrEqual(SEEDS)
  },
)
