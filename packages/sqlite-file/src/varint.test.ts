import { StemmaError } from '@stemma/base'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sizeOfSqliteVarint, varintAt, varintBigintAt, varintSizeAt, writeSqliteVarint } from './varint.ts'

const SEED = Number(globalThis.process?.env?.['SEED'] ?? 1)

test.each<[string, bigint]>([
  ['00', 0n],
  ['7f', 127n],
  ['8100', 128n],
  ['ff7f', 16_383n],
  ['818000', 16_384n],
  ['ffffffffffffff7f', (1n << 56n) - 1n],
  ['808080808080808000', 0n],
  ['c08080808080808000', -(1n << 63n)],
  ['bfffffffffffffffff', (1n << 63n) - 1n],
  ['ffffffffffffffffff', -1n],
])('%s is %i', (hex, value) => {
  expect(varintBigintAt(fromHex(hex), 0)).toBe(value)
})

test(`every 64-bit integer comes back, and takes the size that is told (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), fc.nat({ max: 63 }), (any, shift) => {
      const value = any >> BigInt(shift)
      const bytes = new Uint8Array(12)
      const end = writeSqliteVarint(bytes, 2, value)
      expect(end).toBe(2 + sizeOfSqliteVarint(value))
      expect(varintSizeAt(bytes, 2, 12)).toBe(end - 2)
      expect(varintBigintAt(bytes, 2)).toBe(value)
      expect(bytes.subarray(end).every((byte) => byte === 0)).toBe(true)
    }),
    { seed: SEED, numRuns: 1000 },
  )
})

test(`numbers up to 2^53 come back as numbers (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat({ max: 52 }), (any, shift) => {
      const value = Math.floor(any / 2 ** shift)
      const bytes = new Uint8Array(9)
      writeSqliteVarint(bytes, 0, value)
      expect(varintAt(bytes, 0)).toBe(value)
    }),
    { seed: SEED, numRuns: 500 },
  )
})

test('a number beyond 2^53 is read as a large one', () => {
  expect(varintAt(fromHex('ffffffffffffffffff'), 0)).toBe(2 ** 64)
})

test.each([
  ['ff', 1],
  ['ffffffffffffffff', 8],
  ['8101', 1],
  ['', 0],
])('%s goes beyond byte %i', (hex, end) => {
  expect(() => varintSizeAt(fromHex(hex), 0, end)).toThrow(StemmaError)
})

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
}
