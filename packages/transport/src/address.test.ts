import { expect, test } from 'vitest'
import { addressShare, isLinkUrl, isLoopback, parseLinkUrl, showLinkUrl } from './address.ts'

test.each([
  ['tcp://127.0.0.1:7411', { scheme: 'tcp', host: '127.0.0.1', port: 7411 }],
  ['tls://db.example.com:1', { scheme: 'tls', host: 'db.example.com', port: 1 }],
  ['ws://127.0.0.1:80', { scheme: 'ws', host: '127.0.0.1', port: 80 }],
  ['wss://db.example.com:443', { scheme: 'wss', host: 'db.example.com', port: 443 }],
  ['ws://[::1]:7411', { scheme: 'ws', host: '::1', port: 7411 }],
  ['tcp://[::1]:65535', { scheme: 'tcp', host: '::1', port: 65535 }],
])('%s is read and written back', (text, address) => {
  expect(parseLinkUrl(text)).toEqual(address)
  expect(showLinkUrl(parseLinkUrl(text))).toBe(text)
})

test.each([
  '',
  'leader',
  'tcp://leader',
  'tcp://:7411',
  'tcp://h:0',
  'tcp://h:65536',
  'http://h:80',
  'ws://h',
  'wss://h/path:443',
  'ws://h:443/path',
  'tcp://h:1/path',
  'tcp://h:1?token=x',
  'tcp://h:1#x',
])('%j is no address', (text) => {
  expect(() => parseLinkUrl(text)).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }))
})

test.each([
  ['tcp://h:1', true],
  ['wss://h', true],
  ['app.db', false],
  ['./tcp:/h', false],
  ['http://h:1', false],
  ['ws:h', false],
])('%s is meant as an address: %s', (text, want) => {
  expect(isLinkUrl(text)).toBe(want)
})

test.each(['tcp://canary@h:1', 'tcp://user:canary@h:1', 'tcp://h:1?token=canary', 'tcp://user:canary@h:99999'])(
  '%s is not repeated in the error',
  (text) => {
    expect(() => parseLinkUrl(text)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('canary') }))
  },
)

test.each([
  ['127.0.0.1', true],
  ['127.9.9.9', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['0.0.0.0', false],
  ['::', false],
  ['10.0.0.1', false],
  ['fe80::1', false],
])('%s is of this machine only: %s', (ip, want) => {
  expect(isLoopback(ip)).toBe(want)
})

test.each([
  ['10.0.0.7', '10.0.0.7'],
  ['::ffff:10.0.0.7', '10.0.0.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8::9', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
])('a connection from %s counts against %s', (ip, share) => {
  expect(addressShare(ip)).toBe(share)
})
