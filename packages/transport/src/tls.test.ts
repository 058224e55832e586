import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { expect, test } from 'vitest'
import { newCertificate, type Certificate } from '../test/certificates.ts'
import { End, Host, Stranger, codeOf, until } from '../test/ends.ts'
import { connectTcp, type ConnectTls, type ListenTls } from './index.ts'

const day = 86_400_000
const authority = newCertificate({ name: 'authority' })
const stranger = newCertificate({ name: 'another authority' })
const leader = newCertificate({ name: 'leader', dns: ['localhost', 'db.internal'], ips: ['127.0.0.1'], issuer: authority })
const selfSigned = newCertificate({ name: 'self', ips: ['127.0.0.1'] })
const follower = newCertificate({ name: 'follower', issuer: authority })
const token = 'correct horse battery staple'
const trusts: ConnectTls = { ca: authority.cert }

const files = ({ cert, key }: Certificate): ListenTls => ({ cert, key })

test.each<[string, ListenTls, ConnectTls | undefined]>([
  ['a certificate signed by the CA that was given', files(leader), trusts],
  [
    'one that is good for the name that was given',
    files(newCertificate({ name: 'x', dns: ['db.internal'], issuer: authority })),
    { ...trusts, serverName: 'db.internal' },
  ],
  ['a self-signed one that was given as CA', files(selfSigned), { ca: selfSigned.cert }],
])('%s opens a link', async (_what, theirs, ours) => {
  const host = await Host.listen({ tls: theirs, token })
  const end = new End()
  await connectTcp({ url: host.url, tls: ours, token, onLink: end.onLink })
  end.up.send([new Uint8Array(1_000_000)])
  await until(() => host.end.messages.length === 1)
  expect([end.up.authenticated, host.end.up.authenticated]).toEqual([true, true])
  end.up.close()
  await until(() => end.isClosed && host.end.isClosed)
  expect([end.ending, host.end.ending]).toEqual(['in good order', 'in good order'])
})

test.each<[string, ListenTls, ConnectTls | undefined]>([
  ['a certificate of a CA that nobody knows', files(leader), undefined],
  ['a certificate of another CA', files(leader), { ca: stranger.cert }],
  ['a self-signed certificate', files(selfSigned), trusts],
  ['a certificate for another address', files(newCertificate({ name: 'x', ips: ['10.0.0.1'], issuer: authority })), trusts],
  ['a certificate for another name', files(leader), { ...trusts, serverName: 'db.external' }],
  [
    'a certificate that has expired',
    files(newCertificate({ name: 'x', ips: ['127.0.0.1'], issuer: authority, until: new Date(Date.now() - day / 2) })),
    trusts,
  ],
  [
    'a certificate of tomorrow',
    files(newCertificate({ name: 'x', ips: ['127.0.0.1'], issuer: authority, from: new Date(Date.now() + day / 2) })),
    trusts,
  ],
])('%s is refused', async (_what, theirs, ours) => {
  const host = await Host.listen({ tls: theirs, token })
  const end = new End()
  expect(await codeOf(connectTcp({ url: host.url, tls: ours, token, onLink: end.onLink }))).toBe('TLS_REFUSED')
  await until(() => host.errors.length === 1)
  expect([end.link, host.end.link]).toEqual([undefined, undefined])
})

test.each<[string, ConnectTls, string]>([
  ['our certificate of the right CA', { ...trusts, cert: follower.cert, key: follower.key }, 'link'],
  ['no certificate', trusts, 'TLS_REFUSED'],
  ['a certificate of another CA', { ...trusts, ...files(newCertificate({ name: 'follower', issuer: stranger })) }, 'LINK_LOST'],
  [
    'a certificate that has expired',
    { ...trusts, ...files(newCertificate({ name: 'follower', issuer: authority, until: new Date(Date.now() - 1) })) },
    'LINK_LOST',
  ],
])('where certificates are demanded: %s', async (_what, ours, want) => {
  const host = await Host.listen({ tls: { ...files(leader), ca: authority.cert } })
  const end = new End()
  const outcome = await connectTcp({ url: host.url, tls: ours, onLink: end.onLink }).then(
    () => 'link',
    (error: { code: string }) => error.code,
  )
  expect(outcome).toBe(want)
  if (outcome !== 'link') return await until(() => host.errors.length === 1)
  await until(() => host.end.link !== undefined)
  expect(host.end.up.authenticated).toBe(true)
  end.up.close()
})

