import fc from 'fast-check'
import { expect, test } from 'vitest'
import { frame, joined } from '../test/bytes.ts'
import { FrameReader } from './frame-reader.ts'
import { FRAME, encodePreamble } from './frame.ts'

const SEED = Number(process.env['SEED'] ?? 20261123)

/** Reads a stream in chunks of the sizes given, over and over, the one way or the other. */
function readAll(
  stream: Uint8Array,
  sizes: readonly number[],
  way: 'push' | 'space',
  limits = { messageBytesMax: 100_000, readBufferBytes: 5000 },
): string[] {
  const seen: string[] = []
  const reader = new FrameReader((kind, bytes) => {
    if (kind === FRAME.handshake) reader.open(limits)
    seen.push(`${kind}:${Buffer.from(bytes).toString('base64')}`)
    return true
  })
  for (let at = 0, turn = 0; at < stream.byteLength; turn++) {
    const size = Math.min(sizes[turn % sizes.length] ?? 1, stream.byteLength - at)
    const space = reader.space()
    const count = way === 'push' ? size : Math.min(size, space.byteLength)
    if (way === 'push') reader.push(stream.subarray(at, at + count))
    else {
      space.set(stream.subarray(at, at + count))
      reader.filled(count)
    }
    at += count
  }
  return seen
}

test('frames come out as they went in, however the network cuts them and however large they are', () => {
  process.stderr.write(`seed ${SEED}\n`)
  const size = fc.oneof(fc.nat(20), fc.nat(6000), fc.nat(20_000), fc.constantFrom(4988, 4996, 4999, 5000, 5001, 4104, 4108))
  const chunk = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 8000 }), fc.constant(65_536))
  fc.assert(
    fc.property(
      fc.array(size, { maxLength: 12 }),
      fc.array(chunk, { minLength: 1, maxLength: 6 }),
      fc.constantFrom('push', 'space'),
      (messages, chunks, way) => {
        const contents = messages.map((length, index) => new Uint8Array(length).map((_, at) => (at * 7 + index) & 0xff))
        const stream = joined(
          encodePreamble(),
          frame(FRAME.handshake, Uint8Array.of(1)),
          ...contents.map((content) => frame(FRAME.message, content)),
        )
        const want = [`1:AQ==`, ...contents.map((content) => `0:${Buffer.from(content).toString('base64')}`)]
        expect(readAll(stream, chunks, way)).toEqual(want)
      },
    ),
    { seed: SEED, numRuns: 150 },
  )
})

const greeted = joined(encodePreamble(), frame(FRAME.handshake))
const ping = frame(FRAME.ping)

test.each([
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'NOT_STEMMA'],
  ['the first byte of TLS', Uint8Array.of(0x16), 'NOT_STEMMA'],
  ['a newer version only', Uint8Array.of(0x53, 0x54, 0x45, 0x4d, 0x4d, 0x41, 2, 9), 'TRANSPORT_VERSION'],
  ['an older version only', Uint8Array.of(0x53, 0x54, 0x45, 0x4d, 0x4d, 0x41, 0, 0), 'TRANSPORT_VERSION'],
  ['a message before the greeting is over', joined(encodePreamble(), frame(FRAME.message)), 'BAD_FRAME'],
  [
    'a greeting that is too long, at its header',
    joined(encodePreamble(), frame(FRAME.handshake, new Uint8Array(4097)).subarray(0, 4)),
    'BAD_FRAME',
  ],
  ['the longest length there is, at its header', joined(encodePreamble(), Uint8Array.of(0x1f, 0xff, 0xff, 0xff)), 'BAD_FRAME'],
  ['a second greeting', joined(greeted, frame(FRAME.handshake)), 'BAD_FRAME'],
  [
    'a message one byte too long, at its header',
    joined(greeted, frame(FRAME.message, new Uint8Array(1001)).subarray(0, 4)),
    'MESSAGE_TOO_LARGE',
  ],
  ['a ping with content', joined(greeted, frame(FRAME.ping, Uint8Array.of(1))), 'BAD_FRAME'],
  ['a kind that there is not', joined(greeted, frame(9)), 'BAD_FRAME'],
  ['the same after good frames', joined(greeted, ping, ping, frame(15, new Uint8Array(30))), 'BAD_FRAME'],
])('%s is refused, cut or whole', (_what, stream, code) => {
  const limits = { messageBytesMax: 1000, readBufferBytes: 5000 }
  expect(() => readAll(stream, [1], 'push', limits)).toThrow(expect.objectContaining({ code }))
  expect(() => readAll(stream, [65_536], 'space', limits)).toThrow(expect.objectContaining({ code }))
})

test('a message that lies whole in the space of the reader is handed on from there, uncopied', () => {
  const memory = new Set<ArrayBufferLike>()
  const reader = new FrameReader((kind, bytes) => {
    if (kind === FRAME.handshake) reader.open({ messageBytesMax: 9000, readBufferBytes: 64_000 })
    else memory.add(bytes.buffer)
    return true
  })
  reader.push(greeted)
  const space = reader.space()
  const stream = joined(frame(FRAME.message, new Uint8Array(9000)), frame(FRAME.message, new Uint8Array(8000)))
  space.set(stream)
  reader.filled(stream.byteLength)
  expect([...memory]).toEqual([space.buffer])
})

test('before authentication, a stranger makes us hold no more than one small frame', () => {
  const reader = new FrameReader(() => true)
  expect(reader.space().buffer.byteLength).toBeLessThanOrEqual(5000)
})
