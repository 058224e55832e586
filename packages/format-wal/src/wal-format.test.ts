import { StemmaError } from '@stemma/base'
import { writeVarint } from '@stemma/log'
import fc from 'fast-check'
import { zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { Copy, newCommit, type PagePair } from '../test/commit.ts'
import { walFormat } from './index.ts'

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
process.stdout.write(`seed ${SEED}\n`)

const PAGE_SIZES = [512, 1024, 4096, 65536]

type Edit =
  | { readonly kind: 'put'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'shift'; readonly at: number; readonly length: number; readonly by: number }
  | { readonly kind: 'ladder'; readonly at: number; readonly count: number; readonly step: number }
  | { readonly kind: 'scramble'; readonly piece: number }
  | { readonly kind: 'cell'; readonly index: number; readonly place: number | undefined }
  | { readonly kind: 'zero'; readonly at: number; readonly length: number }

const share = fc.integer({ min: 0, max: 65535 })
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), at: share, bytes: fc.uint8Array({ minLength: 1, maxLength: 200 }) }),
  fc.record({ kind: fc.constant('shift' as const), at: share, length: share, by: fc.integer({ min: -40, max: 40 }) }),
  fc.record({ kind: fc.constant('ladder' as const), at: share, count: fc.integer({ min: 2, max: 300 }), step: fc.integer() }),
  fc.record({ kind: fc.constant('cell' as const), index: share, place: fc.option(share, { nil: undefined }) }),
  fc.record({ kind: fc.constant('cell' as const), index: fc.nat(9), place: fc.option(fc.nat(9), { nil: undefined }) }),
  fc.record({ kind: fc.constant('scramble' as const), piece: fc.integer({ min: 5, max: 120 }) }),
  fc.record({ kind: fc.constant('zero' as const), at: share, length: share }),
)
const page = fc.record({
  start: fc.constantFrom('noise', 'text', 'zeros', 'leaf', 'absent'),
  /** Two pages of one commit may have started out the same. */
  seed: fc.integer({ min: 1, max: 3 }),
  edits: fc.array(edit, { maxLength: 8 }),
  unaligned: fc.boolean(),
})
const commit = fc.record({ pageSize: fc.constantFrom(...PAGE_SIZES), pages: fc.array(page, { minLength: 1, maxLength: 5 }) })

function build(pageSize: number, pages: readonly (typeof page extends fc.Arbitrary<infer T> ? T : never)[]): PagePair[] {
  return pages.map(({ start, seed, edits, unaligned }, index) => {
    const before = start === 'absent' ? undefined : firstPage(pageSize, start, seed)
    const after = (before ?? firstPage(pageSize, 'text', seed)).slice()
    for (const each of edits) make(after, each)
    return {
      pageNumber: 1 + index * 200,
      before: before && (unaligned ? askew(before) : before),
      after: unaligned ? askew(after) : after,
    }
  })
}

function firstPage(size: number, start: string, seed: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let state = seed
  for (let i = 0; i < size && start !== 'zeros'; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[i] = start === 'noise' ? state >>> 24 : 97 + ((state >>> 24) % 6)
  }
  if (start === 'leaf') bytes.set([10, 0, 0, 0, 100, 1, 0, 0])
  return bytes
}

function make(after: Uint8Array, change: Edit): void {
  const size = after.byteLength
  const at = 'at' in change ? change.at % size : 0
  if (change.kind === 'put') after.set(change.bytes.subarray(0, size - at), at)
  else if (change.kind === 'shift') after.copyWithin(Math.max(0, at + change.by), at, at + (change.length % size))
  else if (change.kind === 'zero') after.fill(0, at, at + (change.length % size))
  else if (change.kind === 'cell') spliceCells(after, change.index, change.place)
  else if (change.kind === 'ladder') {
    for (let i = 0; i < change.count && at + 2 * i + 1 < size; i++) {
      const value = 1000 + i * change.step
      after[at + 2 * i] = value >>> 8
      after[at + 2 * i + 1] = value
    }
  } else {
    const was = after.slice()
    const pieces = Math.floor(size / change.piece)
    for (let i = 0; i < pieces; i++) {
      after.set(
        was.subarray(((i * 7 + 3) % pieces) * change.piece, (((i * 7 + 3) % pieces) + 1) * change.piece),
        i * change.piece,
      )
    }
  }
}

/** Puts the place of a cell into the array at the begin of a leaf, or takes one out, as SQLite does. */
function spliceCells(page: Uint8Array, index: number, place: number | undefined): void {
  const cells = (page[3]! << 8) | page[4]!
  if (page[0] !== 10 || cells < 2 || cells > 120) return
  const at = 8 + 2 * (index % cells)
  const end = 8 + 2 * cells
  if (place === undefined) page.copyWithin(at, at + 2, end)
  else {
    page.copyWithin(at + 2, at, end)
    page[at] = place >>> 8
    page[at + 1] = place
  }
  page[4] = cells + (place === undefined ? -1 : 1)
}

