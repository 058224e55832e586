import { StemmaError } from '@stemma/base'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeEntryHead } from './entry-head.ts'
import { decodeEntry, encodeEntry, type Entry } from './entry.ts'

const SEED = Date.now() % 1_000_000

function entries(): fc.Arbitrary<Entry> {
  const count = fc.integer({ min: 0, max: 2 ** 47 })
  return fc.record({
    format: fc.constantFrom('wal', 'row', 'a-format-with-a-long-name'),
    formatVersion: fc.integer({ min: 1, max: 300 }),
    position: fc.record({ epoch: fc.integer({ min: 1, max: 1_000 }), sequence: count }),
    committedAt: count,
    recovered: fc.boolean(),
    barrier: fc.boolean(),
    digest: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    digestBefore: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    payload: fc.uint8Array({ maxLength: 300 }),
  })
}

test('the head of an entry says what the whole entry says, at any offset', () => {
  console.log(`seed ${SEED}`)
  fc.assert(
    fc.property(fc.array(entries(), { minLength: 1, maxLength: 5 }), (all) => {
      const run = Buffer.concat(all.map((entry) => encodeEntry(entry)))
      let offset = 0
      for (const _ of all) {
        const { position, committedAt, byteLength } = decodeEntry(run, offset)!
        expect(decodeEntryHead(run, offset)).toEqual({ sequence: position.sequence, committedAt, byteLength })
        offset += byteLength
      }
      expect(offset).toBe(run.byteLength)
    }),
    { seed: SEED },
  )
})

test('an entry that is cut short has no head', () => {
  fc.assert(
    fc.property(entries(), fc.nat(), (entry, cut) => {
      const whole = encodeEntry(entry)
      expect(decodeEntryHead(whole.subarray(0, cut % whole.byteLength), 0)).toBeUndefined()
    }),
    { seed: SEED },
  )
})

test('other bytes are told from entries', () => {
  expect(() => decodeEntryHead(new Uint8Array(100), 0)).toThrow(StemmaError)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      if (bytes.byteLength > 1) bytes.set([0x53, 0x74])
      try {
        const head = decodeEntryHead(bytes, 0)
        if (head !== undefined) expect(head.byteLength).toBeLessThanOrEqual(bytes.byteLength)
      } catch (error) {
        expect(StemmaError.is(error, 'DAMAGED_ENTRY')).toBe(true)
      }
    }),
    { seed: SEED },
  )
})
