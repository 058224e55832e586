/** Stops the program when something holds that only a bug of ours could break. Never used on input. */
export function assert(condition: boolean, expected: string): asserts condition {
  if (!condition) throw new Error(`Stemma has a bug, please report it: expected ${expected}`)
}
