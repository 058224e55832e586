import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { WordOrder } from './host-order.ts'
import { WalChecksum } from './wal-checksum.ts'

const SEED = Number(globalThis.process?.env?.['SEED'] ?? 1)

test(`the checksum is the sum that the documents describe, at any offset and in parts (seed ${SEED})`, () => {
  const order = fc.constantFrom<WordOrder>('little', 'big')
  const bytes = fc.array(fc.nat({ max: 255 }), { minLength: 0, maxLength: 40 })
  fc.assert(
    fc.property(order, bytes, fc.nat({ max: 9 }), fc.nat(), (wordOrder, given, shift, cut) => {
      const length = given.length & ~7
      const buffer = new Uint8Array(shift + length)
      buffer.set(given.slice(0, length), shift)
      const first = 8 * (cut % (length / 8 + 1))
      const sum = new WalChecksum(7, 0xfffffff0)
      sum.add(buffer, wordOrder, shift, first)
      sum.add(buffer.subarray(shift), wordOrder, first)
      expect([sum.checksum1, sum.checksum2]).toEqual(slowSum(buffer.subarray(shift), wordOrder))
    }),
    { seed: SEED, numRuns: 500 },
  )
})

test('parts that are not there, or are no whole words, are refused', () => {
  const sum = new WalChecksum()
  for (const [offset, length] of [
    [0, 9],
    [8, 16],
    [-8, 8],
    [0, -8],
  ]) {
    expect(() => sum.add(new Uint8Array(16), 'little', offset, length)).toThrow(RangeError)
  }
  expect([sum.checksum1, sum.checksum2]).toEqual([0, 0])
})

/** As https://sqlite.org/fileformat2.html#checksum_algorithm puts it, beginning at 7 and 2^32 - 16. */
function slowSum(bytes: Uint8Array, order: WordOrder): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let [s0, s1] = [7n, 0xfffffff0n]
  for (let at = 0; at < bytes.byteLength; at += 8) {
    s0 = (s0 + BigInt(view.getUint32(at, order === 'little')) + s1) % (1n << 32n)
    s1 = (s1 + BigInt(view.getUint32(at + 4, order === 'little')) + s0) % (1n << 32n)
  }
  return [Number(s0), Number(s1)]
}