function outcomeOf(call: () => void): string {
  try {
    call()
    return 'fine'
  } catch (error) {
    return StemmaError.is(error) ? error.code : String(error)
  }
}

/** The same bytes at an odd place of a larger buffer. */
function askew(bytes: Uint8Array): Uint8Array {
  const larger = new Uint8Array(bytes.byteLength + 3)
  larger.set(bytes, 3)
  return larger.subarray(3)
}

test('whatever changes in a page comes out again', () => {
  fc.assert(
    fc.property(commit, ({ pageSize, pages }) => {
      const pairs = build(pageSize, pages)
      const payload = walFormat.encode(newCommit(pageSize, 2000, pairs))
      const copy = new Copy(pageSize, pairs)
      walFormat.apply(payload, 1, copy)
      expect(copy.pageCount).toBe(2000)
      for (const { pageNumber, after } of pairs) expect(Buffer.compare(copy.page(pageNumber), after)).toBe(0)
      expect([...copy.expected.keys()].sort((a, b) => a - b)).toEqual(pairs.map((pair) => pair.pageNumber))
      expect(copy.wrongPages()).toEqual([])
      expect(payload.byteLength).toBeLessThanOrEqual(pairs.length * (pageSize + 16) + 16)
      walFormat.describe(payload, 1)
    }),
    { seed: SEED, numRuns: 300 },
  )
})

test('a damaged payload is refused, or what comes of it is noticed by the sums', () => {
  const damage = fc.record({ at: fc.nat(), flip: fc.integer({ min: 1, max: 255 }), cut: fc.boolean() })
  fc.assert(
    fc.property(commit, fc.array(damage, { minLength: 1, maxLength: 3 }), ({ pageSize, pages }, damages) => {
      const pairs = build(pageSize, pages)
      let payload = walFormat.encode(newCommit(pageSize, 2000, pairs))
      for (const { at, flip, cut } of damages) {
        if (cut) payload = payload.slice(0, at % (payload.byteLength + 1))
        else if (payload.byteLength > 0) payload[at % payload.byteLength]! ^= flip
      }
      const copy = new Copy(pageSize, pairs)
      const outcome = outcomeOf(() => walFormat.apply(payload, 1, copy))
      expect(['fine', 'DAMAGED_ENTRY']).toContain(outcome)
      if (outcome !== 'fine') return
      // Left alone by the damage, or wrong in a way that shows: every page it touched has a sum that was checked.
      for (const pageNumber of copy.pages.keys()) {
        const pair = pairs.find((each) => each.pageNumber === pageNumber)
        const same = Buffer.compare(copy.page(pageNumber), pair?.after ?? new Uint8Array(pageSize)) === 0
        if (copy.expected.has(pageNumber) && copy.wrongPages().includes(pageNumber)) continue
        const untouched = pair?.before !== undefined && Buffer.compare(copy.page(pageNumber), pair.before) === 0
        expect(same || untouched).toBe(true)
      }
    }),
    { seed: SEED, numRuns: 500 },
  )
})

test('any bytes at all are refused without harm', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0, max: 7 }), (bytes, logarithm) => {
      const payload = Uint8Array.of(logarithm, ...bytes)
      expect(['fine', 'DAMAGED_ENTRY']).toContain(outcomeOf(() => walFormat.apply(payload, 1, new Copy(512 << logarithm))))
    }),
    { seed: SEED, numRuns: 1000 },
  )
})

/** A payload of 512-byte pages: page count 9, then these bytes. */
const payload = (...bytes: number[]): Uint8Array => Uint8Array.of(0, 9, ...bytes)
const END = 0xc0
const SUM = [0, 0, 0, 0]

