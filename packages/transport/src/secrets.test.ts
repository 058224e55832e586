import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { newCertificate } from '../test/certificates.ts'
import { End, Host, Stranger, until } from '../test/ends.ts'
import { connectTcp, listenTcp, type ConnectOptions, type ListenOptions } from './index.ts'

const canary = 'canary-3f9c2e71-token'
const authority = newCertificate({ name: 'authority' })
const leader = newCertificate({ name: 'leader', ips: ['127.0.0.1'], issuer: authority })
const tls = { cert: leader.cert, key: leader.key }

/** All that could be printed of an error, its causes and what hangs on it. */
function print(value: unknown): string {
  return (
    inspect(value, { depth: 12, showHidden: true, getters: true, maxArrayLength: null, maxStringLength: null }) +
    String((value as Error).stack)
  )
}

function expectNoSecret(text: string): void {
  for (const form of [
    canary,
    Buffer.from(canary).toString('hex'),
    Buffer.from(canary).toString('base64').replace(/=+$/, ''),
    'BEGIN PRIVATE KEY',
  ]) {
    expect(text).not.toContain(form)
  }
}

test('no error of an end that connects holds the token', async () => {
  const good = await Host.listen({ token: 'another token, long enough', limits: { failureDelayMs: 1 } })
  const open = await Host.listen()
  const secure = await Host.listen({ tls, token: canary })
  const attempts: Partial<ConnectOptions>[] = [
    { url: good.url },
    { url: open.url },
    { url: good.url.replace('tcp:', 'tls:') },
    { url: secure.url },
    { url: secure.url.replace('tls:', 'tcp:') },
    { url: 'tcp://127.0.0.1:1' },
    { url: `tcp://${canary}@127.0.0.1:1` },
    { url: `tcp://127.0.0.1:1?token=${canary}` },
    { url: `${canary}@127.0.0.1` },
    { url: good.url, tls: { ca: authority.cert } },
    { url: secure.url, tls: { cert: leader.cert, key: authority.key } },
    { url: secure.url, token: 'canary-3f9c2e71-token'.slice(0, 15) },
    { url: good.url, limits: { messageBytesMax: 0 } },
  ]
  for (const attempt of attempts) {
    const options = { token: canary, onLink: new End().onLink, url: good.url, ...attempt }
    const error: unknown = await connectTcp(options).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(Error)
    expectNoSecret(print(error))
    expect(print(error)).not.toContain(canary.slice(0, 15))
  }
})

test('no error of an end that listens holds the token, and neither do the listener, its links and what goes over the wire', async () => {
  const host = await Host.listen({ token: canary, limits: { failureDelayMs: 1 } })
  const heard = new Stranger(host.listener.port)
  heard.say(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
  const end = new End()
  await connectTcp({ url: host.url, token: 'another token, long enough', onLink: end.onLink }).catch(() => {})
  await connectTcp({ url: host.url, token: canary, onLink: end.onLink })
  await until(() => host.errors.length === 2 && host.end.link !== undefined)
  for (const thing of [...host.errors, host.listener, host.end.link, end.link]) expectNoSecret(print(thing))
  end.up.close()

  const wrong: Partial<ListenOptions>[] = [
    { host: '0.0.0.0' },
    { port: 70_000 },
    { tls: { cert: leader.cert, key: authority.key } },
    { host: '192.0.2.1', insecure: true },
  ]
  for (const options of wrong) {
    const error: unknown = await listenTcp({ port: 0, token: canary, onLink: end.onLink, onError() {}, ...options }).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(Error)
    expectNoSecret(print(error))
  }
})
