import { expect, test } from 'vitest'
import { shrink } from './shrink.ts'

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

test.each<[string, readonly number[], (list: readonly number[]) => boolean, readonly number[]]>([
  ['one that fails alone', numbers(100), (list) => list.includes(61), [61]],
  ['some that only fail together', numbers(100), (list) => [3, 50, 99].every((each) => list.includes(each)), [3, 50, 99]],
  ['all that are needed', numbers(9), (list) => list.length === 9, numbers(9)],
  ['one of many that fail', numbers(64), (list) => list.length > 0, [0]],
])('a list is made smaller to %s', async (_title, list, fails, smallest) => {
  expect(await shrink(list, (each) => Promise.resolve(fails(each)))).toEqual(smallest)
})
