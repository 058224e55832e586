import { StemmaError } from '@stemma/base'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeEntryHead } from './entry-head.ts'
import { decodeEntry, encodeEntry, type Entry } from './entry.ts'

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
process.stdout.write(`seed ${SEED}\n`)

const SAMPLE: Entry = {
  format: 'wal',
  formatVersion: 1,
  position: { epoch: 1, sequence: 1_000_000 },
  committedAt: 1_790_000_000_000,
  recovered: false,
  barrier: false,
  digest: 0x0102030405060708n,
  digestBefore: 0xf0e0d0c0b0a09080n,
  payload: Uint8Array.of(1, 2, 3),
}

const anyEntry: fc.Arbitrary<Entry> = fc.record({
  format: fc.stringMatching(/^[a-z0-9-]{1,32}$/),
  formatVersion: fc.integer({ min: 1, max: 1000 }),
  position: fc.record({ epoch: fc.integer({ min: 1, max: 2 ** 32 }), sequence: fc.maxSafeNat() }),
  committedAt: fc.maxSafeNat(),
  recovered: fc.boolean(),
  barrier: fc.boolean(),
  digest: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  digestBefore: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  payload: fc.uint8Array({ maxLength: 300 }),
})

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.byteLength
  }
  return bytes
}

test('the envelope of a one-row commit takes 40 bytes', () => {
  expect(encodeEntry(SAMPLE).byteLength - SAMPLE.payload.byteLength).toBe(40)
})

test('entries of a run come out as they went in, each where it stands', () => {
  fc.assert(
    fc.property(fc.array(anyEntry, { minLength: 1, maxLength: 5 }), fc.uint8Array({ maxLength: 9 }), (entries, before) => {
      const encoded = entries.map(encodeEntry)
      const run = concat([before, ...encoded])
      let offset = before.byteLength
      for (const [i, entry] of entries.entries()) {
        const decoded = decodeEntry(run, offset)!
        expect(decoded).toEqual({ ...entry, byteLength: encoded[i]!.byteLength })
        expect(decodeEntryHead(run, offset)).toEqual({
          sequence: entry.position.sequence,
          committedAt: entry.committedAt,
          byteLength: decoded.byteLength,
        })
        offset += decoded.byteLength
      }
      expect(decodeEntry(run, offset)).toBeUndefined()
    }),
    { seed: SEED },
  )
})

test('an entry that was cut short is not there yet', () => {
  const whole = encodeEntry(SAMPLE)
  for (let length = 0; length < whole.byteLength; length++) {
    expect(decodeEntry(whole.subarray(0, length), 0)).toBeUndefined()
    expect(decodeEntryHead(whole.subarray(0, length), 0)).toBeUndefined()
  }
})

test('no bit of an entry can flip unnoticed', () => {
  const whole = encodeEntry(SAMPLE)
  for (let bit = 0; bit < whole.byteLength * 8; bit++) {
    const damaged = whole.slice()
    damaged[bit >> 3]! ^= 1 << (bit & 7)
    // A length that grew makes it look cut short; whoever reads then waits for bytes, or finds the file's end.
    const outcome = outcomeOf(() => decodeEntry(damaged, 0) ?? 'short')
    expect(['short', 'DAMAGED_ENTRY', 'ENVELOPE_VERSION']).toContain(outcome)
  }
})

test('any bytes at all are refused without harm', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.boolean(), fc.nat(130), (junk, withMagic, offset) => {
      const bytes = withMagic ? concat([Uint8Array.of(0x53, 0x74, 1, 0), junk]) : junk
      for (const decode of [decodeEntry, decodeEntryHead]) {
        const outcome = outcomeOf(() => decode(bytes, withMagic ? 0 : offset) ?? 'short')
        expect(['short', 'read', 'DAMAGED_ENTRY', 'ENVELOPE_VERSION']).toContain(outcome)
      }
    }),
    { seed: SEED, numRuns: 500 },
  )
})

test.each<[string, (bytes: Uint8Array) => void, string]>([
  ['of a newer envelope', (bytes) => (bytes[2] = 2), 'ENVELOPE_VERSION'],
  ['with flags that are not known', (bytes) => (bytes[3] = 4), 'DAMAGED_ENTRY'],
  ['without a name', (bytes) => (bytes[4] = 0), 'DAMAGED_ENTRY'],
  ['with a name of 33 letters', (bytes) => (bytes[4] = 33), 'DAMAGED_ENTRY'],
  ['that begins with other bytes', (bytes) => (bytes[0] = 0x73), 'DAMAGED_ENTRY'],
])('an entry %s is refused', (_name, spoil, code) => {
  const bytes = encodeEntry(SAMPLE)
  spoil(bytes)
  expect(() => decodeEntry(bytes, 0)).toThrow(expect.objectContaining({ code }))
})

test('an entry that says it is larger than any may be is refused before anything is set aside for it', () => {
  const bytes = concat([encodeEntry({ ...SAMPLE, payload: new Uint8Array(0) }), new Uint8Array(8)])
  const lengthAt = bytes.byteLength - 8 - 4 - 1
  bytes.set([0xff, 0xff, 0xff, 0xff, 0x7f], lengthAt)
  expect(() => decodeEntry(bytes, 0)).toThrow(expect.objectContaining({ code: 'DAMAGED_ENTRY' }))
})

function outcomeOf(call: () => unknown): string {
  try {
    return call() === 'short' ? 'short' : 'read'
  } catch (error) {
    return StemmaError.is(error) ? error.code : String(error)
  }
}
