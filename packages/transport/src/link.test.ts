import { StemmaError } from '@stemma/base'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newCertificate } from '../test/certificates.ts'
import { End, until } from '../test/ends.ts'
import { connectTcp, listenTcp, memoryLinks, type Listener } from './index.ts'

// What every link promises, judged over each kind of link there is.

const limits = { messageBytesMax: 3_000_000, highWaterBytes: 100_000, sendBytesMax: 20_000_000 }
const authority = newCertificate({ name: 'authority' })
const certificate = newCertificate({ name: 'leader', ips: ['127.0.0.1'], issuer: authority })

interface Pair {
  readonly left: End
  readonly right: End
}

type Kind = 'memory' | 'tcp' | 'tls'

describe.each<Kind>(['memory', 'tcp', 'tls'])('a link over %s', (kind) => {
  let listener: Listener | undefined
  const accepted: ((end: End) => void)[] = []

  beforeAll(async () => {
    if (kind === 'memory') return
    const tls = kind === 'tls' ? { cert: certificate.cert, key: certificate.key } : undefined
    const onLink = (link: Parameters<End['onLink']>[0]): ReturnType<End['onLink']> => {
      const end = new End()
      const handlers = end.onLink(link)
      accepted.shift()?.(end)
      return handlers
    }
    listener = await listenTcp({ port: 0, tls, limits, onLink, onError() {} })
  })
  afterAll(async () => {
    await listener?.close()
  })

  async function newPair(): Promise<Pair> {
    const left = new End()
    if (listener === undefined) {
      const right = new End()
      memoryLinks({ schedule: setImmediate, limits, onLeft: left.onLink, onRight: right.onLink })
      return { left, right }
    }
    const right = new Promise<End>((resolve) => accepted.push(resolve))
    await connectTcp({ url: listener.url, tls: kind === 'tls' ? { ca: authority.cert } : undefined, limits, onLink: left.onLink })
    return { left, right: await right }
  }

  test('messages arrive whole, in order, both ways', async () => {
    const { left, right } = await newPair()
    const sizes = [0, 1, 7, 8192, 8193, 65_535, 65_536, 70_000, 0, 3_000_000, 5]
    for (const size of sizes) left.up.send([new Uint8Array(size).fill(size % 251)])
    for (const size of sizes.toReversed()) right.up.send([new Uint8Array(size).fill(size % 251)])
    await until(() => left.messages.length === sizes.length && right.messages.length === sizes.length)
    expect(right.messages.map((bytes) => bytes.byteLength)).toEqual(sizes)
    expect(left.messages.map((bytes) => bytes.byteLength)).toEqual(sizes.toReversed())
    expect([...left.messages, ...right.messages].every((bytes) => bytes.every((byte) => byte === bytes.byteLength % 251))).toBe(
      true,
    )
    left.up.close()
  })

  test('the parts of a message arrive joined, small and large ones mixed', async () => {
    const { left, right } = await newPair()
    const sizes = [3, 20_000, 0, 9, 8192, 100_000, 1, 8193]
    const parts = sizes.map((size, index) => new Uint8Array(size).fill(index + 1))
    left.up.send(parts)
    left.up.send([])
    await until(() => right.messages.length === 2)
    expect(Buffer.compare(Buffer.concat(parts), right.messages[0] ?? Buffer.of())).toBe(0)
    expect(right.messages[1]?.byteLength).toBe(0)
    left.up.close()
  })

  test('nothing is delivered within send', async () => {
    const { left, right } = await newPair()
    left.up.send([Uint8Array.of(1)])
    left.up.flush()
    expect(right.messages).toEqual([])
    await until(() => right.messages.length === 1)
    left.up.close()
  })

  test('send says when to wait, and drain says when to go on; then nothing waits', async () => {
    const { left, right } = await newPair()
    let sent = 0
    const megabyte = new Uint8Array(1_000_000)
    do sent++
    while (left.up.send([megabyte]) && sent < 18)
    expect(sent).toBeLessThan(18)
    expect(left.up.bytesWaiting).toBeGreaterThan(limits.highWaterBytes)
    expect(left.drains).toBe(0)
    await until(() => left.drains === 1)
    expect(left.up.bytesWaiting).toBe(0)
    await until(() => right.messages.length === sent)
    expect(left.drains).toBe(1)
    left.up.close()
  })

  test('drain comes even when all goes out at once', async () => {
    const { left, right } = await newPair()
    expect(left.up.send([new Uint8Array(100_001)])).toBe(left.up.bytesWaiting <= limits.highWaterBytes)
    const small = new Uint8Array(900)
    const answers = Array.from({ length: 200 }, () => left.up.send([small]))
    await until(() => right.messages.length === 201)
    if (answers.includes(false)) await until(() => left.drains > 0)
    left.up.close()
  })

  test('an end that never waits is cut off at the cap, and its memory with it', async () => {
    const { left, right } = await newPair()
    let sent = 0
    while (!left.isClosed && sent < 60) {
      left.up.send([new Uint8Array(2_900_000)])
      sent++
    }
    await until(() => left.isClosed && right.isClosed)
    expect(left.ending).toBe('PEER_TOO_SLOW')
    expect(right.ending).toBe('LINK_LOST')
  })

  test('a message larger than the other end takes is not sent, and the link goes on', async () => {
    const { left, right } = await newPair()
    expect(left.up.messageBytesMax).toBe(3_000_000)
    expect(() => left.up.send([new Uint8Array(3_000_000), new Uint8Array(1)])).toThrow(
      expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }),
    )
    left.up.send([Uint8Array.of(7)])
    await until(() => right.messages.length === 1)
    left.up.close()
  })

  test('what was sent before close still arrives; then both ends are told once', async () => {
    const { left, right } = await newPair()
    left.up.send([new Uint8Array(2_000_000)])
    left.up.send([Uint8Array.of(1)])
    left.up.close()
    left.up.close(new StemmaError('BAD_ARGUMENT', 'a second close says nothing'))
    expect(left.closings).toEqual([])
    await until(() => left.isClosed && right.isClosed)
    expect(right.messages.map((bytes) => bytes.byteLength)).toEqual([2_000_000, 1])
    expect([left.ending, right.ending]).toEqual(['in good order', 'in good order'])
  })

  test('the reason of close stays on this side', async () => {
    const { left, right } = await newPair()
    left.up.close(new StemmaError('DAMAGED_ENTRY', 'made up'))
    await until(() => left.isClosed && right.isClosed)
    expect([left.ending, right.ending]).toEqual(['DAMAGED_ENTRY', 'in good order'])
  })

  test('after close nothing comes in any more, and nothing goes out', async () => {
    const { left, right } = await newPair()
    right.up.send([Uint8Array.of(1)])
    right.up.flush()
    left.up.close()
    expect(left.up.send([Uint8Array.of(2)])).toBe(false)
    await until(() => left.isClosed && right.isClosed)
    expect(left.messages).toEqual([])
    expect(right.messages).toEqual([])
    expect(right.up.send([Uint8Array.of(3)])).toBe(false)
  })

  test('a handler that throws a StemmaError closes its link with it, in the midst of what came', async () => {
    const { left, right } = await newPair()
    right.onMessage = (bytes) => {
      if (bytes[0] === 2) throw new StemmaError('DAMAGED_ENTRY', 'made up')
    }
    for (const first of [1, 2, 3]) left.up.send([Uint8Array.of(first)])
    await until(() => left.isClosed && right.isClosed)
    expect(right.messages.map((bytes) => bytes[0])).toEqual([1, 2])
    expect([left.ending, right.ending]).toEqual(['LINK_LOST', 'DAMAGED_ENTRY'])
  })

  test('a handler that closes its link hears no more', async () => {
    const { left, right } = await newPair()
    right.onMessage = () => right.up.close()
    for (const first of [1, 2, 3]) left.up.send([Uint8Array.of(first)])
    await until(() => left.isClosed && right.isClosed)
    expect(right.messages).toHaveLength(1)
  })

  test('both ends may close at once', async () => {
    const { left, right } = await newPair()
    left.up.close()
    right.up.close()
    await until(() => left.isClosed && right.isClosed)
    expect([left.ending, right.ending]).toEqual(['in good order', 'in good order'])
  })

  test('the bytes are counted alike on both ends', async () => {
    const { left, right } = await newPair()
    const before = right.up.bytesReceived
    const sentBefore = left.up.bytesSent
    for (const size of [1, 100, 50_000]) left.up.send([new Uint8Array(size)])
    await until(() => right.messages.length === 3)
    expect(left.drains).toBe(0)
    expect(right.up.bytesReceived - before).toBe(left.up.bytesSent - sentBefore)
    expect(left.up.bytesSent - sentBefore).toBeGreaterThanOrEqual(50_101)
    left.up.close()
  })
})

