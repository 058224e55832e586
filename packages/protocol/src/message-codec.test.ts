import { StemmaError } from '@stemma/base'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LAYOUT_VERSION, decodeMessage, encodeMessage } from './message-codec.ts'
import { QUESTION_BYTES_MAX } from './limits.ts'
import type { Message } from './message.ts'

const position = { epoch: 3, sequence: 2 ** 40 + 7 }

/** At least one of each kind. A missing kind doesn't compile. */
const samples: Record<Message['kind'], readonly Message[]> = {
  hello: [
    {
      kind: 'hello',
      versions: [1, 3],
      wants: 'follow',
      node: 'ab12',
      name: 'the copy in Bergen',
      sqlite: '3.54.1',
      cluster: 'c0ffee',
      pageSize: 65_536,
      epoch: 3,
      formats: [{ name: 'wal', versions: [1, 2] }],
    },
    {
      kind: 'hello',
      versions: [1, 1],
      wants: 'status',
      node: '',
      name: '',
      sqlite: '',
      cluster: undefined,
      pageSize: undefined,
      epoch: 0,
      formats: [],
    },
  ],
  follow: [
    { kind: 'follow', credit: 8_388_608, state: { kind: 'copy', position, digest: 0xfedcba9876543210n } },
    { kind: 'follow', credit: 0, state: { kind: 'empty' } },
    { kind: 'follow', credit: 0, state: { kind: 'unknown' } },
    { kind: 'follow', credit: 0, state: { kind: 'feed', position } },
    { kind: 'follow', credit: 0, state: { kind: 'feed', position: undefined } },
  ],
  ack: [{ kind: 'ack', received: position, durable: { epoch: 1, sequence: 0 }, applied: position, credit: 2 ** 45 }],
  'open-snapshot': [
    { kind: 'open-snapshot', resume: undefined },
    { kind: 'open-snapshot', resume: 'run.1' },
  ],
  'fetch-pages': [{ kind: 'fetch-pages', snapshot: 'run.1', first: 1, count: 2, have: bytes(16) }],
  'close-snapshot': [{ kind: 'close-snapshot', snapshot: 'run.1' }],
  alive: [{ kind: 'alive' }],
  'status-request': [{ kind: 'status-request' }],
  ask: [
    { kind: 'ask', body: bytes(12) },
    { kind: 'ask', body: bytes(QUESTION_BYTES_MAX) },
  ],
  welcome: [
    {
      kind: 'welcome',
      version: 1,
      cluster: 'c0ffee',
      node: 'ab',
      epoch: 3,
      format: 'wal',
      formatVersion: 1,
      pageSize: 512,
      tip: position,
      time: 1.7e12,
    },
  ],
  refuse: [{ kind: 'refuse', code: 'CLUSTER_MISMATCH', message: 'another', hint: 'look' }],
  verdict: [
    { kind: 'verdict', verdict: { kind: 'go-on' } },
    { kind: 'verdict', verdict: { kind: 'go-on', from: position } },
    { kind: 'verdict', verdict: { kind: 'not-kept', oldest: position } },
    { kind: 'verdict', verdict: { kind: 'not-kept', oldest: undefined } },
    { kind: 'verdict', verdict: { kind: 'snapshot', why: 'too-far-behind' } },
    { kind: 'verdict', verdict: { kind: 'diverged', at: position } },
    { kind: 'verdict', verdict: { kind: 'diverged', at: undefined } },
  ],
  entries: [{ kind: 'entries', first: 5_000_000_000, last: 5_000_000_001, bytes: bytes(300) }],
  'entry-part': [{ kind: 'entry-part', sequence: 7, offset: 10, total: 20, bytes: bytes(10) }],
  heartbeat: [{ kind: 'heartbeat', tip: position, time: 1.7e12 }],
  snapshot: [{ kind: 'snapshot', snapshot: 'run.1', position, digest: 1n, pageSize: 4096, pageCount: 0xfffffffe }],
  pages: [
    { kind: 'pages', snapshot: 'run.1', first: 1, count: 9, leftOut: bytes(2), bytes: bytes(512) },
    { kind: 'pages', snapshot: 'run.1', first: 1, count: 9, leftOut: bytes(0), bytes: bytes(0) },
  ],
  status: [{ kind: 'status', json: bytes(2) }],
  bye: [{ kind: 'bye', code: 'PEER_LEFT', message: 'done' }],
  answer: [
    { kind: 'answer', code: undefined, message: '', body: bytes(300) },
    { kind: 'answer', code: 'LEADER_BUSY', message: 'later', body: bytes(0) },
  ],
}
const all = Object.values(samples).flat()

test.each(all.map((message) => [message.kind, message] as const))('P-1: %s comes back as it was', (_kind, message) => {
  expect(decodeMessage(wire(message))).toEqual(message)
})

test('P-1: bytes of entries and pages are not copied', () => {
  const body = bytes(100)
  const parts = encodeMessage({ kind: 'entries', first: 1, last: 1, bytes: body })
  expect(parts[1]).toBe(body)
  expect(parts[0]!.byteLength).toBeLessThanOrEqual(7)
  const received = join(parts)
  const message = decodeMessage(received)
  expect(message.kind === 'entries' && message.bytes.buffer === received.buffer).toBe(true)
})

