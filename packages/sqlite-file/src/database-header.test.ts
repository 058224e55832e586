import { StemmaError } from '@stemma/base'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { autoVacuumOf, decodeDatabaseHeader, encodeDatabaseHeader, type DatabaseHeader } from './database-header.ts'

const SEED = Number(globalThis.process?.env?.['SEED'] ?? 1)

const SOUND: DatabaseHeader = {
  pageSize: 4096,
  writeVersion: 2,
  readVersion: 2,
  reservedBytes: 0,
  changeCounter: 7,
  pageCount: 3,
  firstFreelistTrunk: 0,
  freelistCount: 0,
  schemaCookie: 1,
  schemaFormat: 4,
  defaultCacheSize: 0,
  largestRootPage: 0,
  textEncoding: 'utf-8',
  userVersion: 0,
  incrementalVacuum: false,
  applicationId: 0,
  versionValidFor: 7,
  sqliteVersion: 3_054_001,
}

test.each<[string, Record<number, number>, number, string]>([
  ['a sound header', {}, 100, 'header'],
  ['a whole page', {}, 4096, 'header'],
  ['no bytes', {}, 0, 'empty'],
  ['99 bytes', {}, 99, 'NOT_A_DATABASE: it has only 99 bytes'],
  ['other first bytes', { 3: 0 }, 100, 'NOT_A_DATABASE: it does not begin with the words "SQLite format 3"; it may be encrypted'],
  ['a page size that is no power of two', { 17: 1 }, 100, 'NOT_A_DATABASE: its page size is 4097'],
  ['a page size of 256', { 16: 1, 17: 0 }, 100, 'NOT_A_DATABASE: its page size is 256'],
  ['a page size of 1, which stands for 65536', { 16: 0, 17: 1 }, 100, 'header'],
  ['a read version from the future', { 19: 3 }, 100, 'NOT_A_DATABASE: it has read version 3, known are 1 and 2'],
  ['a write version from the future', { 18: 3 }, 100, 'header'],
  ['another payload fraction', { 22: 33 }, 100, 'NOT_A_DATABASE: its payload fractions are not 64, 32, 32'],
  ['too many reserved bytes', { 16: 2, 17: 0, 20: 33 }, 100, 'NOT_A_DATABASE: it reserves 33 bytes of pages of 512'],
  ['as many reserved bytes as may be', { 16: 2, 17: 0, 20: 32 }, 100, 'header'],
])('%s', (_name, changes, size, want) => {
  const bytes = new Uint8Array(4096)
  encodeDatabaseHeader(SOUND, bytes)
  for (const [at, byte] of Object.entries(changes)) bytes[Number(at)] = byte
  expect(show(bytes.subarray(0, size))).toBe(want)
})

test(`headers come back as they were (seed ${SEED})`, () => {
  const word = fc.integer({ min: 0, max: 0xffffffff })
  const signed = fc.integer()
  const headers = fc.record<DatabaseHeader>({
    pageSize: fc.integer({ min: 9, max: 16 }).map((power) => 2 ** power),
    writeVersion: fc.integer({ min: 1, max: 255 }),
    readVersion: fc.constantFrom(1, 2),
    reservedBytes: fc.integer({ min: 0, max: 32 }),
    changeCounter: word,
    pageCount: word,
    firstFreelistTrunk: word,
    freelistCount: word,
    schemaCookie: word,
    schemaFormat: word,
    defaultCacheSize: signed,
    largestRootPage: word,
    textEncoding: fc.constantFrom('utf-8', 'utf-16le', 'utf-16be'),
    userVersion: signed,
    incrementalVacuum: fc.boolean(),
    applicationId: signed,
    versionValidFor: word,
    sqliteVersion: word,
  })
  fc.assert(
    fc.property(headers, (header) => {
      expect(decodeDatabaseHeader(encodeDatabaseHeader(header))).toEqual({ kind: 'header', header })
    }),
    { seed: SEED, numRuns: 300 },
  )
})

test.each([
  [0, false, 'none'],
  [0, true, 'none'],
  [5, false, 'full'],
  [5, true, 'incremental'],
])('largest root %i, incremental %s: %s', (largestRootPage, incrementalVacuum, want) => {
  expect(autoVacuumOf({ ...SOUND, largestRootPage, incrementalVacuum })).toBe(want)
})

function show(bytes: Uint8Array): string {
  try {
    return decodeDatabaseHeader(bytes).kind
  } catch (error) {
    if (StemmaError.is(error)) return `${error.code}: ${String(error.details['why'])}`
    throw error
  }
}
