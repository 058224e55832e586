/**
 * Makes a list that fails smaller for as long as it goes on failing: it leaves out ever smaller parts of it (delta debugging).
 *
 * @param fails - runs a list, and says whether it fails in the same way
 * @returns a list that fails, and of which no single part can be left out unless `fails` is a matter of luck
 * @see https://doi.org/10.1109/32.988498, "Simplifying and isolating failure-inducing input"
 */
export async function shrink<T>(list: readonly T[], fails: (list: readonly T[]) => Promise<boolean>): Promise<readonly T[]> {
  let left = list
  let size = Math.ceil(left.length / 2)
  while (left.length > 1) {
    const smaller = await withoutOnePart(left, size, fails)
    if (smaller !== undefined) {
      left = smaller
      size = Math.min(size, Math.ceil(left.length / 2))
    } else if (size === 1) {
      break
    } else {
      size = Math.ceil(size / 2)
    }
  }
  return left
}

async function withoutOnePart<T>(
  list: readonly T[],
  size: number,
  fails: (list: readonly T[]) => Promise<boolean>,
): Promise<readonly T[] | undefined> {
  // From the end: what comes after the failure goes first.
  let left = list
  for (let end = list.length; end > 0; end -= size) {
    const without = left.toSpliced(Math.max(0, end - size), Math.min(size, end))
    if (without.length > 0 && (await fails(without))) left = without
  }
  return left.length < list.length ? left : undefined
}
