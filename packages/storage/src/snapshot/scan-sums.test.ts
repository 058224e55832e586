import { pageSum } from '@stemma/base'
import { expect, test } from 'vitest'
import { scanSums } from './scan-sums.ts'

function pageOf(pageNumber: number, pageSize: number): Uint8Array {
  return new Uint8Array(pageSize).fill(pageNumber)
}

function reader(pageSize: number): (first: number, count: number, into: Uint8Array) => void {
  return (first, count, into) => {
    for (let i = 0; i < count; i++) into.set(pageOf(first + i, pageSize), i * pageSize)
  }
}

test.each([
  [512, 0],
  [512, 1],
  [512, 5_000],
  [4096, 256],
  [4096, 257],
  [65_536, 33],
])('%i-byte pages, %i of them: each has its sum, and the digest is their XOR', async (pageSize, pageCount) => {
  const progress: number[] = []
  const sums = await scanSums({ pageCount, pageSize, read: reader(pageSize), progress: (done) => progress.push(done) })
  let digest = 0n
  for (let pageNumber = 1; pageNumber <= pageCount; pageNumber++) {
    const sum = pageSum(pageNumber, pageOf(pageNumber, pageSize))
    expect(sums.get(pageNumber)).toBe(sum)
    digest ^= sum
  }
  expect(sums.digest).toBe(digest)
  expect(sums.pageCount).toBe(pageCount)
  expect(progress.at(-1)).toBe(pageCount)
})

test('the page that holds the byte at 1 GiB has no sum, whatever is read there', async () => {
  const lockBytePage = 2 ** 30 / 65_536 + 1
  const sums = await scanSums({ pageCount: lockBytePage + 1, pageSize: 65_536, read: (_first, _count, into) => into.fill(7) })
  expect(sums.get(lockBytePage)).toBe(0n)
  expect(sums.get(lockBytePage - 1)).not.toBe(0n)
  expect(sums.get(lockBytePage + 1)).not.toBe(0n)
})

test('lets other work go on, and stops when it is told to', async () => {
  const abort = new AbortController()
  let chunks = 0
  const read = (_first: number, _count: number, into: Uint8Array): void => {
    into.fill(1)
    if (++chunks === 3) setImmediate(() => abort.abort(new Error('enough')))
  }
  await expect(scanSums({ pageCount: 100_000, pageSize: 4096, read, signal: abort.signal })).rejects.toThrow('enough')
  expect(chunks).toBeLessThan(10)
})