test('plain bytes to a TLS port are refused, and the log of that end says why', async () => {
  const host = await Host.listen({ tls: files(leader), token })
  expect(await codeOf(connectTcp({ url: host.url.replace('tls:', 'tcp:'), token, onLink: new End().onLink }))).toBe('LINK_LOST')
  await until(() => host.errors.length === 1)
  expect(host.codes).toEqual(['NOT_STEMMA'])
})

test('TLS to a plain port is refused, and never falls back', async () => {
  const host = await Host.listen({ token })
  expect(await codeOf(connectTcp({ url: host.url.replace('tcp:', 'tls:'), token, onLink: new End().onLink }))).toBe('LINK_LOST')
  await until(() => host.errors.length === 1)
  expect(host.codes).toEqual(['NOT_STEMMA'])
})

test('an older TLS is refused', async () => {
  const host = await Host.listen({ tls: files(leader), token })
  const socket = connectTls({ port: host.listener.port, host: '127.0.0.1', ca: authority.cert, maxVersion: 'TLSv1.2' })
  const error = await new Promise<Error & { code?: string }>((resolve) => socket.once('error', resolve))
  expect(error.code).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
  await until(() => host.errors.length === 1)
})

test('a wrong token is refused over TLS too', async () => {
  const host = await Host.listen({ tls: files(leader), token, limits: { failureDelayMs: 1 } })
  const connecting = connectTcp({ url: host.url, tls: trusts, token: 'incorrect horse battery staple', onLink: new End().onLink })
  expect(await codeOf(connecting)).toBe('AUTHENTICATION_FAILED')
})

test('one that stays silent in the TLS handshake is let go', async () => {
  const host = await Host.listen({ tls: files(leader), token, limits: { handshakeMs: 30 } })
  const silent = new Stranger(host.listener.port)
  await until(() => silent.isClosed && host.errors.length === 1)
  expect(host.codes).toEqual(['HANDSHAKE_TIMEOUT'])
})

test('certificates and keys may be files, and can be replaced while it runs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  const path = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const expired = newCertificate({ name: 'x', ips: ['127.0.0.1'], issuer: authority, until: new Date(Date.now() - 1) })
  const host = await Host.listen({ tls: { cert: path('old.pem', expired.cert), key: path('old.key', expired.key) }, token })
  const tls = { ca: path('ca.pem', authority.cert) }
  const connect = (): Promise<string> =>
    codeOf(connectTcp({ url: host.url, tls, token, onLink: (link) => new End().onLink(link) }).then((link) => link.close()))
  expect(await connect()).toBe('TLS_REFUSED')
  await host.listener.replaceTls({ cert: path('new.pem', leader.cert), key: path('new.key', leader.key) })
  expect(await connect()).toBe('Error: it did not fail')
  expect(await codeOf(host.listener.replaceTls({ cert: leader.cert, key: follower.key }))).toBe('BAD_ARGUMENT')
  rmSync(folder, { recursive: true })
})

test.each<[string, ListenTls]>([
  ['a key that is not of the certificate', { cert: leader.cert, key: follower.key }],
  ['a file that there is not', { cert: '/no/such/file.pem', key: leader.key }],
  ['text that is no PEM', { cert: 'this\nis no certificate', key: leader.key }],
])('%s is refused at once', async (_what, tls) => {
  expect(await codeOf(Host.listen({ tls, token }))).toBe('BAD_ARGUMENT')
})
