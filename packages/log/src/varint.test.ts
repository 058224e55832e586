import { StemmaError } from '@stemma/base'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BytesReader, sizeOfVarint, writeVarint } from './varint.ts'

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
process.stdout.write(`seed ${SEED}\n`)

test.each<[number, string]>([
  [0, '00'],
  [127, '7f'],
  [128, '80 01'],
  [300, 'ac 02'],
  [2 ** 32, '80 80 80 80 10'],
  [Number.MAX_SAFE_INTEGER, 'ff ff ff ff ff ff ff 0f'],
])('%i is written as %s', (value, hex) => {
  const bytes = new Uint8Array(sizeOfVarint(value))
  expect(writeVarint(bytes, 0, value)).toBe(bytes.byteLength)
  expect(Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')).toBe(hex)
  expect(new BytesReader(bytes).varint()).toBe(value)
})

test('every number that is written is read again, and the reader stands behind it', () => {
  fc.assert(
    fc.property(fc.array(fc.maxSafeNat(), { minLength: 1 }), (values) => {
      const bytes = new Uint8Array(values.reduce((sum, value) => sum + sizeOfVarint(value), 0))
      let at = 0
      for (const value of values) at = writeVarint(bytes, at, value)
      expect(at).toBe(bytes.byteLength)
      const reader = new BytesReader(bytes)
      for (const value of values) expect(reader.varint()).toBe(value)
      expect(reader.left).toBe(0)
    }),
    { seed: SEED },
  )
})

test.each<[string, number[]]>([
  ['it goes on for more than 8 bytes', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
  ['it is no safe integer', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
])('a number is refused when %s', (_name, bytes) => {
  expect(() => new BytesReader(Uint8Array.from(bytes)).varint()).toThrow(expect.objectContaining({ code: 'DAMAGED_ENTRY' }))
})

test('a number that the bytes end within is not there yet, and the reader stays where it was', () => {
  const reader = new BytesReader(Uint8Array.of(0x80, 0x80))
  expect(reader.varint()).toBeUndefined()
  expect(reader.offset).toBe(0)
})

test('nothing is read beyond the end', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 20 }),
      fc.array(fc.constantFrom('byte', 'varint', 'uint32', 'uint64', 'bytes', 'ascii'), { maxLength: 8 }),
      fc.nat(12),
      (bytes, reads, length) => {
        const reader = new BytesReader(bytes)
        const run = (): void => {
          for (const read of reads) {
            if (read === 'bytes') reader.bytes(length)
            else if (read === 'ascii') reader.ascii(length)
            else reader[read]()
          }
        }
        expect(['fine', 'DAMAGED_ENTRY']).toContain(outcomeOf(run))
        expect(reader.left).toBeGreaterThanOrEqual(0)
      },
    ),
    { seed: SEED, numRuns: 500 },
  )
})

test('fixed numbers are little-endian and unsigned', () => {
  const reader = new BytesReader(Uint8Array.of(1, 0, 0, 0xff, 2, 0, 0, 0, 0, 0, 0, 0x80))
  expect(reader.uint32()).toBe(0xff000001)
  expect(reader.uint64()).toBe(0x8000000000000002n)
})

function outcomeOf(call: () => void): string {
  try {
    call()
    return 'fine'
  } catch (error) {
    return StemmaError.is(error) ? error.code : String(error)
  }
}
