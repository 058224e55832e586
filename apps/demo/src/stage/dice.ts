import { createHash } from 'node:crypto'

/** Chance that is the same again for the same seed, so that several leaders can be written to alike. */
export interface Dice {
  /** From 0 to below 1. */
  next(): number
  /** A whole number from 0 to below a limit. */
  below(limit: number): number
  pick<T>(list: readonly T[]): T
  bytes(count: number): Buffer
}

/** @param seed - any whole number */
export function newDice(seed: number): Dice {
  let turn = 0
  // SHAKE gives as many bytes as are asked for, and nothing can make them smaller.
  const bytes = (count: number): Buffer =>
    createHash('shake256', { outputLength: count }).update(`stemma demo ${seed} ${turn++}`).digest()
  const next = (): number => bytes(4).readUInt32LE() / 2 ** 32
  const below = (limit: number): number => Math.floor(next() * limit)
  return { next, below, pick: (list) => list[below(list.length)]!, bytes }
}
