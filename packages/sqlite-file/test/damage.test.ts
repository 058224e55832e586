import { StemmaError } from '@stemma/base'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  autoVacuumOf,
  decodeCheckpointInfo,
  decodeRecord,
  decodeWalHeader,
  decodeWalIndexHeader,
  freeSpaceOf,
  isPointerMapPage,
  pagesOf,
  pointerMapEntryOf,
  pointerMapPageOf,
  readPageUses,
  readPayload,
  readSchema,
  walkFreelist,
  walkTree,
  walkTreePages,
} from '../src/index.ts'
import { shop } from './shop.ts'
import { withDatabase } from './sqlite-files.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
process.stdout.write(`seed ${SEED}\n`)

const DATABASES = [
  ['PRAGMA page_size = 512', ...shop(512, 40)],
  ['PRAGMA page_size = 1024; PRAGMA encoding = "UTF-16le"; PRAGMA auto_vacuum = incremental', ...shop(1024, 60)],
  ['PRAGMA page_size = 65536', ...shop(65_536, 60)],
].map((setup) => withDatabase(setup, ({ read }) => read('')))

const [WAL, SHM] = withDatabase(['PRAGMA page_size = 512', 'PRAGMA journal_mode = WAL', 'CREATE TABLE t (x)'], ({ db, read }) => {
  db.exec('INSERT INTO t VALUES (1), (2)')
  return [read('-wal'), read('-shm')]
})

test(`a database with damaged bytes is read, or refused with a StemmaError: never anything else (seed ${SEED})`, () => {
  let refused = 0
  fc.assert(
    fc.property(
      fc.constantFrom(...DATABASES),
      fc.infiniteStream(fc.nat()),
      fc.integer({ min: 1, max: 12 }),
      (sound, numbers, count) => {
        const bytes = damage(sound, numbers, count)
        for (const read of readers(bytes)) refused += onlyStemmaErrors(read)
      },
    ),
    { seed: SEED, numRuns: 400 },
  )
  expect(refused).toBeGreaterThan(100)
})

test(`a database that is cut short is read, or refused with a StemmaError (seed ${SEED})`, () => {
  let refused = 0
  fc.assert(
    fc.property(fc.constantFrom(...DATABASES), fc.nat(), (sound, at) => {
      for (const read of readers(sound.slice(0, at % sound.length))) refused += onlyStemmaErrors(read)
    }),
    { seed: SEED, numRuns: 100 },
  )
  expect(refused).toBeGreaterThan(50)
})

test(`damaged headers of WAL and wal-index are told from sound ones (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.nat({ max: 31 }), fc.nat({ max: 95 }), fc.integer({ min: 1, max: 255 }), (walAt, shmAt, flip) => {
      const wal = WAL.slice()
      wal[walAt]! ^= flip
      const shm = SHM.slice()
      shm[shmAt]! ^= flip
      // Only the lowest bit of the magic could change its meaning, and then the checksum does not match.
      expect(decodeWalHeader(wal).kind).toBe('empty')
      expect(decodeWalIndexHeader(shm).kind).toBe('torn')
      for (let at = 48; at < 96; at++) shm[at] = shm[at - 48]!
      const want = shmAt >= 48 ? 'header' : shmAt === 12 && flip === 1 ? 'empty' : 'torn'
      expect(decodeWalIndexHeader(shm).kind).toBe(want)
      onlyStemmaErrors(() => decodeCheckpointInfo(shm.subarray(0, 130)))
    }),
    { seed: SEED, numRuns: 500 },
  )
})

function damage(sound: Uint8Array, numbers: Iterator<number>, count: number): Uint8Array {
  const bytes = sound.slice()
  const next = (below: number): number => Number(numbers.next().value) % below
  const pageSize = pagesOf(sound).pageSize
  for (let i = 0; i < count; i++) {
    const pageStart = next(sound.length / pageSize) * pageSize
    // Headers and cell pointers are hit as often as all the rest.
    const at = pageStart + next(next(2) === 0 ? 120 : pageSize)
    bytes[at] = next(3) === 0 ? 0xff : next(256)
  }
  // A database that is no longer one has been seen enough: mostly keep its first bytes.
  if (next(10) !== 0) bytes.set(sound.subarray(0, 24))
  return bytes
}

/** All that can be read of a database. */
function readers(bytes: Uint8Array): (() => void)[] {
  return [
    () => readPageUses(pagesOf(bytes), pagesOf(bytes).header),
    () => Array.from(walkFreelist(pagesOf(bytes), pagesOf(bytes).header)),
    () => readSchema(pagesOf(bytes), 'utf-8'),
    () => readTrees(bytes),
    () => readPointers(bytes),
  ]
}

function readTrees(bytes: Uint8Array): void {
  const pages = pagesOf(bytes)
  for (let root = 1; root <= Math.min(pages.pageCount, 12); root++) {
    onlyStemmaErrors(() => {
      for (const { page, cell } of walkTree(pages, root)) {
        onlyStemmaErrors(() => decodeRecord(readPayload(pages, page, cell), pages.header.textEncoding))
      }
    })
    onlyStemmaErrors(() => Array.from(walkTreePages(pages, root), ({ page }) => freeSpaceOf(page)))
  }
}

function readPointers(bytes: Uint8Array): void {
  const pages = pagesOf(bytes)
  if (autoVacuumOf(pages.header) === 'none') return
  for (let pageNumber = 2; pageNumber <= pages.pageCount; pageNumber++) {
    if (isPointerMapPage(pageNumber, pages)) continue
    onlyStemmaErrors(() => pointerMapEntryOf(pages.read(pointerMapPageOf(pageNumber, pages)), pageNumber, pages))
  }
}

/** 1 when it was refused, 0 when not. */
function onlyStemmaErrors(read: () => unknown): number {
  try {
    read()
    return 0
  } catch (error) {
    if (StemmaError.is(error, 'DAMAGED_FILE') || StemmaError.is(error, 'NOT_A_DATABASE')) return 1
    throw error
  }
}
