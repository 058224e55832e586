import { expect, test } from 'vitest'
import { checksum32, pageSum } from './checksum.ts'

test('the checksum of nothing is the low half of the published XXH64', () => {
  // The published XXH64 of nothing with seed 0 is ef46db3751d8e999.
  expect(checksum32(new Uint8Array(0))).toBe(0x51d8e999)
})

test('the same bytes under another page number have another sum', () => {
  const page = new Uint8Array(4096).fill(7)
  expect(pageSum(1, page)).not.toBe(pageSum(2, page))
})

test.each([0, 1, 2047, 4095])('a change of byte %d changes the sum', (index) => {
  const page = new Uint8Array(4096).fill(7)
  const before = pageSum(1, page)
  page[index] = 8
  expect(pageSum(1, page)).not.toBe(before)
})
