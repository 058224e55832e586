import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StemmaError } from '@stemma/base'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { SampleLog } from '../../test/sample-log.ts'
import { nodeDisk } from '../disk/disk.ts'
import { betterSqlite3 } from '../sqlite/better-sqlite3.ts'
import type { LogStore } from './log-store.ts'
import { openLogStore } from './open-log-store.ts'

const FOREVER = { maxBytes: Infinity, maxAge: Infinity, unneededBytes: Infinity }
const SEED = Date.now() % 1_000_000

let folder: string
let database: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  database = join(folder, 'shop.db')
})
afterEach(() => rmSync(folder, { recursive: true }))

function open(options: { readonly readOnly?: boolean } = {}): LogStore {
  return openLogStore({ database, driver: betterSqlite3, disk: nodeDisk, waitingBytesMin: 240, ...options })
}

/** All entries of a format after a sequence, by reads of at most `maxBytes`. */
function readAll(
  store: LogStore,
  format: string,
  after: number,
  maxBytes: number,
): { readonly bytes: Uint8Array; readonly reads: number } {
  const parts: Uint8Array[] = []
  for (let at = after; ;) {
    const read = store.read({ format, after: at, maxBytes })
    if (read.kind !== 'run') return { bytes: Buffer.concat(parts), reads: parts.length }
    expect(read.run.first).toBe(at + 1)
    parts.push(read.run.bytes)
    at = read.run.last
  }
}

function expectHolds(store: LogStore, log: SampleLog, maxBytes = 100): void {
  expect(store.readPlace()).toEqual(log.place)
  const sums = store.readSums()
  expect(sums.digest).toBe(log.sums.digest)
  expect(Buffer.from(sums.bytes(1, sums.pageCount))).toEqual(Buffer.from(log.sums.bytes(1, log.sums.pageCount)))
  for (const [format, entries] of log.entries) {
    const after = (entries[0]?.sequence ?? log.sequence + 1) - 1
    expect(Buffer.from(readAll(store, format, after, maxBytes).bytes)).toEqual(Buffer.concat(entries.map((entry) => entry.bytes)))
    for (const { sequence } of entries.slice(-3)) expect(store.entryAt(format, sequence)?.position.sequence).toBe(sequence)
  }
}

test('a new log has ids, an epoch and nothing else, in files that only the owner can read', () => {
  using store = closing(open())
  expect(store.cluster).toMatch(/^[0-9a-f]{32}$/)
  expect(store.node).toMatch(/^[0-9a-f]{32}$/)
  expect(store.node).not.toBe(store.cluster)
  expect(store.epoch).toBe(1)
  expect(store.readPlace()).toBeUndefined()
  expect(store.read({ format: 'wal', after: 0, maxBytes: 100 })).toEqual({ kind: 'end' })
  for (const suffix of ['-stemma', '-stemma-wal', '-stemma-shm']) expect(statSync(database + suffix).mode & 0o777).toBe(0o600)
})

test('ids stay when the log is opened again', () => {
  const store = open()
  const ids = [store.cluster, store.node]
  store.close()
  using again = closing(open())
  expect([again.cluster, again.node]).toEqual(ids)
})

test('entries that another SQLite made go, of the format that cares; those of the same one stay', () => {
  const log = new SampleLog(700)
  const write = (store: LogStore): void => {
    const sample = log.next({ commits: 3, pages: [1], formats: ['wal', 'statement'] })
    store.write(sample.batch)
    log.add(sample)
  }
  const oldest = (store: LogStore): number[] => store.size().formats.map((each) => each.oldest)
  const first = open()
  first.begin(log.place, log.sums)
  write(first)
  // Whoever wrote these did not say.
  first.makeBy('statement', '3.53.2')
  expect(oldest(first)).toEqual([1, 4])
  write(first)
  first.makeBy('statement', '3.53.2')
  expect(oldest(first)).toEqual([1, 4])
  first.close()
  using second = closing(open())
  second.makeBy('statement', '3.54.1')
  expect(oldest(second)).toEqual([1, 7])
  expect(second.read({ format: 'statement', after: 5, maxBytes: 100 })).toEqual({ kind: 'gone', oldest: 6 })
  expect(second.read({ format: 'statement', after: 6, maxBytes: 100 })).toEqual({ kind: 'end' })
  write(second)
  expect(second.read({ format: 'statement', after: 6, maxBytes: 1 })).toMatchObject({ kind: 'run', run: { first: 7 } })
})

