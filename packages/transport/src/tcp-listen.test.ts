import { createServer, type AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { frame, hello, joined } from '../test/bytes.ts'
import { End, Host, Stranger, codeOf, until } from '../test/ends.ts'
import { FakeTimers } from '../test/fake-timers.ts'
import { encodePreamble } from './frame.ts'
import { newConnectorHandshake } from './handshake.ts'
import { connectTcp, listenTcp } from './index.ts'
import { newTokenKey } from './token.ts'

const token = 'correct horse battery staple'
const quick = { failureDelayMs: 1 }

/** What an end with no token says to a listener that wants none, up to the first message. */
function greeting(): Uint8Array {
  const handshake = newConnectorHandshake({ messageBytesMax: 1000, key: undefined, channelBinding: new Uint8Array(0) })
  return joined(hello(handshake.greeting), frame(1))
}

describe('strangers', () => {
  test.each([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 'NOT_STEMMA'],
    ['TLS', Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1), 'NOT_STEMMA'],
    ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'), 'NOT_STEMMA'],
    ['a huge length', joined(encodePreamble(), Uint8Array.of(0x1f, 0xff, 0xff, 0xff)), 'BAD_FRAME'],
    ['a message first', joined(encodePreamble(), frame(0, new Uint8Array(10))), 'BAD_FRAME'],
    ['a greeting of the wrong shape', hello(new Uint8Array(3)), 'BAD_FRAME'],
    ['another version', Uint8Array.of(...Buffer.from('STEMMA'), 7, 8), 'TRANSPORT_VERSION'],
  ])('%s is let go at once, without an answer', async (_what, bytes, code) => {
    const host = await Host.listen({ token })
    const stranger = new Stranger(host.listener.port)
    stranger.say(bytes)
    await until(() => stranger.isClosed && host.errors.length > 0)
    expect(stranger.heard.byteLength).toBe(0)
    expect(host.codes).toEqual([code])
  })

  test('one that goes away in the middle of its greeting', async () => {
    const host = await Host.listen()
    const stranger = new Stranger(host.listener.port)
    stranger.say(greeting().subarray(0, 20))
    stranger.socket.end()
    await until(() => host.errors.length > 0)
    expect(host.codes).toEqual(['LINK_LOST'])
  })

  test('one that says nothing, or little by little, is let go at the end of the time for greetings', async () => {
    const timers = new FakeTimers()
    const host = await Host.listen({ timers, limits: { handshakeMs: 5000 } })
    const silent = new Stranger(host.listener.port)
    const slow = new Stranger(host.listener.port)
    await until(() => timers.waiting === 2)
    for (const byte of greeting().subarray(0, 4)) {
      timers.advance(1000)
      slow.say(Uint8Array.of(byte))
    }
    expect([silent.isClosed, slow.isClosed]).toEqual([false, false])
    timers.advance(1000)
    await until(() => silent.isClosed && slow.isClosed)
    await until(() => host.errors.length === 2)
    expect(host.codes).toEqual(['HANDSHAKE_TIMEOUT', 'HANDSHAKE_TIMEOUT'])
    expect(timers.waiting).toBe(0)
  })

  test('one byte at a time is fine, if quick enough', async () => {
    const host = await Host.listen()
    const stranger = new Stranger(host.listener.port)
    for (const byte of joined(greeting(), frame(0, Uint8Array.of(1, 2, 3)))) {
      stranger.say(Uint8Array.of(byte))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await until(() => host.end.messages.length === 1)
    expect(host.end.messages[0]).toEqual(Uint8Array.of(1, 2, 3))
    stranger.socket.destroy()
    await until(() => host.end.isClosed)
  })

  test('many at once: those above the limit are refused, and a follower still gets in when they are gone', async () => {
    const host = await Host.listen({ limits: { pendingPerAddress: 5, connectionsPerAddress: 8 } })
    const strangers = Array.from({ length: 30 }, () => new Stranger(host.listener.port))
    await until(() => host.errors.length === 25)
    expect(new Set(host.codes)).toEqual(new Set(['TOO_MANY_CONNECTIONS']))
    for (const { socket } of strangers) socket.destroy()
    await until(() => host.errors.length === 30)
    const end = new End()
    await connectTcp({ url: host.url, onLink: end.onLink })
    end.up.close()
    await until(() => end.isClosed)
  })
})

test('a link no longer counts as one that has to prove itself', async () => {
  const host = await Host.listen({ limits: { pendingPerAddress: 1, pendingMax: 1 } })
  const ends = [new End(), new End(), new End()]
  for (const end of ends) await connectTcp({ url: host.url, onLink: end.onLink })
  expect(ends.map(({ isClosed }) => isClosed)).toEqual([false, false, false])
})

