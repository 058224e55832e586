import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { newCertificate } from '../test/certificates.ts'
import { hello, frame, joined } from '../test/bytes.ts'
import { End, Host, Stranger, codeOf, until } from '../test/ends.ts'
import { FakeTimers } from '../test/fake-timers.ts'
import { newConnectorHandshake } from './handshake.ts'
import { connectLink, connectTcp, listenLinks, type ListenLinksOptions } from './index.ts'

const over = 'websocket'
const token = 'correct horse battery staple'

/** A WebSocket of the library's own, that says what a test wants it to say. */
async function newStranger(host: Host, headers: Record<string, string> = {}): Promise<WebSocket> {
  const webSocket = new WebSocket(host.url, { perMessageDeflate: false, headers })
  onTestFinished(() => webSocket.terminate())
  webSocket.on('error', () => {})
  await new Promise((resolve) => webSocket.once('open', resolve).once('close', resolve))
  return webSocket
}

/** What an end with no token says to a listener that wants none, up to the first message. */
function greeting(): Uint8Array {
  const handshake = newConnectorHandshake({ messageBytesMax: 1000, key: undefined, channelBinding: new Uint8Array(0) })
  return joined(hello(handshake.greeting), frame(1))
}

test.each([
  ['a request that asks for no WebSocket', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a handshake without a key', 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
  ['what is no HTTP', 'STEMMA\u0001\u0001'],
  ['headers that are too large', `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(5000)}\r\n\r\n`],
])('%s is let go at once, without an answer', async (_what, text) => {
  const host = await Host.listen({ over, token })
  const stranger = new Stranger(host.listener.port)
  stranger.say(Buffer.from(text, 'latin1'))
  await until(() => stranger.isClosed && host.errors.length > 0)
  expect(stranger.heard.byteLength).toBe(0)
  expect(host.codes).toEqual(['NOT_STEMMA'])
})

test('a page in a browser gets no WebSocket, though it can reach this machine', async () => {
  const host = await Host.listen({ over })
  const page = await newStranger(host, { origin: 'http://localhost' })
  expect(page.readyState).toBe(WebSocket.CLOSED)
  expect([host.codes, host.end.link]).toEqual([['NOT_STEMMA'], undefined])
})

test.each<[string, Uint8Array | string, string]>([
  ['a message of text', 'STEMMA', 'BAD_FRAME'],
  ['a WebSocket message that is larger than a piece', new Uint8Array(8193), 'BAD_FRAME'],
  ['what is not ours', Buffer.from('GET / HTTP/1.1\r\n'), 'NOT_STEMMA'],
])('%s ends the connection before the greeting', async (_what, said, code) => {
  const host = await Host.listen({ over })
  const stranger = await newStranger(host)
  stranger.send(said)
  await until(() => stranger.readyState === WebSocket.CLOSED && host.errors.length > 0)
  expect(host.codes).toEqual([code])
})

test('a stranger that says nothing is let go at the end of the time for greetings, before its WebSocket and after', async () => {
  const timers = new FakeTimers()
  const host = await Host.listen({ over, timers, limits: { handshakeMs: 5000 } })
  const silent = new Stranger(host.listener.port)
  const open = await newStranger(host)
  await until(() => timers.waiting === 2)
  timers.advance(5000)
  await until(() => silent.isClosed && open.readyState === WebSocket.CLOSED && host.errors.length === 2)
  expect(host.codes).toEqual(['HANDSHAKE_TIMEOUT', 'HANDSHAKE_TIMEOUT'])
})

test('connections above the limit are refused', async () => {
  const host = await Host.listen({ over, limits: { connectionsMax: 1 } })
  await connectLink({ url: host.url, onLink: new End().onLink })
  expect(await codeOf(connectLink({ url: host.url, onLink: new End().onLink }))).toBe('LINK_LOST')
  expect(host.codes).toEqual(['TOO_MANY_CONNECTIONS'])
})

test('where one WebSocket message ends means nothing', async () => {
  const host = await Host.listen({ over })
  const stranger = await newStranger(host)
  for (const byte of joined(greeting(), frame(0, Uint8Array.of(1, 2, 3)))) stranger.send(Uint8Array.of(byte))
  await until(() => host.end.messages.length === 1)
  expect(host.end.messages).toEqual([Uint8Array.of(1, 2, 3)])
})

test('a flood of pings of the WebSocket is answered only as fast as it is read', async () => {
  const host = await Host.listen({ over })
  const stranger = await newStranger(host)
  stranger.send(greeting())
  await until(() => host.end.link !== undefined)
  let pongs = 0
  stranger.on('pong', () => pongs++)
  stranger.pause()
  const payload = new Uint8Array(125)
  for (let i = 0; i < 20_000; i++) stranger.ping(payload)
  stranger.send(frame(0, Uint8Array.of(1)))
  await until(() => host.end.messages.length === 1)
  // What waits in this process for a stranger who doesn't read is one answer at most, whatever the machine has taken.
  expect(host.end.up.bytesWaiting).toBeLessThan(1000)
  stranger.resume()
  await until(() => pongs > 0)
})

test('an end that falls silent is taken for gone', async () => {
  const timers = new FakeTimers()
  const host = await Host.listen({ over, timers, limits: { keepAliveMs: 5000, silentMs: 15_000 } })
  const stranger = await newStranger(host)
  stranger.send(greeting())
  await until(() => host.end.link !== undefined)
  timers.advance(15_000)
  await until(() => host.end.isClosed)
  expect(host.end.ending).toBe('PEER_SILENT')
})

test('an end that does not read is let go, and nothing is kept for it', async () => {
  const timers = new FakeTimers()
  const host = await Host.listen({ over, timers, limits: { keepAliveMs: 5000, silentMs: 15_000 } })
  const stranger = await newStranger(host)
  const handshake = newConnectorHandshake({ messageBytesMax: 2_000_000, key: undefined, channelBinding: new Uint8Array(0) })
  stranger.send(joined(hello(handshake.greeting), frame(1)))
  await until(() => host.end.link !== undefined)
  stranger.pause()
  while (host.end.up.send([new Uint8Array(1_000_000)]));
  for (let tick = 0; tick < 6 && !host.end.isClosed; tick++) {
    const before = host.end.up.bytesReceived
    stranger.send(frame(3))
    await until(() => host.end.up.bytesReceived > before)
    timers.advance(5000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await until(() => host.end.isClosed)
  expect(host.end.ending).toBe('PEER_TOO_SLOW')
})

test.each<[string, Partial<ListenLinksOptions>, string]>([
  ['0.0.0.0 without a token', { host: '0.0.0.0' }, 'LISTEN_WITHOUT_TOKEN'],
  ['0.0.0.0 without TLS', { host: '0.0.0.0', token }, 'LISTEN_WITHOUT_TLS'],
  ['an address of another machine', { host: '192.0.2.1', token, insecure: true }, 'LISTEN_FAILED'],
])('to listen at %s is refused', async (_what, options, code) => {
  expect(await codeOf(listenLinks({ over, port: 0, onLink: new End().onLink, onError() {}, ...options }))).toBe(code)
})

test.each<[number, string]>([
  [200, 'NOT_STEMMA'],
  [404, 'NOT_STEMMA'],
  [429, 'CONNECT_FAILED'],
  [502, 'CONNECT_FAILED'],
])('a server that answers with status %i instead of a WebSocket: %s', async (status, code) => {
  const server = createServer((_request, response) => response.writeHead(status).end()).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await until(() => server.listening)
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
  expect(await codeOf(connectLink({ url, onLink: new End().onLink }))).toBe(code)
})

test('each way to connect keeps to its own addresses, and none falls back to another', async () => {
  const webSocket = await Host.listen({ over })
  const tcp = await Host.listen()
  const { onLink } = new End()
  expect(await codeOf(connectTcp({ url: webSocket.url, onLink }))).toBe('BAD_ARGUMENT')
  expect(await codeOf(connectLink({ url: webSocket.url.replace('ws:', 'tcp:'), onLink }))).toBe('LINK_LOST')
  expect(await codeOf(connectLink({ url: tcp.url.replace('tcp:', 'ws:'), onLink }))).toBe('LINK_LOST')
  expect(await codeOf(connectLink({ url: 'ws://127.0.0.1:1', onLink }))).toBe('CONNECT_FAILED')
  expect(await codeOf(connectLink({ url: 'ws://127.0.0.1:1', tls: {}, onLink }))).toBe('BAD_ARGUMENT')
})

test('a certificate of another CA is refused at wss://', async () => {
  const { cert, key } = newCertificate({ name: 'leader', ips: ['127.0.0.1'], issuer: newCertificate({ name: 'authority' }) })
  const host = await Host.listen({ over, tls: { cert, key }, token })
  const tls = { ca: newCertificate({ name: 'another authority' }).cert }
  expect(host.url).toMatch(/^wss:/)
  expect(await codeOf(connectLink({ url: host.url, tls, token, onLink: new End().onLink }))).toBe('TLS_REFUSED')
  await until(() => host.errors.length === 1)
  expect(host.end.link).toBeUndefined()
})

test('connecting can be called off before there is a WebSocket', async () => {
  const server = createServer()
  server.on('upgrade', () => {})
  server.listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  await until(() => server.listening)
  const abort = new AbortController()
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
  const connecting = connectLink({ url, signal: abort.signal, onLink: new End().onLink })
  setImmediate(() => abort.abort(new Error('we changed our mind')))
  await expect(connecting).rejects.toThrow('we changed our mind')
})

test('a listener that closes ends its links in good order, and takes nobody any more', async () => {
  const host = await Host.listen({ over })
  const end = new End()
  await connectLink({ url: host.url, onLink: end.onLink })
  await host.listener.close()
  await until(() => end.isClosed)
  expect([end.ending, host.end.ending]).toEqual(['in good order', 'in good order'])
  expect(await codeOf(connectLink({ url: host.url, onLink: end.onLink }))).toBe('CONNECT_FAILED')
})