test('whatever is written, taken back, dropped and begun anew is there after the log was opened again', () => {
  console.log(`seed ${SEED}`)
  fc.assert(
    fc.property(fc.array(step(), { maxLength: 40 }), fc.integer({ min: 60, max: 4_000 }), (steps, maxBytes) => {
      rmSync(folder, { recursive: true })
      folder = mkdtempSync(join(tmpdir(), 'stemma-'))
      database = join(folder, 'shop.db')
      const log = new SampleLog(700)
      let store = open()
      store.begin(log.place, log.sums)
      for (const step of steps) store = run(step, store, log)
      expectHolds(store, log, maxBytes)
      store.close()
      store = open()
      expectHolds(store, log, maxBytes)
      store.close()
    }),
    { seed: SEED, numRuns: 40 },
  )
})

type Step =
  | {
      readonly kind: 'write'
      readonly commits: number
      readonly pages: readonly number[]
      readonly pageCount: number
      readonly formats: readonly string[]
    }
  | { readonly kind: 'rewind'; readonly back: number }
  | { readonly kind: 'retain'; readonly maxBytes: number }
  | { readonly kind: 'sync' | 'reopen' | 'start-over' }

function step(): fc.Arbitrary<Step> {
  const pageCount = fc.oneof(fc.constant(700), fc.integer({ min: 1, max: 3_000 }))
  const formats = fc.constantFrom(['wal'], ['wal', 'row'], ['row'], [])
  return fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({
        kind: fc.constant('write' as const),
        commits: fc.integer({ min: 1, max: 9 }),
        pages: fc.array(fc.integer({ min: 1, max: 3_000 }), { maxLength: 20 }),
        pageCount,
        formats,
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('rewind' as const), back: fc.integer({ min: 0, max: 12 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('retain' as const), maxBytes: fc.integer({ min: 0, max: 2_000 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('sync' as const, 'reopen' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('start-over' as const) }) },
  )
}

function run(step: Step, store: LogStore, log: SampleLog): LogStore {
  switch (step.kind) {
    case 'write': {
      const sample = log.next(step)
      store.write(sample.batch)
      log.add(sample)
      return store
    }
    case 'rewind': {
      log.cut(Math.max(0, log.sequence - step.back))
      store.rewind(log.place, log.sums)
      return store
    }
    case 'retain': {
      while (store.retain({ ...FOREVER, maxBytes: step.maxBytes }, undefined, 0));
      expect(store.size().bytes).toBeLessThanOrEqual(step.maxBytes)
      for (const [format, entries] of log.entries) {
        const oldest = store.size().formats.find((size) => size.format === format)!.oldest
        log.entries.set(
          format,
          entries.filter((entry) => entry.sequence >= oldest),
        )
      }
      return store
    }
    case 'sync':
      store.sync()
      return store
    case 'start-over':
      store.startOver(log.place, log.sums)
      log.entries.clear()
      return store
    case 'reopen':
      store.close()
      return open()
  }
}

test('a read gives whole entries, as many as fit and at least one', () => {
  using store = closing(open())
  const log = new SampleLog(3)
  store.begin(log.place, log.sums)
  const sizes: number[] = []
  for (const commits of [1, 5, 2]) {
    const sample = log.next({ commits, pages: [1] })
    store.write(sample.batch)
    log.add(sample)
    sizes.push(...sample.made.map(({ bytes }) => bytes.byteLength))
  }
  const lastOf = (after: number, maxBytes: number): number => {
    const read = store.read({ format: 'wal', after, maxBytes })
    return read.kind === 'run' ? read.run.last : Number.NaN
  }
  for (let after = 0; after < 8; after++) {
    let fits = 0
    for (let last = after + 1; last <= 8; last++) {
      fits += sizes[last - 1]!
      expect(lastOf(after, fits)).toBe(last)
      expect(lastOf(after, fits - 1)).toBe(Math.max(after + 1, last - 1))
    }
  }
})

test('a run larger than 1 MiB is stored in parts and read whole', () => {
  const log = new SampleLog(3)
  const store = open()
  store.begin(log.place, log.sums)
  const sample = log.next({ commits: 9, pages: [2], payload: 300_000 })
  store.write(sample.batch)
  log.add(sample)
  expect(readAll(store, 'wal', 0, 10_000_000).reads).toBe(1)
  store.close()
  using again = closing(open())
  expectHolds(again, log, 700_000)
  expect(readAll(again, 'wal', 0, 700_000).reads).toBe(5)
})

test.each([
  ['by bytes', { ...FOREVER, maxBytes: 600 }, undefined, 5],
  ['by bytes, though a follower needs them', { ...FOREVER, maxBytes: 600 }, 0, 5],
  ['by age', { ...FOREVER, maxAge: 10 }, undefined, 5],
  ['what nobody needs, when there is much of it', { ...FOREVER, unneededBytes: 0 }, 10, 10],
  ['nothing that a follower needs', { ...FOREVER, unneededBytes: 0 }, 0, 0],
  ['nothing while there is little', { maxBytes: 5_000, maxAge: 1_000, unneededBytes: 5_000 }, undefined, 0],
  ['all when nobody needs any', { ...FOREVER, unneededBytes: 0 }, undefined, 15],
])('drops %s', (_name, limits, neededAfter, dropped) => {
  using store = closing(open())
  const log = new SampleLog(3)
  store.begin(log.place, log.sums)
  for (let i = 0; i < 3; i++) {
    const sample = log.next({ commits: 5, pages: [1] })
    store.write(sample.batch)
    log.add(sample)
  }
  const sizeBefore = store.size().bytes
  // Entries are committed at 1,000,000 + sequence, and take about 50 bytes each.
  expect(store.retain(limits, neededAfter, 1_000_013)).toBe(false)
  expect(store.size().bytes).toBe((sizeBefore / 15) * (15 - dropped))
  if (dropped > 0)
    expect(store.read({ format: 'wal', after: dropped - 1, maxBytes: 1 })).toEqual({ kind: 'gone', oldest: dropped })
  expect(store.read({ format: 'wal', after: dropped, maxBytes: 1 }).kind).toBe(dropped === 15 ? 'end' : 'run')
  expect(store.read({ format: 'row', after: 3, maxBytes: 1 })).toEqual({ kind: 'gone', oldest: 15 })
})

test('space that dropped entries took is given back', () => {
  using store = closing(open())
  const log = new SampleLog(3)
  store.begin(log.place, log.sums)
  for (let i = 0; i < 40; i++) {
    const sample = log.next({ commits: 1, pages: [1], payload: 1_000_000 })
    store.write(sample.batch)
    log.add(sample)
  }
  store.sync()
  expect(store.size().fileBytes).toBeGreaterThan(40_000_000)
  for (let i = 0; i < 20; i++) while (store.retain({ ...FOREVER, maxBytes: 1_000_000 }, undefined, 0));
  expect(store.size().fileBytes).toBeLessThan(45_000_000)
})

test.each([
  ['a replica', "UPDATE stemma SET role = 'replica'", 'WRONG_ROLE'],
  ['a newer version', 'PRAGMA user_version = 2', 'SIDECAR_VERSION'],
  ['another program', 'PRAGMA application_id = 7', 'NOT_A_SIDECAR'],
  ['damaged sums', 'UPDATE chunk SET bytes = zeroblob(16)', 'DAMAGED_LOG'],
])('a log file of %s is refused', (_name, sql, code) => {
  const store = open()
  const log = new SampleLog(3)
  store.begin(log.place, log.sums)
  store.close()
  const connection = betterSqlite3.open(`${database}-stemma`, { mustExist: true })
  connection.exec(sql)
  connection.close()
  expect(codeOf(() => open())).toBe(code)
})

test('a log that is not there can not be read', () => {
  expect(codeOf(() => open({ readOnly: true }))).toBe('NO_LOG')
})

test('a reader sees what was written up to now', () => {
  using store = closing(open())
  const log = new SampleLog(3)
  store.begin(log.place, log.sums)
  using reader = closing(open({ readOnly: true }))
  for (let i = 0; i < 5; i++) {
    const sample = log.next({ commits: 3, pages: [i + 1], pageCount: 3 + i })
    store.write(sample.batch)
    log.add(sample)
    expectHolds(reader, log)
    expect(reader.size().bytes).toBe(store.size().bytes)
  }
})

function codeOf(work: () => void): string {
  try {
    work()
    return 'none'
  } catch (error) {
    return StemmaError.is(error) ? error.code : String(error)
  }
}

function closing(store: LogStore): LogStore & Disposable {
  return Object.assign(store, { [Symbol.dispose]: () => store.close() })
}