test('links in memory deliver when the scheduler says so, and keep the order whatever it does', () => {
  const waiting: (() => void)[] = []
  const left = new End()
  const right = new End()
  memoryLinks({ schedule: (deliver) => waiting.unshift(deliver), onLeft: left.onLink, onRight: right.onLink })
  for (const first of [1, 2, 3]) left.up.send([Uint8Array.of(first)])
  expect(right.messages).toEqual([])
  while (waiting.length > 0) waiting.shift()?.()
  expect(right.messages.map((bytes) => bytes[0])).toEqual([1, 2, 3])
})

test('a link in memory that is cut loses what is on its way, and tells both ends', () => {
  const waiting: (() => void)[] = []
  const left = new End()
  const right = new End()
  const pair = memoryLinks({ schedule: (deliver) => waiting.push(deliver), onLeft: left.onLink, onRight: right.onLink })
  left.up.send([Uint8Array.of(1)])
  pair.cut()
  while (waiting.length > 0) waiting.shift()?.()
  expect(right.messages).toEqual([])
  expect([left.ending, right.ending]).toEqual(['LINK_LOST', 'LINK_LOST'])
})

test('a link in memory overwrites what it delivered, so that nobody keeps it by mistake', () => {
  const kept: Uint8Array[] = []
  const waiting: (() => void)[] = []
  const left = new End()
  const onRight = (): ReturnType<End['onLink']> => ({ message: (bytes) => kept.push(bytes), drain() {}, closed() {} })
  memoryLinks({ schedule: (deliver) => waiting.push(deliver), onLeft: left.onLink, onRight })
  left.up.send([Uint8Array.of(1, 2)])
  for (const deliver of waiting) deliver()
  expect(kept).toEqual([Uint8Array.of(0xdb, 0xdb)])
})