test('links above the limit are refused', async () => {
  const host = await Host.listen({ limits: { connectionsMax: 2 } })
  for (let i = 0; i < 2; i++) await connectTcp({ url: host.url, onLink: new End().onLink })
  expect(await codeOf(connectTcp({ url: host.url, onLink: new End().onLink }))).toBe('LINK_LOST')
  expect(host.codes).toEqual(['TOO_MANY_CONNECTIONS'])
})

describe('after the greeting', () => {
  test.each([
    ['a message larger than we take', Uint8Array.of(0x00, 0x00, 0x04, 0x01), 'MESSAGE_TOO_LARGE'],
    ['a frame that there is not', frame(9), 'BAD_FRAME'],
    ['a second greeting', frame(1, new Uint8Array(39)), 'BAD_FRAME'],
    ['a part of a message, then nothing', frame(0, new Uint8Array(500)).subarray(0, 100), 'LINK_LOST'],
  ])('%s closes the link', async (_what, bytes, code) => {
    const host = await Host.listen({ limits: { messageBytesMax: 1024 } })
    const stranger = new Stranger(host.listener.port)
    stranger.say(greeting(), frame(0, Uint8Array.of(1)), bytes)
    stranger.socket.end()
    await until(() => host.end.isClosed)
    expect(host.end.messages).toHaveLength(1)
    expect(host.end.ending).toBe(code)
    expect(host.errors).toEqual([])
  })

  test('a flood of pings is answered only as fast as it is read', async () => {
    const host = await Host.listen()
    const stranger = new Stranger(host.listener.port)
    stranger.socket.pause()
    stranger.say(greeting())
    const flood = Buffer.concat(Array.from({ length: 50_000 }, () => frame(2)))
    for (let i = 0; i < 20; i++) stranger.say(flood)
    await until(() => stranger.socket.writableLength === 0)
    await until(() => (host.end.link?.bytesReceived ?? 0) > 20 * flood.byteLength)
    expect(host.end.up.bytesSent).toBeLessThan(100_000)
    stranger.socket.destroy()
    await until(() => host.end.isClosed)
  })
})

describe('tokens', () => {
  test('the right one opens a link that both ends can trust', async () => {
    const host = await Host.listen({ token })
    const end = new End()
    const link = await connectTcp({ url: host.url, token: Buffer.from(token), onLink: end.onLink })
    expect(link).toBe(end.link)
    await until(() => host.end.link !== undefined)
    expect([link.authenticated, host.end.up.authenticated]).toEqual([true, true])
    link.close()
  })

  test('without one, a link is open but not authenticated', async () => {
    const host = await Host.listen()
    const end = new End()
    const link = await connectTcp({ url: host.url, onLink: end.onLink })
    await until(() => host.end.link !== undefined)
    expect([link.authenticated, host.end.up.authenticated]).toEqual([false, false])
    link.close()
  })

  test.each([
    ['another one', token, 'incorrect horse battery staple'],
    ['none where one is wanted', token, undefined],
    ['one that the listener cannot prove', undefined, token],
  ])('%s opens nothing', async (_what, theirs, ours) => {
    const host = await Host.listen({ token: theirs, limits: quick })
    const end = new End()
    expect(await codeOf(connectTcp({ url: host.url, token: ours, onLink: end.onLink }))).toBe('AUTHENTICATION_FAILED')
    await until(() => host.errors.length === 1)
    expect([end.link, host.end.link]).toEqual([undefined, undefined])
  })

  test('what was overheard from one link opens no other', async () => {
    const host = await Host.listen({ token, limits: quick })
    const overheard: Buffer[] = []
    const tap = createServer((near) => {
      const far = new Stranger(host.listener.port).socket
      near.on('data', (chunk) => overheard.push(chunk))
      near.pipe(far).pipe(near)
    }).listen(0, '127.0.0.1')
    await until(() => tap.listening)
    const end = new End()
    await connectTcp({ url: `tcp://127.0.0.1:${(tap.address() as AddressInfo).port}`, token, onLink: end.onLink })
    end.up.close()
    await until(() => end.isClosed)
    tap.close()

    const stranger = new Stranger(host.listener.port)
    stranger.say(...overheard)
    await until(() => host.errors.length === 1)
    expect(host.codes).toEqual(['AUTHENTICATION_FAILED'])
  })

  test('a wrong answer is told late, by the clock, and all wrong answers are told alike', async () => {
    const timers = new FakeTimers()
    const host = await Host.listen({ token, timers, limits: { failureDelayMs: 700 } })
    const key = newTokenKey('incorrect horse battery staple')
    const handshake = newConnectorHandshake({ messageBytesMax: 1, key, channelBinding: new Uint8Array(0) })
    const proofs = [new Uint8Array(32), new Uint8Array(0), new Uint8Array(4096)]
    const strangers = proofs.map((proof) => {
      const stranger = new Stranger(host.listener.port)
      stranger.say(hello(handshake.greeting), frame(1, proof))
      return stranger
    })
    await until(() => timers.waiting === 6 && strangers.every(({ heard }) => heard.byteLength > 0))
    const challengeBytes = encodePreamble().byteLength + 4 + 39
    expect(strangers.map(({ heard }) => heard.byteLength)).toEqual(proofs.map(() => challengeBytes))
    timers.advance(699)
    expect(host.errors).toEqual([])
    timers.advance(1)
    await until(() => strangers.every(({ isClosed }) => isClosed))
    expect(strangers.map(({ heard }) => [...heard.subarray(challengeBytes)])).toEqual(proofs.map(() => [0x10, 0, 0, 1, 0]))
    await until(() => host.errors.length === 3)
  })
})

