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

test('log export writes payloads one behind another, from where it is told, and says up to where', async () => {
  const log = logOf(entries(1, 5))
  const all = start('log export app.db --format wal', { log })
  const some = start('log export app.db --format wal --after 2 --limit 2', { log })
  expect([await all.exitCode, await some.exitCode]).toEqual([0, 0])
  expect([all.output(), all.errors()]).toEqual(['\u0001\u0002\u0003\u0004\u0005', 'stemma: 5 commits, up to 1:5\n'])
  expect([some.output(), some.errors()]).toEqual(['\u0003\u0004', 'stemma: 2 commits, up to 1:4\n'])
})

test.each<[string, string, (list: Uint8Array[]) => Uint8Array[], number, string]>([
  ['a barrier', '--format wal', (list) => [...list.slice(0, 2), ...entries(3, 5, true)], 2, 'SNAPSHOT_NEEDED'],
  ['what was dropped meanwhile', '--format wal', (list) => list.toSpliced(2, 1), 2, 'POSITION_NOT_KEPT'],
  ['what is not in the log', '--format row', (list) => list, 0, 'NO_LOG'],
  ['a limit that is no number', '--format wal --limit x', (list) => list, 0, 'BAD_ARGUMENT'],
])('log export ends at %s', async (_title, flags, damage, payloads, code) => {
  const run = start(`log export app.db ${flags}`, { log: logOf(damage(entries(1, 5))) })
  expect(await run.exitCode).toBeGreaterThan(0)
  expect(run.output()).toBe('\u0001\u0002'.slice(0, payloads))
  expect(run.errors()).toContain(code)
})

test('log export does not begin before the log', async () => {
  const log = { ...logOf(entries(1, 5)), formats: [{ format: 'wal', oldest: 3, newest: 5, bytes: 0 }] }
  const run = start('log export app.db --format wal --after 1', { log })
  expect(await run.exitCode).toBe(1)
  expect(run.errors()).toContain('POSITION_NOT_KEPT')
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
