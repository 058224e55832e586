import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { frame, joined } from '../test/bytes.ts'
import { End, Host, codeOf, until } from '../test/ends.ts'
import { FakeTimers } from '../test/fake-timers.ts'
import { encodePreamble } from './frame.ts'
import { newListenerHandshake } from './handshake.ts'
import { connectTcp, type ConnectOptions } from './index.ts'

const token = 'correct horse battery staple'

/** Something that listens and isn't Stemma. */
class Impostor {
  readonly server: Server
  readonly sockets: Socket[] = []

  constructor(onSocket: (socket: Socket) => void) {
    this.server = createServer((socket) => {
      this.sockets.push(socket)
      socket.on('error', () => {})
      onSocket(socket)
    }).listen(0, '127.0.0.1')
    onTestFinished(() => {
      for (const socket of this.sockets) socket.destroy()
      this.server.close()
    })
  }

  async url(): Promise<string> {
    await until(() => this.server.listening)
    return `tcp://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }
}

/** What a listener without a token says: all of it, before it was asked. */
function listenerBytes(): Uint8Array {
  const { greeting } = newListenerHandshake({ messageBytesMax: 1000, key: undefined, channelBinding: new Uint8Array(0) })
  return joined(encodePreamble(), frame(1, greeting), frame(1, Uint8Array.of(1)))
}

test.each([
  ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'NOT_STEMMA'],
  ['an alert of TLS', Uint8Array.of(0x15, 3, 3, 0, 2, 2, 70), 'NOT_STEMMA'],
  ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'), 'NOT_STEMMA'],
  ['another version', Uint8Array.of(...Buffer.from('STEMMA'), 7, 8), 'TRANSPORT_VERSION'],
  ['a huge greeting', joined(encodePreamble(), Uint8Array.of(0x1f, 0xff, 0xff, 0xff)), 'BAD_FRAME'],
  ['a message before the greeting', joined(encodePreamble(), frame(0, new Uint8Array(3))), 'BAD_FRAME'],
])('what answers with %s is left, with the reason', async (_what, bytes, code) => {
  const impostor = new Impostor((socket) => socket.write(bytes))
  const end = new End()
  expect(await codeOf(connectTcp({ url: await impostor.url(), onLink: end.onLink }))).toBe(code)
  expect(end.link).toBeUndefined()
})

test('what closes at once is left', async () => {
  const impostor = new Impostor((socket) => socket.end())
  expect(await codeOf(connectTcp({ url: await impostor.url(), onLink: new End().onLink }))).toBe('LINK_LOST')
})

test('a listener that does not know our token gets nothing from us but a proof of no use', async () => {
  const impostor = new Impostor((socket) => socket.write(listenerBytes()))
  expect(await codeOf(connectTcp({ url: await impostor.url(), token, onLink: new End().onLink }))).toBe('AUTHENTICATION_FAILED')
})

test('what takes the connection and says nothing is left at the end of the time for greetings', async () => {
  const timers = new FakeTimers()
  const impostor = new Impostor(() => {})
  const url = await impostor.url()
  const code = codeOf(connectTcp({ url, timers, limits: { handshakeMs: 3000 }, onLink: new End().onLink }))
  await until(() => impostor.sockets.length === 1)
  timers.advance(3000)
  expect(await code).toBe('HANDSHAKE_TIMEOUT')
  expect(timers.waiting).toBe(0)
})

test('connecting can be called off, with the reason that was given', async () => {
  const impostor = new Impostor(() => {})
  const url = await impostor.url()
  const abort = new AbortController()
  const connecting = connectTcp({ url, signal: abort.signal, onLink: new End().onLink })
  await until(() => impostor.sockets.length === 1)
  abort.abort(new Error('we changed our mind'))
  await expect(connecting).rejects.toThrow('we changed our mind')
  await expect(connectTcp({ url, signal: abort.signal, onLink: new End().onLink })).rejects.toThrow('we changed our mind')
})

test('a link that is up is not touched by the signal', async () => {
  const host = await Host.listen()
  const abort = new AbortController()
  const end = new End()
  const link = await connectTcp({ url: host.url, signal: abort.signal, onLink: end.onLink })
  abort.abort()
  link.send([Uint8Array.of(1)])
  await until(() => host.end.messages.length === 1)
  expect(end.isClosed).toBe(false)
  link.close()
})

test('a message that comes with the last bytes of the greeting is not missed', async () => {
  const impostor = new Impostor((socket) => socket.write(joined(listenerBytes(), frame(0, Uint8Array.of(42)))))
  const end = new End()
  await connectTcp({ url: await impostor.url(), onLink: end.onLink })
  await until(() => end.messages.length === 1)
  expect(end.messages).toEqual([Uint8Array.of(42)])
  end.up.close()
})

test.each<[string, string, string, Partial<ConnectOptions>?]>([
  ['nobody there', 'tcp://127.0.0.1:1', 'CONNECT_FAILED'],
  ['no address', 'leader:7411', 'BAD_ARGUMENT'],
  ['TLS files for plain TCP', 'tcp://127.0.0.1:1', 'BAD_ARGUMENT', { tls: {} }],
  ['a short token', 'tcp://127.0.0.1:1', 'BAD_ARGUMENT', { token: 'secret' }],
  ['a CA file that there is not', 'tls://127.0.0.1:1', 'BAD_ARGUMENT', { tls: { ca: '/no/such/file.pem' } }],
  [
    'a CA that is none',
    'tls://127.0.0.1:1',
    'BAD_ARGUMENT',
    { tls: { ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' } },
  ],
])('%s', async (_what, url, code, options = {}) => {
  expect(await codeOf(connectTcp({ url, onLink: new End().onLink, ...options }))).toBe(code)
})

test('a handler of new links that throws leaves no connection behind', async () => {
  const host = await Host.listen()
  const failing = connectTcp({
    url: host.url,
    onLink: () => {
      throw Object.assign(new Error('BAD_ARGUMENT: made up'), { name: 'StemmaError', code: 'BAD_ARGUMENT' })
    },
  })
  expect(await codeOf(failing)).toBe('BAD_ARGUMENT')
  await until(() => host.end.isClosed)
})
