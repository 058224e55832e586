import { expect, test } from 'vitest'
import { checksum32, pageSum } from './checksum.ts'

function bytesOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 151 + (i >> 8) * 7) & 255)
}

// What xxhash-wasm 1.1.0 gives, which is the C library compiled; with seed 0 nothing is ef46db3751d8e999, as published.
test.each([
  [0, 0x51d8e999],
  [1, 0xdb052768],
  [3, 0x81375e2a],
  [4, 0x0ee00fbb],
  [7, 0x22061f61],
  [8, 0x6fa308eb],
  [9, 0x8ad4cbe2],
  [15, 0x7dd8718d],
  [31, 0x32a76abc],
  [32, 0x1ed74550],
  [33, 0xdb530bac],
  [63, 0xe256e244],
  [64, 0x5d1717bb],
  [100, 0x327c0619],
  [4099, 0x9d97121e],
  [65535, 0xea8b4497],
  [65536, 0xf2ec325e],
  [65567, 0x998a32dd],
  [200000, 0xe6a3f790],
])('the checksum of %d bytes is the low half of XXH64', (length, sum) => {
  expect(checksum32(bytesOf(length))).toBe(sum)
})

test.each([
  [1, 512, 0x7d75ca846ea5a6e6n],
  [1, 4096, 0x5ae1e38cd450b8f8n],
  [2, 4096, 0x466ab104c01ea8a6n],
  [262145, 4096, 0x8af02689c566ca8bn],
  [4294967294, 1024, 0x6a5e157759729f41n],
  [3, 65536, 0x4b07dad2b49f8e31n],
])('the sum of page %d of %d bytes is XXH64 seeded with its number', (pageNumber, pageSize, sum) => {
  expect(pageSum(pageNumber, bytesOf(pageSize))).toBe(sum)
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
