import { StemmaError, type SqliteValue, type TextEncoding } from '@stemma/base'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeRecord, encodeRecord, serialTypeOf } from './record.ts'
import { newText, showText } from './text.ts'

const SEED = Number(globalThis.process?.env?.['SEED'] ?? 1)

test.each<[bigint, number]>([
  [0n, 8],
  [1n, 9],
  [-1n, 1],
  [127n, 1],
  [-128n, 1],
  [128n, 2],
  [-32_768n, 2],
  [32_768n, 3],
  [8_388_607n, 3],
  [-8_388_609n, 4],
  [2_147_483_648n, 5],
  [140_737_488_355_327n, 5],
  [-140_737_488_355_329n, 6],
  [9_223_372_036_854_775_807n, 6],
])('%i has serial type %i', (value, type) => {
  expect(serialTypeOf(value)).toBe(type)
})

test.each<[string, number[], string]>([
  ['no bytes', [], 'damaged'],
  ['a header larger than the record', [5, 1, 1], 'damaged'],
  ['a header of no bytes', [0], 'damaged'],
  ['a header that ends within a number', [2, 0x81], 'damaged'],
  ['a column beyond the end', [2, 6, 0, 0], 'damaged'],
  ['a text of a size beyond 2^53', [10, 255, 255, 255, 255, 255, 255, 255, 255, 255], 'damaged'],
  ['serial type 10', [2, 10], 'damaged'],
  ['serial type 11', [2, 11], 'damaged'],
  ['a real that is no number', [2, 7, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0], '[null]'],
  ['no columns', [1], '[]'],
  ['bytes behind the last column, which SQLite leaves alone', [2, 1, 7, 99], '[7]'],
])('%s', (_name, bytes, want) => {
  expect(show(Uint8Array.from(bytes))).toBe(want)
})

const ENCODINGS: TextEncoding[] = ['utf-8', 'utf-16le', 'utf-16be']

test(`records come back as they were (seed ${SEED})`, () => {
  const value = fc.oneof(
    fc.constant(null),
    fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
    fc.integer().map(BigInt),
    fc.double({ noNaN: true }),
    fc.uint8Array({ maxLength: 300 }),
    fc.string({ unit: 'binary', maxLength: 50 }),
  )
  fc.assert(
    fc.property(fc.constantFrom(...ENCODINGS), fc.array(value, { maxLength: 150 }), (encoding, given) => {
      const values = given.map((one): SqliteValue => (typeof one === 'string' ? newText(one, encoding) : one))
      // A record is a view somewhere in a page: the offset must not matter.
      const encoded = encodeRecord(values)
      const page = new Uint8Array(encoded.length + 3)
      page.set(encoded, 3)
      const decoded = decodeRecord(page.subarray(3), encoding)
      expect(decoded).toEqual(values)
      const texts = decoded.flatMap((one) => (isText(one) ? [showText(one)] : []))
      expect(texts).toEqual(given.filter((one) => typeof one === 'string'))
    }),
    { seed: SEED, numRuns: 300 },
  )
})

test.each([126, 127, 128, 16_381, 16_382, 16_383])('a record of %i columns has a header that counts itself', (columns) => {
  const values = Array<null>(columns).fill(null)
  expect(decodeRecord(encodeRecord(values), 'utf-8')).toEqual(values)
})

function isText(value: SqliteValue): value is Exclude<SqliteValue, null | bigint | number | Uint8Array> {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array)
}

function show(bytes: Uint8Array): string {
  try {
    return JSON.stringify(decodeRecord(bytes, 'utf-8'), (_key, value: unknown) =>
      typeof value === 'bigint' ? Number(value) : value,
    )
  } catch (error) {
    if (StemmaError.is(error, 'DAMAGED_FILE')) return 'damaged'
    throw error
  }
}