test('a connection has one try: a right proof after a wrong one is too late', async () => {
  const timers = new FakeTimers()
  const host = await Host.listen({ token, timers })
  const stranger = new Stranger(host.listener.port)
  const handshake = newConnectorHandshake({ messageBytesMax: 1, key: newTokenKey(token), channelBinding: new Uint8Array(0) })
  stranger.say(hello(handshake.greeting))
  await until(() => stranger.heard.byteLength === 51)
  const right = handshake.take(stranger.heard.subarray(12)).frame ?? new Uint8Array(0)
  expect(right.byteLength).toBe(32)
  stranger.say(frame(1, new Uint8Array(32)), frame(1, right))
  await until(() => timers.waiting === 2)
  timers.advance(500)
  await until(() => stranger.isClosed && host.errors.length === 1)
  expect([...stranger.heard.subarray(51)]).toEqual([0x10, 0, 0, 1, 0])
  expect(host.end.link).toBeUndefined()
})

describe('where it listens', () => {
  test.each([
    ['0.0.0.0 without a token', { host: '0.0.0.0' }, 'LISTEN_WITHOUT_TOKEN'],
    ['0.0.0.0 without a token, even if insecure', { host: '0.0.0.0', insecure: true }, 'LISTEN_WITHOUT_TOKEN'],
    ['0.0.0.0 without TLS', { host: '0.0.0.0', token }, 'LISTEN_WITHOUT_TLS'],
    [':: without a token', { host: '::' }, 'LISTEN_WITHOUT_TOKEN'],
    ['an address of another machine', { host: '192.0.2.1', token, insecure: true }, 'LISTEN_FAILED'],
    ['a port that there is not', { port: 70_000 }, 'BAD_ARGUMENT'],
    ['a short token', { token: 'secret' }, 'BAD_ARGUMENT'],
    ['a limit that there is not', { limits: { connectionMax: 3 } as object }, 'BAD_ARGUMENT'],
    ['a limit that is no number', { limits: { connectionsMax: 0 } }, 'BAD_ARGUMENT'],
    ['a message size beyond what frames can say', { limits: { messageBytesMax: 2 ** 28 } }, 'BAD_ARGUMENT'],
  ])('%s is refused', async (_what, options, code) => {
    const listening = listenTcp({ port: 0, onLink: new End().onLink, onError() {}, ...options })
    expect(await codeOf(listening)).toBe(code)
  })

  test('a port that is taken is refused', async () => {
    const host = await Host.listen()
    expect(await codeOf(Host.listen({ port: host.listener.port }))).toBe('LISTEN_FAILED')
  })

  test('elsewhere with a token, if told that it is a private network', async () => {
    const host = await Host.listen({ host: '0.0.0.0', token, insecure: true })
    expect(host.url).toMatch(/^tcp:\/\/0\.0\.0\.0:\d+$/)
  })
})

describe('closing', () => {
  test('a listener that closes ends its links in good order, lets strangers go, and takes nobody any more', async () => {
    const host = await Host.listen()
    const stranger = new Stranger(host.listener.port)
    const end = new End()
    await connectTcp({ url: host.url, onLink: end.onLink })
    await host.listener.close()
    await until(() => end.isClosed && stranger.isClosed)
    expect([end.ending, host.end.ending]).toEqual(['in good order', 'in good order'])
    expect(await codeOf(connectTcp({ url: host.url, onLink: end.onLink }))).toBe('CONNECT_FAILED')
  })

  test('an end that does not read what is left is cut off after a while', async () => {
    const timers = new FakeTimers()
    const host = await Host.listen({ timers, limits: { closeMs: 2000 } })
    const stranger = new Stranger(host.listener.port)
    stranger.socket.pause()
    stranger.say(greeting())
    await until(() => host.end.link !== undefined)
    for (let i = 0; i < 20; i++) host.end.up.send([new Uint8Array(1000)])
    host.end.up.close()
    await new Promise((resolve) => setImmediate(resolve))
    expect(host.end.isClosed).toBe(false)
    timers.advance(2000)
    await until(() => host.end.isClosed)
    expect(host.end.ending).toBe('in good order')
    stranger.socket.destroy()
  })
})
