import { StemmaError } from '@stemma/base'
import { decodeEntry, type Commit, type LogFormat } from '@stemma/log'
import { expect, test } from 'vitest'
import { EntryLogs } from './entry-logs.ts'

/** A format that writes down how many pages or tables it sees. */
function counting(name: string, view: 'pages' | 'rows'): LogFormat {
  const format = { name, version: 1, reads: [1], describe: () => ({ summary: '', details: [] }) }
  if (view === 'pages') {
    return { ...format, view, encode: (commit) => Uint8Array.of(commit.pages().length), apply() {} }
  }
  const decode = (): never => {
    throw new Error('nobody decodes here')
  }
  return { ...format, view, encode: (commit) => Uint8Array.of(commit.rows().tables.length), decode }
}

const NO_ROWS = {
  textEncoding: 'utf-8',
  schemaVersion: 1,
  schema: [],
  userVersion: undefined,
  applicationId: undefined,
  tables: [],
} as const

/** A commit whose rows are known, or are not. */
function newCommit(sequence: number, parts: Partial<Commit> & { readonly unknown?: string } = {}): Commit {
  const { unknown, ...rest } = parts
  const error = new StemmaError('ROWS_UNKNOWN', `${sequence}: ${unknown}`)
  return {
    position: { epoch: 1, sequence },
    committedAt: 1_700_000_000_000,
    recovered: false,
    oversized: false,
    pageSize: 4096,
    pageCount: 1,
    pageCountBefore: 1,
    digest: BigInt(sequence),
    digestBefore: BigInt(sequence - 1),
    pages: () => [],
    rows: () => {
      if (unknown !== undefined) throw error
      return NO_ROWS
    },
    statements: () => {
      throw new Error('these commits have no statements')
    },
    ...rest,
  }
}

test('commits whose rows are unknown are barriers in the logs of rows alone, and are told of once', () => {
  const failures: string[] = []
  const formats = [counting('wal', 'pages'), counting('row', 'rows'), counting('row-too', 'rows')]
  const logs = new EntryLogs(formats, {
    guardOf: () => undefined,
    failed: (error) => failures.push(String(error)),
    suspended: (format) => failures.push(`${format} is suspended`),
  })
  logs.add(newCommit(1))
  logs.add(newCommit(2, { unknown: 'nobody saw it' }))
  logs.add(newCommit(3, { unknown: 'too large', oversized: true }))
  logs.add(newCommit(4))
  const barriers = logs.takeRuns().map(({ format, first, last, bytes }) => {
    let offset = 0
    const found: boolean[] = []
    for (let sequence = first; sequence <= last; sequence++) {
      const entry = decodeEntry(bytes, offset)!
      found.push(entry.barrier)
      offset += entry.byteLength
    }
    return [format, ...found]
  })
  expect(barriers).toEqual([
    ['wal', false, false, true, false],
    ['row', false, true, true, false],
    ['row-too', false, true, true, false],
  ])
  expect(failures).toEqual(['StemmaError: ROWS_UNKNOWN: 2: nobody saw it', 'StemmaError: ROWS_UNKNOWN: 3: too large'])
})
