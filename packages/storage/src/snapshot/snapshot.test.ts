import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StemmaError, pageSum } from '@stemma/base'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { nodeDisk, type Disk } from '../disk/disk.ts'
import { PageSums } from '../page-sums.ts'
import { openSnapshot, type Snapshot, type SnapshotOptions } from './snapshot.ts'

const SEED = Date.now() % 1_000_000

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stemma-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** A database in memory whose commits tell snapshots before they count. */
class SampleDatabase {
  readonly pageSize = 512
  pages: Uint8Array[] = []
  readonly sums = new PageSums()
  readonly snapshots = new Set<Snapshot>()
  #version = 0

  constructor(pageCount: number) {
    this.commit(
      Array.from({ length: pageCount }, (_, i) => i + 1),
      pageCount,
    )
  }

  commit(pageNumbers: readonly number[], pageCount: number): void {
    this.#version++
    const grown = Array.from({ length: Math.max(0, pageCount - this.pages.length) }, (_, i) => this.pages.length + 1 + i)
    const changed = new Set([...pageNumbers.filter((pageNumber) => pageNumber <= pageCount), ...grown])
    const gone = Array.from({ length: Math.max(0, this.pages.length - pageCount) }, (_, i) => pageCount + 1 + i)
    for (const pageNumber of [...changed, ...gone]) {
      const before = this.pages[pageNumber - 1]
      if (before !== undefined) for (const snapshot of this.snapshots) snapshot.beforeChange(pageNumber, before)
    }
    this.pages.length = pageCount
    this.sums.setPageCount(pageCount)
    for (const pageNumber of changed) {
      const page = new Uint8Array(this.pageSize).fill(pageNumber * 31 + this.#version * 7)
      this.pages[pageNumber - 1] = page
      this.sums.set(pageNumber, pageSum(pageNumber, page))
    }
  }

  snapshot(options: Partial<SnapshotOptions> = {}): Snapshot {
    const place = {
      position: { epoch: 1, sequence: 1 },
      digest: this.sums.digest,
      pageSize: this.pageSize,
      pageCount: this.pages.length,
      wal: undefined,
    }
    const readPages = (first: number, count: number, into: Uint8Array): void => {
      into.fill(0)
      for (let i = 0; i < count; i++) into.set(this.pages[first - 1 + i] ?? new Uint8Array(this.pageSize), i * this.pageSize)
    }
    const snapshot = openSnapshot({ place, sums: this.sums, readPages, spillFolder: folder, disk: nodeDisk, ...options })
    this.snapshots.add(snapshot)
    return snapshot
  }
}

test('a snapshot is the database at its position, whatever is committed while it is read', () => {
  console.log(`seed ${SEED}`)
  const commit = fc.record({
    pages: fc.array(fc.integer({ min: 1, max: 80 }), { maxLength: 30 }),
    pageCount: fc.integer({ min: 1, max: 80 }),
    read: fc.integer({ min: 0, max: 20 }),
    have: fc.boolean(),
  })
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.array(commit, { maxLength: 20 }),
      fc.integer({ min: 0, max: 6 }),
      (pageCount, steps, inMemory) => {
        const database = new SampleDatabase(pageCount)
        const wanted = Buffer.concat(database.pages)
        const sums = database.sums.copy()
        const snapshot = database.snapshot({ memoryLimit: inMemory * 512, keptBehind: 0 })
        const got: Uint8Array[] = []
        let next = 1
        for (const { pages, pageCount: count, read, have } of [...steps, { pages: [], pageCount: 1, read: 1_000, have: false }]) {
          database.commit(pages, count)
          const n = Math.min(read, pageCount - next + 1)
          if (n < 1) continue
          if (!have) {
            got.push(snapshot.read({ first: next, count: n }).bytes)
          } else {
            // Of every other page the asker has what the snapshot holds; of the rest something else.
            const known = sums.bytes(next, n)
            for (let i = 0; i < n; i += 2) known[i * 8]! ^= 1
            const { leftOut, bytes } = snapshot.read({ first: next, count: n, have: known })
            let at = 0
            for (let i = 0; i < n; i++) {
              const isLeftOut = ((leftOut[i >> 3] ?? 0) & (1 << (i & 7))) !== 0
              expect(isLeftOut).toBe(i % 2 === 1)
              got.push(isLeftOut ? wanted.subarray((next - 1 + i) * 512, (next + i) * 512) : bytes.subarray(at, (at += 512)))
            }
            expect(at).toBe(bytes.byteLength)
          }
          next += n
        }
        expect(Buffer.concat(got)).toEqual(wanted)
        snapshot.close()
        expect(readdirSync(folder)).toEqual([])
      },
    ),
    { seed: SEED, numRuns: 200 },
  )
})