test.each<[string, Uint8Array]>([
  ['nothing', bytes(0)],
  ['three bytes', bytes(3)],
  ['another layout', changed({ kind: 'alive' }, 0, LAYOUT_VERSION + 1)],
  ['an unknown kind', changed({ kind: 'alive' }, 1, 99)],
  ['fields longer than the message', changed({ kind: 'alive' }, 2, 200)],
  ['a body where none belongs', join([...encodeMessage({ kind: 'alive' }), bytes(1)])],
  ['fields that are no array', raw(7, [0xc0])],
  ['bytes behind the array', raw(7, [0x90, 0xc0])],
  ['an array that says it has 65,535 fields', raw(7, [0xdc, 0xff, 0xff])],
  ['arrays within arrays within arrays', raw(7, [0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0xc0])],
  ['a map', raw(7, [0x91, 0x80])],
  ['an extension', raw(7, [0x91, 0xd4, 0x01, 0x00])],
  ['an array of 4 thousand million', raw(7, [0x91, 0xdd, 0xff, 0xff, 0xff, 0xff])],
  ['a text longer than the message', raw(6, [0x91, 0xda, 0xff, 0xff])],
  ['a negative number', raw(35, [0x92, 0xff, 0x01])],
  ['a number where a text belongs', raw(6, [0x91, 0x01])],
  ['fields missing', raw(3, [0x90])],
  ['a text with control characters', raw(6, [0x91, 0xa1, 0x1b])],
  ['entries backwards', join([raw(35, [0x92, 0x05, 0x04]), bytes(1)])],
  ['entries without bytes', raw(35, [0x92, 0x01, 0x01])],
  [
    'a page size that is no power of two',
    raw(38, [0x97, 0xa1, 0x61, 1, 1, 0xb0, ...ascii('0000000000000001'), 0, 0xcd, 0x10, 0x01, 1]),
  ],
  ['an entry part beyond its end', join([raw(36, [0x93, 1, 9, 10]), bytes(2)])],
  ['a question that is too large', join([raw(9, [0x90]), bytes(QUESTION_BYTES_MAX + 1)])],
  ['an error with a body', join([raw(42, [0x92, 0xa1, 0x61, 0xa1, 0x61]), bytes(1)])],
  ['more sums than pages', join([raw(5, [0x93, 0xa1, 0x61, 1, 1]), bytes(16)])],
])('P-2: %s is refused with a code', (_title, message) => {
  expect(codeOf(message)).toBe('PROTOCOL_MESSAGE')
})

test('P-3: fields that a newer version adds are ignored', () => {
  expect(decodeMessage(raw(7, [0x92, 0xa1, 0x61, 0xc0]))).toEqual({ kind: 'alive' })
})

test('P-4: texts are made fit for a terminal before they go out', () => {
  const message = decodeMessage(wire({ kind: 'bye', code: 'X', message: `red \u001b[31m\n${'x'.repeat(1000)}` }))
  expect(message.kind === 'bye' && message.message.startsWith('red  [31m xxx')).toBe(true)
  expect(message.kind === 'bye' && message.message.length).toBe(500)
})

const seed = Number(globalThis.process?.env?.['SEED'] ?? 1)

test(`P-2: any bytes give a message or PROTOCOL_MESSAGE (seed ${seed})`, () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 80 }),
      fc.constantFrom(1, 2, 3, 4, 5, 6, 7, 8, 9, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42),
      (tail, kind) => {
        const size = Math.min(tail.byteLength, 40)
        expect(['message', 'PROTOCOL_MESSAGE']).toContain(codeOf(join([Uint8Array.of(1, kind, size, 0), tail])))
      },
    ),
    { seed, numRuns: 2000 },
  )
})

test(`P-2: damaged messages give a message or PROTOCOL_MESSAGE (seed ${seed})`, () => {
  fc.assert(
    fc.property(fc.constantFrom(...all), fc.nat(), fc.nat(255), fc.nat(), (message, at, value, cut) => {
      const bytes = wire(message)
      bytes[at % bytes.byteLength] = value
      expect(['message', 'PROTOCOL_MESSAGE']).toContain(codeOf(bytes))
      expect(['message', 'PROTOCOL_MESSAGE']).toContain(codeOf(bytes.subarray(0, cut % bytes.byteLength)))
    }),
    { seed, numRuns: 2000 },
  )
})

function codeOf(message: Uint8Array): string {
  try {
    decodeMessage(message)
    return 'message'
  } catch (error) {
    if (StemmaError.is(error)) return error.code
    throw error
  }
}

function wire(message: Message): Uint8Array {
  return join(encodeMessage(message))
}

function changed(message: Message, at: number, value: number): Uint8Array {
  const encoded = wire(message)
  encoded[at] = value
  return encoded
}

function raw(kind: number, fields: readonly number[]): Uint8Array {
  return Uint8Array.of(LAYOUT_VERSION, kind, fields.length, 0, ...fields)
}

function ascii(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0))
}

function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i & 0xff)
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.byteLength
  }
  return joined
}
