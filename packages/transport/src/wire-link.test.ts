import { expect, test } from 'vitest'
import { frame, hello, joined } from '../test/bytes.ts'
import { End, Host, Stranger, until } from '../test/ends.ts'
import { FakeTimers } from '../test/fake-timers.ts'
import { FRAME } from './frame.ts'
import { newConnectorHandshake } from './handshake.ts'
import { connectTcp } from './index.ts'

const limits = { keepAliveMs: 5000, silentMs: 15_000, bytesPerSecondMin: 1000 }

/** A host on a clock of ours, and a raw socket with which it has a link. */
async function newLink(timers: FakeTimers): Promise<{ host: Host; peer: Stranger }> {
  const host = await Host.listen({ timers, limits })
  const peer = new Stranger(host.listener.port)
  const { greeting } = newConnectorHandshake({ messageBytesMax: 10_000_000, key: undefined, channelBinding: new Uint8Array(0) })
  peer.say(hello(greeting), frame(FRAME.handshake))
  await until(() => host.end.link !== undefined && peer.heard.byteLength >= 8 + 4 + 39 + 5)
  peer.heard = Buffer.alloc(0)
  return { host, peer }
}

test('an end that falls silent is asked twice, then taken for gone', async () => {
  const timers = new FakeTimers()
  const { host, peer } = await newLink(timers)
  timers.advance(5000)
  await until(() => peer.heard.byteLength === 4)
  timers.advance(9999)
  await until(() => peer.heard.byteLength === 8)
  expect(new Uint8Array(peer.heard)).toEqual(joined(frame(FRAME.ping), frame(FRAME.ping)))
  expect(host.end.isClosed).toBe(false)
  timers.advance(1)
  await until(() => host.end.isClosed)
  expect(host.end.ending).toBe('PEER_SILENT')
  expect(timers.waiting).toBe(0)
  await host.listener.close()
})

test('two idle ends keep each other alive for an hour', async () => {
  const timers = new FakeTimers()
  const host = await Host.listen({ timers, limits })
  const end = new End()
  await connectTcp({ url: host.url, timers, limits, onLink: end.onLink })
  await until(() => host.end.link !== undefined)
  for (let seconds = 0; seconds < 3600; seconds += 5) {
    timers.advance(5000)
    await until(() => end.up.bytesSent === host.end.up.bytesReceived && host.end.up.bytesSent === end.up.bytesReceived)
  }
  expect([end.isClosed, host.end.isClosed]).toEqual([false, false])
  end.up.close()
  await until(() => end.isClosed)
})

test('a standstill of our own is not held against the other end', async () => {
  const timers = new FakeTimers()
  const { host, peer } = await newLink(timers)
  timers.freeze(60_000)
  await until(() => peer.heard.byteLength === 4)
  peer.say(frame(FRAME.pong))
  const before = host.end.up.bytesReceived
  await until(() => host.end.up.bytesReceived > before)
  timers.freeze(60_000)
  expect(host.end.isClosed).toBe(false)
  peer.socket.destroy()
  await host.listener.close()
})

test('an answer is enough to stay, again and again', async () => {
  const timers = new FakeTimers()
  const { host, peer } = await newLink(timers)
  for (let round = 0; round < 5; round++) {
    timers.advance(10_000)
    peer.say(frame(FRAME.pong))
    const before = host.end.up.bytesReceived
    await until(() => host.end.up.bytesReceived > before)
  }
  expect(host.end.isClosed).toBe(false)
  peer.socket.destroy()
  await host.listener.close()
})

test('a message that trickles in is not waited for', async () => {
  const timers = new FakeTimers()
  const { host, peer } = await newLink(timers)
  const message = frame(FRAME.message, new Uint8Array(100_000))
  peer.say(message.subarray(0, 10))
  for (let tick = 0; tick < 3; tick++) {
    const before = host.end.up.bytesReceived
    peer.say(message.subarray(10 + tick * 4000, 10 + (tick + 1) * 4000))
    await until(() => host.end.up.bytesReceived >= before + 4000)
    expect(host.end.isClosed).toBe(false)
    timers.advance(5000)
  }
  await until(() => host.end.isClosed)
  expect(host.end.ending).toBe('PEER_TOO_SLOW')
  await host.listener.close()
})

test('a slow but steady network is waited for', async () => {
  const timers = new FakeTimers()
  const { host, peer } = await newLink(timers)
  const message = frame(FRAME.message, new Uint8Array(60_000))
  for (let at = 0; at < message.byteLength; at += 6000) {
    const before = host.end.up.bytesReceived
    const piece = message.subarray(at, at + 6000)
    peer.say(piece)
    await until(() => host.end.up.bytesReceived >= before + piece.byteLength)
    timers.advance(5000)
  }
  await until(() => host.end.messages.length === 1)
  expect(host.end.isClosed).toBe(false)
  peer.socket.destroy()
  await host.listener.close()
})

test('an end that talks but does not read is let go', async () => {
  const timers = new FakeTimers()
  const { host, peer } = await newLink(timers)
  peer.socket.pause()
  while (host.end.up.send([new Uint8Array(1_000_000)]));
  for (let tick = 0; tick < 6 && !host.end.isClosed; tick++) {
    const before = host.end.up.bytesReceived
    peer.say(frame(FRAME.pong))
    await until(() => host.end.up.bytesReceived > before)
    timers.advance(5000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await until(() => host.end.isClosed)
  expect(host.end.ending).toBe('PEER_TOO_SLOW')
  peer.socket.destroy()
  await host.listener.close()
})

test('messages of one turn leave together, at its end or at flush', async () => {
  const { host, peer } = await newLink(new FakeTimers())
  const chunks: number[] = []
  peer.socket.on('data', (chunk: Buffer) => chunks.push(chunk.byteLength))
  for (let i = 0; i < 100; i++) host.end.up.send([Uint8Array.of(i)])
  expect(host.end.up.bytesWaiting).toBe(500)
  host.end.up.flush()
  expect(host.end.up.bytesWaiting).toBe(0)
  await until(() => peer.heard.byteLength === 500)
  expect(chunks).toEqual([500])
  host.end.up.send([Uint8Array.of(1)])
  await Promise.resolve()
  expect(host.end.up.bytesWaiting).toBe(0)
  peer.socket.destroy()
  await host.listener.close()
})
