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

/** One of the values. */
export function pick<T>(dice: Dice, values: readonly T[]): T {
  const value = values[dice(values.length)]
  if (value === undefined && values.length === 0) throw new RangeError('nothing to pick from')
  return value as T
}

/** One of the values, the heavier the more often. */
export function pickByWeight<T>(dice: Dice, choices: readonly (readonly [weight: number, value: T])[]): T {
  let at = dice(choices.reduce((sum, [weight]) => sum + weight, 0))
  for (const [weight, value] of choices) {
    at -= weight
    if (at < 0) return value
  }
  throw new RangeError('nothing to pick from')
}

/** True once in so many times. */
export function onceIn(dice: Dice, times: number): boolean {
  return dice(times) === 0
}

/** A list of a random length. */
export function many<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i))
}
