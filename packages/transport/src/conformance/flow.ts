import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { StemmaError } from '@stemma/base'
import { TRIED_LIMITS, type Bench } from './bench.ts'
import { End } from './end.ts'
import type { Rule } from './rule.ts'

/** What comes of messages, and when to wait. */
export const flowRules: readonly Rule[] = [
  { id: 'TR-1', says: 'Messages arrive whole and in order, both ways; an empty message is one too.', check: wholeMessages },
  { id: 'TR-2', says: 'The parts of a message arrive joined, small and large ones mixed.', check: joinedParts },
  { id: 'TR-3', says: 'Nothing is delivered within `send` or `flush`.', check: deliveredLater },
  {
    id: 'TR-4',
    says: 'No message is missed between the opening of a link and its first handlers.',
    async check(bench) {
      const left = new End()
      const right = new End()
      await bench.open(left, right, {
        onRight(link) {
          const handlers = right.onLink(link)
          link.send([Uint8Array.of(1)])
          return handlers
        },
      })
      left.up.send([Uint8Array.of(2)])
      await bench.until('the first message of each end', () => left.messages.length > 0 && right.messages.length > 0)
      deepEqual([...left.messages, ...right.messages], [Uint8Array.of(1), Uint8Array.of(2)])
    },
  },
  {
    id: 'TR-5',
    says: '`send` returns false above the high-water mark; then `drain` is called once, when nothing waits.',
    check: drained,
  },
  {
    id: 'TR-6',
    says: '`drain` is called only after a `send` that returned false, and each time that one did.',
    check: drainsTold,
  },
  {
    id: 'TR-7',
    says: 'A link on which more waits than `sendBytesMax` is closed with PEER_TOO_SLOW; the other end learns LINK_LOST.',
    check: cutAtTheCap,
  },
  {
    id: 'TR-8',
    says: 'A message larger than the other end takes is refused with MESSAGE_TOO_LARGE, and the link goes on.',
    check: tooLarge,
  },
  { id: 'TR-9', says: 'Parts may be changed once `bytesWaiting` has been 0.', check: partsGivenBack },
  { id: 'TR-10', says: 'Bytes are counted alike on both ends, and contents are counted in full.', check: counted },
]

async function wholeMessages(bench: Bench): Promise<void> {
  const { left, right } = await bench.pair()
  const sizes = [0, 1, 7, 8192, 8193, 65_535, 65_536, 70_000, 0, 3_000_000, 5]
  for (const size of sizes) left.up.send([new Uint8Array(size).fill(size % 251)])
  for (const size of sizes.toReversed()) right.up.send([new Uint8Array(size).fill(size % 251)])
  await bench.until('all messages', () => left.messages.length >= sizes.length && right.messages.length >= sizes.length)
  const sizesOf = (end: End): number[] => end.messages.map((bytes) => bytes.byteLength)
  deepEqual([sizesOf(right), sizesOf(left)], [sizes, sizes.toReversed()], 'the sizes of the messages that came')
  for (const bytes of [...left.messages, ...right.messages])
    ok(
      bytes.every((byte) => byte === bytes.byteLength % 251),
      `what is in a message of ${bytes.byteLength} bytes`,
    )
}

async function joinedParts(bench: Bench): Promise<void> {
  const { left, right } = await bench.pair()
  const sizes = [3, 20_000, 0, 9, 8192, 100_000, 1, 8193]
  const parts = sizes.map((size, index) => new Uint8Array(size).fill(index + 1))
  left.up.send(parts)
  left.up.send([])
  await bench.until('two messages', () => right.messages.length >= 2)
  ok(Buffer.concat(parts).equals(right.messages[0] ?? Buffer.of()), 'the parts of a message, joined')
  equal(right.messages[1]?.byteLength, 0, 'the size of a message without parts')
}

