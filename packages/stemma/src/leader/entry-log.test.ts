import { ENTRY_BYTES_MAX, decodeEntry, type Commit, type PageFormat } from '@stemma/log'
import { expect, test } from 'vitest'
import { EntryLog } from './entry-log.ts'

/** Writes payloads into one piece of memory, again and again, as a format may. */
function echoFormat(): PageFormat {
  const bytes = new Uint8Array(1024 * 1024)
  return {
    name: 'echo',
    version: 3,
    reads: [3],
    view: 'pages',
    encode: ({ pageCount, position }) => bytes.subarray(0, pageCount).fill(position.sequence),
    apply() {},
    describe: () => ({ summary: '', details: [] }),
  }
}

/** A commit whose payload takes so many bytes. */
function newCommit(sequence: number, size: number, oversized = false): Commit {
  return {
    position: { epoch: 1, sequence },
    committedAt: 1_700_000_000_000,
    recovered: false,
    oversized,
    pageSize: 4096,
    pageCount: size,
    pageCountBefore: size,
    digest: BigInt(sequence),
    digestBefore: BigInt(sequence - 1),
    pages: () => [],
    rows: () => {
      throw new Error('these commits have no rows')
    },
    statements: () => {
      throw new Error('these commits have no statements')
    },
  }
}

function fail(error: unknown): void {
  throw error
}

test('runs hold the entries added since the last one, and stay as they are while later ones are written', () => {
  const log = new EntryLog(echoFormat())
  const sizes = [3, 0, 300, 200_000, 70_000, 100, 600_000, 5, 262_000, 1]
  const runs = []
  let sequence = 0
  for (let round = 0; round < 40; round++) {
    const first = sequence + 1
    for (let i = 0; i <= round % 4; i++) log.add(newCommit(++sequence, sizes[sequence % sizes.length]!), fail)
    const run = log.takeRun()!
    expect(run).toMatchObject({ format: 'echo', first, last: sequence })
    runs.push(run)
    expect(log.takeRun()).toBeUndefined()
  }
  for (const { first, last, bytes } of runs) {
    let offset = 0
    for (let expected = first; expected <= last; expected++) {
      const entry = decodeEntry(bytes, offset)!
      expect(entry.position.sequence).toBe(expected)
      expect(entry.payload.byteLength).toBe(sizes[expected % sizes.length]!)
      expect(entry.payload.every((byte) => byte === expected % 256)).toBe(true)
      offset += entry.byteLength
    }
    expect(offset).toBe(bytes.byteLength)
  }
})

test('a commit that is too large, or that the format does not manage, becomes a barrier', () => {
  const failures: unknown[] = []
  const broken = { ...echoFormat(), encode: () => fail(new Error('no')) as never }
  const log = new EntryLog(broken)
  log.add(newCommit(1, 10, true), (error) => failures.push(error))
  log.add(newCommit(2, 10), (error) => failures.push(error))
  const { bytes } = log.takeRun()!
  const first = decodeEntry(bytes, 0)!
  const second = decodeEntry(bytes, first.byteLength)!
  expect([first.barrier, second.barrier, first.payload.byteLength]).toEqual([true, true, 0])
  expect(failures.length).toBe(1)
})

test('a payload that is larger than an entry may be becomes a barrier, and why is told', () => {
  const failures: unknown[] = []
  // The system gives memory that nobody writes to only in name.
  const log = new EntryLog({ ...echoFormat(), encode: () => new Uint8Array(ENTRY_BYTES_MAX + 1) })
  log.add(newCommit(1, 10), (error) => failures.push(error))
  const { bytes } = log.takeRun()!
  expect(decodeEntry(bytes, 0)).toMatchObject({ barrier: true, payload: new Uint8Array(0) })
  expect(failures).toMatchObject([{ code: 'SNAPSHOT_NEEDED' }])
})
