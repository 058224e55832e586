import { encodeEntry } from '@stemma/log'
import { expect, test } from 'vitest'
import type { LogReader } from '../../src/log/log-file.ts'
import { start } from './world.ts'

test('a sound log is said to be sound', async () => {
  const run = start('log verify app.db', { log: logOf(entries(1, 5)) })
  expect(await run.exitCode).toBe(0)
  expect(run.output()).toMatch(/^wal: 5 entries, .*, from 1 to 5: sound\n$/)
})

test.each<[string, (list: Uint8Array[]) => Uint8Array[], string]>([
  ['a flipped bit', (list) => list.map((each, index) => (index === 2 ? flip(each) : each)), 'DAMAGED_ENTRY'],
  ['a missing entry', (list) => list.toSpliced(2, 1), 'GAP'],
  ['missing entries at the end', (list) => list.slice(0, 3), 'GAP'],
  ['an entry of another history', (list) => [...list.slice(0, 3), ...entries(4, 5)], 'CHAIN'],
  ['half an entry at the end', (list) => [...list.slice(0, 4), list[4]!.subarray(0, 20)], 'DAMAGED_ENTRY'],
])('%s is found', async (_title, damage, code) => {
  const log = logOf(damage(entries(1, 5)))
  const people = start('log verify app.db', { log })
  const program = start('log verify app.db --json', { log })
  expect([await people.exitCode, await program.exitCode]).toEqual([3, 3])
  expect(people.output()).toContain(`[${code}]`)
  expect(program.records()).toMatchObject([{ format: 'wal', ok: false, fault: { code } }])
})

test('log show prints one line an entry, from where it is told, as many as it is told', async () => {
  const list = entries(1, 5, true)
  const run = start('log show app.db --after 2 --limit 2', { log: logOf(list) })
  expect(await run.exitCode).toBe(0)
  const lines = run.output().trim().split('\n')
  expect(lines.map((line) => line.split('  ')[0])).toEqual(['1:3', '1:4'])
  expect(lines[0]).toContain('1970-01-01T00:00:00.003Z')
})

test('log show prints every log that there is, or the one that is named', async () => {
  const list = entries(1, 2, true)
  const log = { ...logOf(list), formats: ['wal', 'row'].map((format) => ({ format, oldest: 1, newest: 2, bytes: 0 })) }
  const all = start('log show app.db --json', { log })
  const one = start('log show app.db --json --format row', { log })
  expect([await all.exitCode, await one.exitCode]).toEqual([0, 0])
  expect(all.records().map(({ format, position }) => `${String(format)} ${String(position)}`)).toEqual([
    'wal 1:1',
    'wal 1:2',
    'row 1:1',
    'row 1:2',
  ])
  expect(one.records().map(({ format }) => format)).toEqual(['row', 'row'])
})

function logOf(list: readonly Uint8Array[]): LogReader {
  return {
    formats: [{ format: 'wal', oldest: 1, newest: 5, bytes: 0 }],
    runs: () => [Buffer.concat(list.slice(0, 2)), Buffer.concat(list.slice(2))],
    close() {},
  }
}

/** Entries chained to each other; the first one follows on from nothing. */
function entries(first: number, last: number, barrier = false): Uint8Array[] {
  const list: Uint8Array[] = []
  for (let sequence = first; sequence <= last; sequence++) {
    const entry = encodeEntry({
      format: 'wal',
      formatVersion: 1,
      position: { epoch: 1, sequence },
      committedAt: sequence,
      recovered: false,
      barrier,
      digest: BigInt(sequence),
      digestBefore: list.length === 0 ? 0n : BigInt(sequence - 1),
      payload: barrier ? new Uint8Array(0) : new Uint8Array([sequence]),
    })
    list.push(entry)
  }
  return list
}

function flip(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  copy[10]! ^= 1
  return copy
}
