import { BlockList, isIP } from 'node:net'
import { StemmaError } from '@stemma/base'

/** Where a listener is reached. */
export interface LinkAddress {
  readonly scheme: 'tcp' | 'tls'
  /** A name or an IP address, without brackets. */
  readonly host: string
  readonly port: number
}

/**
 * Reads `tcp://host:port` or `tls://host:port`.
 *
 * @param portMin - 0 for an address to listen at, where port 0 means any free one
 * @throws StemmaError BAD_ARGUMENT; the message doesn't repeat the text when that holds a user name or password
 */
export function parseLinkUrl(text: string, portMin: 0 | 1 = 1): LinkAddress {
  const url = URL.parse(text)
  const wrong = (why: string, shown: string): StemmaError =>
    new StemmaError('BAD_ARGUMENT', `${shown} is no address of a leader: ${why}; write it as tcp://host:port or tls://host:port`)
  if (url === null) throw wrong('it is no URL', text.includes('@') ? 'the text given' : JSON.stringify(text))
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw wrong('secrets and options do not belong into it', 'the URL given')
  }
  const shown = JSON.stringify(text)
  if (url.protocol !== 'tcp:' && url.protocol !== 'tls:') throw wrong('it begins with neither tcp: nor tls:', shown)
  if (url.pathname !== '' && url.pathname !== '/') throw wrong('a path does not belong into it', shown)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = Number(url.port)
  if (host === '' || url.port === '' || !(port >= portMin && port <= 65535)) throw wrong('it names no host and port', shown)
  return { scheme: url.protocol === 'tcp:' ? 'tcp' : 'tls', host, port }
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
