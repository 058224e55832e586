import { BlockList, isIP } from 'node:net'
import { StemmaError } from '@stemma/base'

/** How a listener is reached: plain or by TLS, over a connection of its own or within a WebSocket. */
export type LinkScheme = 'tcp' | 'tls' | 'ws' | 'wss'

/** Where a listener is reached. */
export interface LinkAddress {
  readonly scheme: LinkScheme
  /** A name or an IP address, without brackets. */
  readonly host: string
  readonly port: number
}

const schemes: ReadonlyMap<string, LinkScheme> = new Map([
  ['tcp:', 'tcp'],
  ['tls:', 'tls'],
  ['ws:', 'ws'],
  ['wss:', 'wss'],
])
/** URLs of these schemes are read without their port when it is this one. */
const usualPorts: Readonly<Record<string, string>> = { 'ws:': '80', 'wss:': '443' }

/** True when a text is meant as the address of a listener, and not as a path: it begins as `parseLinkUrl` demands. */
export function isLinkUrl(text: string): boolean {
  const [scheme = '', rest] = text.split('//', 2)
  return rest !== undefined && schemes.has(scheme)
}

/** True when what goes over such a link is encrypted, and the listener has shown a certificate. */
export function isEncrypted(scheme: LinkScheme): boolean {
  return scheme === 'tls' || scheme === 'wss'
}

/** True when links to such an address are within WebSockets. */
export function isWebSocket(scheme: LinkScheme): boolean {
  return scheme === 'ws' || scheme === 'wss'
}

/**
 * Reads `tcp://host:port`, `tls://host:port`, `ws://host:port` or `wss://host:port`.
 *
 * @param portMin - 0 for an address to listen at, where port 0 means any free one
 * @throws StemmaError BAD_ARGUMENT; the message doesn't repeat the text when that holds a user name or password
 */
export function parseLinkUrl(text: string, portMin: 0 | 1 = 1): LinkAddress {
  const url = URL.parse(text)
  const wrong = (why: string, shown: string): StemmaError =>
    new StemmaError(
      'BAD_ARGUMENT',
      `${shown} is no address of a leader: ${why}; write it as tcp://host:port, or with tls, ws or wss`,
    )
  if (url === null) throw wrong('it is no URL', text.includes('@') ? 'the text given' : JSON.stringify(text))
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw wrong('secrets and options do not belong into it', 'the URL given')
  }
  const shown = JSON.stringify(text)
  const scheme = schemes.get(url.protocol)
  if (scheme === undefined) throw wrong('it begins with none of tcp:, tls:, ws: and wss:', shown)
  if (url.pathname !== '' && url.pathname !== '/') throw wrong('a path does not belong into it', shown)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const written = url.port === '' && /:\d+\/?$/.test(text) ? usualPorts[url.protocol] : url.port
  const port = Number(written)
  if (host === '' || written === undefined || written === '' || !(port >= portMin && port <= 65535))
    throw wrong('it names no host and port', shown)
  return { scheme, host, port }
}

/** Writes an address the way `parseLinkUrl` reads it. */
export function showLinkUrl(address: LinkAddress): string {
  return `${address.scheme}://${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** True when an IP address can be reached from this machine only. */
export function isLoopback(ip: string): boolean {
  return loopback.check(ip, isIP(ip) === 6 ? 'ipv6' : 'ipv4')
}

/** Whom a connection counts against: an IPv4 address, or an IPv6 /64, since one host commonly has all of that. */
export function addressShare(ip: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)
  if (mapped !== null) return mapped[1] as string
  if (!ip.includes(':')) return ip
  const [front = '', back] = (ip.split('%')[0] as string).split('::')
  const groups = front === '' ? [] : front.split(':')
  if (back !== undefined) {
    const after = back === '' ? [] : back.split(':')
    while (groups.length + after.length < 8) groups.push('0')
    groups.push(...after)
  }
  return `${groups.slice(0, 4).join(':')}::/64`
}
