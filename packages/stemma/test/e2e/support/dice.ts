/** A number from 0 to `below - 1`. */
export type Dice = (below: number) => number

/** Dice that fall the same way for the same seed (mulberry32). */
export function newDice(seed: number): Dice {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** The seed of this run: `STEMMA_SEED`, or a new one. It is printed, so that a run can be repeated. */
export function printSeed(what: string): number {
  const seed = Number(process.env['STEMMA_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  process.stdout.write(`${what}: STEMMA_SEED=${seed}\n`)
  return seed
}

/** How many times something is tried: more with `STEMMA_LONG=1`. */
export function times(usual: number, long: number): number {
  return process.env['STEMMA_LONG'] === '1' ? long : usual
}
