import { expect, test } from 'vitest'
import { PageSums } from './page-sums.ts'

function sumsOf(...values: readonly bigint[]): PageSums {
  const sums = new PageSums()
  sums.setPageCount(values.length)
  values.forEach((value, i) => sums.set(i + 1, value))
  return sums
}

test('the digest is the XOR of all sums, whatever is set, grows and shrinks', () => {
  const sums = sumsOf(1n, 2n, 4n)
  expect(sums.digest).toBe(7n)
  sums.set(2, 8n)
  expect(sums.digest).toBe(13n)
  sums.setPageCount(1)
  expect(sums.digest).toBe(1n)
  sums.setPageCount(1_000)
  expect([sums.digest, sums.get(2), sums.get(1_000)]).toEqual([1n, 0n, 0n])
  sums.set(1_000, 2n ** 64n - 1n)
  expect(sums.digest).toBe(2n ** 64n - 2n)
})

test('pages that the database does not have have no sum', () => {
  const sums = sumsOf(1n, 2n)
  sums.set(3, 5n)
  sums.set(0, 5n)
  expect([sums.digest, sums.get(0), sums.get(3)]).toEqual([3n, 0n, 0n])
  sums.setPageCount(3)
  expect([sums.digest, sums.get(3)]).toEqual([3n, 0n])
})

test('what bytes gives, load takes', () => {
  const sums = sumsOf(1n, 2n, 2n ** 63n)
  const other = new PageSums()
  other.grow(3)
  other.load(1, sums.bytes(1, 2))
  other.load(3, sums.bytes(3, 100))
  expect([other.get(1), other.get(2), other.get(3), other.digest]).toEqual([1n, 2n, 2n ** 63n, sums.digest])
})

test('a copy goes its own way', () => {
  const sums = sumsOf(1n, 2n)
  const copy = sums.copy()
  copy.set(1, 9n)
  expect([sums.get(1), sums.digest, copy.digest]).toEqual([1n, 3n, 11n])
})
