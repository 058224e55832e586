import { StemmaError } from '@stemma/base'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HOST_ORDER, setHostUint32At } from './host-order.ts'
import { WalChecksum } from './wal-checksum.ts'
import {
  WAL_INDEX_BLOCK_SIZE,
  WalIndexBlock,
  firstFrameOf,
  lastFrameOf,
  pageNumberOffset,
  slotOffset,
} from './wal-index-block.ts'
import { decodeWalIndexHeader, encodeWalIndexHeader, type WalIndexHeader } from './wal-index-header.ts'

const SEED = Number(globalThis.process?.env?.['SEED'] ?? 1)

const HEADER: WalIndexHeader = {
  changeCounter: 9,
  wordOrder: 'little',
  pageSize: 4096,
  lastFrame: 3,
  pageCount: 2,
  checksum1: 1,
  checksum2: 2,
  salt1: 3,
  salt2: 4,
}

test(`wal-index headers come back as they were (seed ${SEED})`, () => {
  const word = fc.integer({ min: 0, max: 0xffffffff })
  const headers = fc.record<WalIndexHeader>({
    changeCounter: word,
    wordOrder: fc.constantFrom('little', 'big'),
    pageSize: fc.constantFrom(0, 512, 1024, 4096, 32_768, 65_536),
    lastFrame: word,
    pageCount: word,
    checksum1: word,
    checksum2: word,
    salt1: word,
    salt2: word,
  })
  fc.assert(
    fc.property(headers, (header) => {
      expect(decodeWalIndexHeader(twice(encodeWalIndexHeader(header)))).toEqual({ kind: 'header', header })
    }),
    { seed: SEED, numRuns: 300 },
  )
})

test.each<[string, (bytes: Uint8Array) => Uint8Array, string]>([
  ['two sound copies', (bytes) => bytes, 'header'],
  ['a file that is too short', (bytes) => bytes.subarray(0, 95), 'empty'],
  ['a file of zeros', (bytes) => bytes.fill(0), 'empty'],
  ['copies that differ', (bytes) => bytes.fill(bytes[16]! + 1, 16, 17), 'torn'],
  ['both copies with the same wrong checksum', (bytes) => twice(changed(bytes, 16)), 'torn'],
  ['not initialised', (bytes) => twice(changed(bytes, 12, 0)), 'empty'],
  ['another version, with its checksum', (bytes) => twice(resealed(changed(bytes, 0))), 'WAL_VERSION'],
  ['a page size that is none, with its checksum', (bytes) => twice(resealed(changed(bytes, 15, 6))), 'torn'],
])('%s', (_name, change, want) => {
  expect(show(change(twice(encodeWalIndexHeader(HEADER))))).toBe(want)
})

test(`a block tells of every page its last frame, whatever was left over in it (seed ${SEED})`, () => {
  const runs = fc.array(
    fc.record({ pages: fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 30 }), keep: fc.nat({ max: 30 }) }),
    {
      maxLength: 8,
    },
  )
  fc.assert(
    fc.property(fc.nat({ max: 2 }), runs, (number, transactions) => {
      const block = new WalIndexBlock(new Uint8Array(WAL_INDEX_BLOCK_SIZE).fill(0x5a), number)
      const first = firstFrameOf(number)
      let committed: number[] = []
      for (const { pages, keep } of transactions) {
        // The writer adds some frames, and all but `keep` of them are rolled back, or it dies: nothing is cleaned up.
        for (const [i, page] of pages.entries()) block.append(first + committed.length + i, page)
        committed = [...committed, ...pages.slice(0, keep)]
        const range = { firstFrame: first, lastFrame: first + committed.length - 1 }
        for (let page = 1; page <= 41 && committed.length > 0; page++) {
          const at = committed.lastIndexOf(page)
          expect(block.find(page, range)).toBe(at === -1 ? 0 : first + at)
        }
      }
      expect(committed.map((_page, i) => block.pageOf(first + i))).toEqual(committed)
    }),
    { seed: SEED, numRuns: 60 },
  )
})

test('a full block is searched to its end, and no frame is taken for one outside the range', () => {
  const block = new WalIndexBlock(new Uint8Array(WAL_INDEX_BLOCK_SIZE), 1)
  for (let frame = firstFrameOf(1); frame <= lastFrameOf(1); frame++) block.append(frame, 5)
  expect(block.find(5, { firstFrame: 1, lastFrame: 1e9 })).toBe(lastFrameOf(1))
  expect(block.find(5, { firstFrame: 1, lastFrame: firstFrameOf(1) + 9 })).toBe(firstFrameOf(1) + 9)
  expect(block.find(5, { firstFrame: lastFrameOf(1) + 1, lastFrame: 1e9 })).toBe(0)
  expect(block.find(5 + 8192, { firstFrame: 1, lastFrame: 1e9 })).toBe(0)
})

test('a damaged hash table without a free slot does not hang', () => {
  const bytes = new Uint8Array(WAL_INDEX_BLOCK_SIZE).fill(0xff)
  const block = new WalIndexBlock(bytes, 1)
  expect(() => block.find(5, { firstFrame: 1, lastFrame: 1e9 })).toThrow(StemmaError)
  bytes.fill(0, 0, 16_384)
  expect(() => block.append(firstFrameOf(1) + 7, 5)).toThrow(StemmaError)
})

test.each([
  [1, 136],
  [4062, 16_380],
  [4063, 32_768],
  [8158, 49_148],
  [8159, 65_536],
])('the page number of frame %i is at byte %i', (frame, offset) => {
  expect(pageNumberOffset(frame)).toBe(offset)
})

test('slots lie in the second half of a block', () => {
  expect([slotOffset(0, 0), slotOffset(1, 8191)]).toEqual([16_384, 65_534])
})

function twice(bytes: Uint8Array): Uint8Array {
  const both = new Uint8Array(136)
  both.set(bytes.subarray(0, 48))
  both.set(bytes.subarray(0, 48), 48)
  return both
}

function changed(bytes: Uint8Array, at: number, to: number = bytes[at]! + 1): Uint8Array {
  bytes[at] = to
  return bytes
}

function resealed(bytes: Uint8Array): Uint8Array {
  const sum = new WalChecksum()
  sum.add(bytes, HOST_ORDER, 0, 40)
  setHostUint32At(bytes, 40, sum.checksum1)
  setHostUint32At(bytes, 44, sum.checksum2)
  return bytes
}

function show(bytes: Uint8Array): string {
  try {
    return decodeWalIndexHeader(bytes).kind
  } catch (error) {
    if (StemmaError.is(error)) return error.code
    throw error
  }
}
