export { newDice, onceIn, type Dice } from 'fuzz'

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