test.each<[string, Uint8Array]>([
  ['no bytes', new Uint8Array(0)],
  ['unknown flags', Uint8Array.of(0x20, 9)],
  ['pages of another size', Uint8Array.of(3, 9)],
  ['a database of no pages', Uint8Array.of(0, 0)],
  ['a database of more pages than SQLite can have', Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)],
  ['page 0', payload(0, 1, END, ...SUM, 0)],
  ['a page beyond the last', payload(0, 10 * 4, END, ...SUM, 0)],
  ['more lenders than there may be', payload(57)],
  ['a lender that is none of the pages', payload(1, 3, 4, END, ...SUM, 0)],
  ['an operation that does not exist', payload(0, 4, 0xc4, END, ...SUM, 0)],
  ['a run beyond the end of the page', payload(0, 4, 0x3f, 0xff, END, ...SUM, 0)],
  ['a run without its second byte', payload(0, 4, 0x28)],
  ['a literal beyond the end of the payload', payload(0, 4, 0x41, 7)],
  ['a move in a page that says it has none', payload(0, 4, 0x80, 4, END, ...SUM, 0)],
  ['a move from before the page', payload(0, 5, 0x80, 1, END, ...SUM, 0)],
  ['a move from behind the page', payload(0, 5, 0x80, 0x80, 8, END, ...SUM, 0)],
  ['a loan from nobody', payload(0, 4, 0xc8, 0, 0, END, ...SUM, 0)],
  ['a loan from behind the lender', payload(1, 1, 4, 0xc8, 10, 0x80, 4, END, ...SUM, 0)],
  ['a ladder beyond the end of the page', payload(0, 4, 0xc1, 0x81, 2, 0, 0, 0, END, ...SUM, 0)],
  ['a piece put in that pushes others beyond the end of the page', payload(0, 4, 0xc2, 2, 0xff, 3, 7, 7, END, ...SUM, 0)],
  ['a piece put in that is not there', payload(0, 4, 0xc2, 2, 4, 7)],
  ['a piece put in that is too large', payload(0, 4, 0xc2, 5, 0, 7, 7, 7, 7, 7, END, ...SUM, 0)],
  ['a piece taken out with more behind it than the page has', payload(0, 4, 0xc3, 2, 0xff, 3, END, ...SUM, 0)],
  ['more pieces taken out than may be', payload(0, 4, ...Array.from({ length: 33 }, () => [0xc3, 2, 4]).flat(), END, ...SUM, 0)],
  ['no end of a page', payload(0, 4, 0x00)],
  ['no sum', payload(0, 4, END, 0, 0)],
  ['no end of the pages', payload(0, 4, END, ...SUM)],
  ['a raw page cut short', payload(0, 7, 1, 2, 3)],
])('%s is refused', (_name, bytes) => {
  expect(() => walFormat.apply(bytes, 1, new Copy(512))).toThrow(expect.objectContaining({ code: 'DAMAGED_ENTRY' }))
})

test('pieces are put in and taken out in place', () => {
  const copy = new Copy(512)
  copy.page(1).set([1, 2, 3, 4, 5, 6, 7, 8])
  walFormat.apply(payload(0, 4, 0x00, 0xc2, 2, 3, 90, 91, 0x00, 0xc3, 1, 2, END, ...SUM, 0), 1, copy)
  expect([...copy.page(1).subarray(0, 9)]).toEqual([1, 90, 91, 2, 4, 7, 7, 8, 0])
})

test('a version from the future is refused', () => {
  expect(() => walFormat.apply(payload(0, 0), 2, new Copy(512))).toThrow(expect.objectContaining({ code: 'DAMAGED_ENTRY' }))
})

/** A compressed payload that says how long its body is. */
function compressed(body: Uint8Array, says: number): Uint8Array {
  const packed = zstdCompressSync(body)
  const bytes = new Uint8Array(9 + packed.byteLength)
  bytes[0] = 0x10
  const at = writeVarint(bytes, 1, says)
  bytes.set(packed, at)
  return bytes.subarray(0, at + packed.byteLength)
}

test.each<[string, number, number]>([
  ['more comes out than it says', 64 * 1024 * 1024, 1000],
  ['less comes out than it says', 1000, 2000],
  ['it says more than an entry can hold', 1000, 2 ** 40],
  ['it says nothing comes out', 0, 0],
])('a compressed body is refused when %s', (_name, length, says) => {
  const bomb = compressed(new Uint8Array(length), says)
  expect(() => walFormat.apply(bomb, 1, new Copy(512))).toThrow(expect.objectContaining({ code: 'DAMAGED_ENTRY' }))
})

test('a large commit that compresses is compressed, and a large one that does not is left as it is', () => {
  const text = Array.from({ length: 50 }, (_, i) => ({
    pageNumber: i + 1,
    before: undefined,
    after: firstPage(4096, 'text', i + 1),
  }))
  const noise = text.map((pair) => ({ ...pair, after: firstPage(4096, 'noise', pair.pageNumber) }))
  const small = walFormat.encode(newCommit(4096, 50, text))
  const large = walFormat.encode(newCommit(4096, 50, noise))
  expect(small.byteLength).toBeLessThan(50 * 4096 * 0.6)
  expect(large.byteLength).toBeLessThan(50 * 4096 + 50 * 8 + 16)
  expect(walFormat.describe(small, 1).summary).toContain('compressed')
  for (const [bytes, pairs] of [
    [small, text],
    [large, noise],
  ] as const) {
    const copy = new Copy(4096)
    walFormat.apply(bytes, 1, copy)
    expect(copy.wrongPages()).toEqual([])
    expect(copy.expected.size).toBe(pairs.length)
  }
})

test('people are told which bytes of which pages an entry writes', () => {
  const before = firstPage(4096, 'text', 1)
  const after = before.slice()
  after.set([1, 2, 3], 700)
  const { summary, details } = walFormat.describe(walFormat.encode(newCommit(4096, 12, [{ pageNumber: 7, before, after }])), 1)
  expect(summary).toBe('1 page, 16 bytes')
  expect(details).toEqual(['page 7: 3 bytes written at 700..702; takes 7 bytes', 'the database then has 12 pages of 4096 bytes'])
})