test('pages that were sent are let go, and may be asked for again only for a while', () => {
  const database = new SampleDatabase(40)
  const snapshot = database.snapshot({ keptBehind: 10 * 512 })
  database.commit([1, 2, 20, 40], 40)
  expect(snapshot.pagesKept).toBe(4)
  snapshot.read({ first: 21, count: 5 })
  expect(snapshot.pagesKept).toBe(2)
  snapshot.read({ first: 11, count: 5 })
  expect(codeOf(() => snapshot.read({ first: 10, count: 5 }))).toBe('SNAPSHOT_EXPIRED')
  database.commit([1, 10], 40)
  expect(snapshot.pagesKept).toBe(2)
  // The others are still to be had.
  snapshot.read({ first: 26, count: 15 })
})

test.each<[string, (database: SampleDatabase, snapshot: Snapshot) => void]>([
  ['a page changed and nobody knows what it was', (_database, snapshot) => snapshot.beforeChange(7, undefined)],
  ['more pages changed than there is room for', (database) => database.commit([1, 2, 3, 4, 5, 6, 7, 8, 9], 40)],
  ['it is told so', (_database, snapshot) => snapshot.expire('the database was restored')],
])('a snapshot expires when %s', (_name, happen) => {
  const database = new SampleDatabase(40)
  let told: unknown
  const snapshot = database.snapshot({ memoryLimit: 4 * 512, fileLimit: 4 * 512, onExpired: (error) => (told = error) })
  happen(database, snapshot)
  expect(StemmaError.is(told, 'SNAPSHOT_EXPIRED')).toBe(true)
  expect(codeOf(() => snapshot.read({ first: 1, count: 1 }))).toBe('SNAPSHOT_EXPIRED')
  database.commit([11, 12], 40)
  snapshot.close()
})

test('a change of a page that nobody knows matters no more once it was sent', () => {
  const database = new SampleDatabase(40)
  const snapshot = database.snapshot({ keptBehind: 0 })
  snapshot.read({ first: 1, count: 10 })
  snapshot.read({ first: 11, count: 10 })
  snapshot.beforeChange(7, undefined)
  snapshot.beforeChange(41, undefined)
  snapshot.read({ first: 21, count: 20 })
})

test.each(['open', 'write', 'remove', 'read'] as const)('a failing disk (%s) ends the snapshot, never the commit', (call) => {
  const failing: Disk = {
    ...nodeDisk,
    [call]: () => {
      throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
    },
  }
  const database = new SampleDatabase(40)
  const snapshot = database.snapshot({ memoryLimit: 0, disk: failing })
  database.commit([3], 40)
  expect(codeOf(() => snapshot.read({ first: 1, count: 10 }))).toBe('SNAPSHOT_EXPIRED')
})

test.each([
  ['page 0', 0, 1],
  ['no pages', 1, 0],
  ['pages beyond its end', 40, 2],
  ['half a page', 1.5, 1],
  ['nothing at all', Number.NaN, Number.NaN],
])('refuses to read %s, and goes on', (_name, first, count) => {
  const snapshot = new SampleDatabase(40).snapshot()
  expect(codeOf(() => snapshot.read({ first, count }))).toBe('BAD_ARGUMENT')
  expect(snapshot.read({ first: 1, count: 40 }).bytes.byteLength).toBe(40 * 512)
})

test('refuses to read more than 16 MiB at once', () => {
  const snapshot = new SampleDatabase(16 * 2048 + 1).snapshot()
  expect(codeOf(() => snapshot.read({ first: 1, count: 16 * 2048 + 1 }))).toBe('BAD_ARGUMENT')
  expect(snapshot.read({ first: 1, count: 16 * 2048 }).leftOut.byteLength).toBe(0)
})

test('the page that holds the byte at 1 GiB is always left out', () => {
  const lockBytePage = 2 ** 30 / 65_536 + 1
  const pageCount = lockBytePage + 2
  const sums = new PageSums()
  sums.setPageCount(pageCount)
  const place = { position: { epoch: 1, sequence: 1 }, digest: 0n, pageSize: 65_536, pageCount, wal: undefined }
  const readPages = (first: number, count: number, into: Uint8Array): void => {
    for (let i = 0; i < count; i++) into.fill(first + i, i * 65_536, (i + 1) * 65_536)
  }
  const snapshot = openSnapshot({ place, sums, readPages, spillFolder: folder, disk: nodeDisk })
  const { leftOut, bytes } = snapshot.read({ first: lockBytePage - 2, count: 5 })
  expect([...leftOut]).toEqual([0b00100])
  expect(bytes.byteLength).toBe(4 * 65_536)
  const firsts = [0, 1, 2, 3].map((i) => bytes[i * 65_536])
  expect(firsts).toEqual(
    [lockBytePage - 2, lockBytePage - 1, lockBytePage + 1, lockBytePage + 2].map((pageNumber) => pageNumber & 0xff),
  )
  expect([...snapshot.read({ first: lockBytePage, count: 1 }).leftOut]).toEqual([1])
})

function codeOf(work: () => void): string {
  try {
    work()
    return 'none'
  } catch (error) {
    return StemmaError.is(error) ? error.code : String(error)
  }
}