async function deliveredLater(bench: Bench): Promise<void> {
  const { left, right } = await bench.pair()
  let within = false
  let cameWithin = false
  right.onMessage = () => (cameWithin ||= within)
  within = true
  left.up.send([Uint8Array.of(1)])
  left.up.flush()
  within = false
  await bench.until('a message', () => right.messages.length > 0)
  equal(cameWithin, false, 'delivered within send')
}

async function drained(bench: Bench): Promise<void> {
  const { left, right } = await bench.pair()
  const megabyte = new Uint8Array(1_000_000)
  let sent = 0
  do sent++
  while (left.up.send([megabyte]) && sent < 18)
  ok(sent < 18, 'send says when to wait')
  ok(left.up.bytesWaiting > TRIED_LIMITS.highWaterBytes, 'more than the high-water mark waits when send says so')
  equal(left.drains, 0, 'drains before the event loop turned')
  await bench.until('drain', () => left.drains > 0)
  equal(left.up.bytesWaiting, 0, 'bytes that wait at drain')
  await bench.until('all messages', () => right.messages.length >= sent)
  await bench.settle()
  equal(left.drains, 1, 'drains')
}

async function drainsTold(bench: Bench): Promise<void> {
  const { left, right } = await bench.pair()
  let came = 0
  for (let round = 1; round <= 3; round++) {
    for (let i = 0; i < 5; i++) ok(left.up.send([new Uint8Array(900)]), 'a little may be sent at once')
    came += 5
    await bench.until('small messages', () => right.messages.length >= came)
    await bench.settle()
    equal(left.drains, round - 1, 'drains before send said to wait')
    do came++
    while (left.up.send([new Uint8Array(1_000_000)]) && came < 100)
    await bench.until('drain', () => left.drains >= round && right.messages.length >= came)
    equal(left.drains, round, 'drains after send said to wait')
  }
}

async function cutAtTheCap(bench: Bench): Promise<void> {
  const { left, right } = await bench.pair()
  for (let sent = 0; !left.isClosed && sent < 60; sent++) left.up.send([new Uint8Array(2_900_000)])
  await bench.until('the end of a link that never waits', () => left.isClosed && right.isClosed)
  deepEqual([left.ending, right.ending], ['PEER_TOO_SLOW', 'LINK_LOST'], 'how both ends ended')
}

async function tooLarge(bench: Bench): Promise<void> {
  const { left, right } = await bench.pair()
  equal(left.up.messageBytesMax, TRIED_LIMITS.messageBytesMax, 'messageBytesMax')
  throws(
    () => left.up.send([new Uint8Array(TRIED_LIMITS.messageBytesMax), new Uint8Array(1)]),
    (error) => StemmaError.is(error, 'MESSAGE_TOO_LARGE'),
    'a message that is one byte too large',
  )
  left.up.send([Uint8Array.of(7)])
  await bench.until('a message after one that was too large', () => right.messages.length > 0)
  deepEqual(right.messages, [Uint8Array.of(7)], 'what came')
}

async function partsGivenBack(bench: Bench): Promise<void> {
  const { left, right } = await bench.pair()
  const parts = [new Uint8Array(10).fill(1), new Uint8Array(100_000).fill(2), new Uint8Array(20).fill(3)]
  left.up.send(parts)
  await bench.until('nothing to wait', () => left.up.bytesWaiting === 0)
  const sent = Buffer.concat(parts)
  for (const part of parts) part.fill(0xee)
  await bench.until('the message', () => right.messages.length > 0)
  ok(sent.equals(right.messages[0] ?? Buffer.of()), 'the message as it was when it was sent')
}

async function counted(bench: Bench): Promise<void> {
  const { left, right } = await bench.pair()
  const sentBefore = left.up.bytesSent
  const receivedBefore = right.up.bytesReceived
  for (const size of [1, 100, 50_000]) left.up.send([new Uint8Array(size)])
  await bench.until('all messages', () => right.messages.length >= 3)
  const sent = left.up.bytesSent - sentBefore
  equal(right.up.bytesReceived - receivedBefore, sent, 'bytes received, to bytes sent')
  ok(sent >= 50_101, `${sent} bytes are counted for messages of 50101`)
}
