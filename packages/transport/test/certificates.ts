import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'

// Just enough of X.509 to make certificates for tests, so that they need neither a network nor an openssl program.

/** A certificate and its key, as PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
  readonly name: string
  readonly privateKey: KeyObject
}

export interface CertificateOptions {
  readonly name: string
  /** DNS names that it is good for. */
  readonly dns?: readonly string[]
  /** IPv4 addresses that it is good for. */
  readonly ips?: readonly string[]
  /** Who signs it. Itself when left out, as an authority. */
  readonly issuer?: Certificate
  readonly from?: Date
  readonly until?: Date
}

/** Makes a certificate. */
export function newCertificate(options: CertificateOptions): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const day = 86_400_000
  const from = options.from ?? new Date(Date.now() - day)
  const until = options.until ?? new Date(Date.now() + day)
  const algorithm = sequence(oid('2a8648ce3d040302')) // ecdsa-with-SHA256
  const body = sequence(
    tag(0xa0, integer(2)),
    integer(++serial),
    algorithm,
    distinguishedName(options.issuer?.name ?? options.name),
    sequence(time(from), time(until)),
    distinguishedName(options.name),
    publicKey.export({ type: 'spki', format: 'der' }),
    tag(0xa3, sequence(...extensions(options))),
  )
  const signature = sign('sha256', body, options.issuer?.privateKey ?? privateKey)
  const der = sequence(body, algorithm, tag(0x03, Buffer.concat([Buffer.of(0), signature])))
  const base64 = der.toString('base64').replace(/.{64}(?=.)/g, '$&\n')
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    name: options.name,
    privateKey,
  }
}

let serial = 1000

function extensions(options: CertificateOptions): Buffer[] {
  const isAuthority = options.issuer === undefined
  const constraints = sequence(
    oid('551d13'),
    tag(0x01, Buffer.of(0xff)),
    octets(isAuthority ? sequence(tag(0x01, Buffer.of(0xff))) : sequence()),
  )
  const dns = (options.dns ?? []).map((name) => tag(0x82, Buffer.from(name, 'latin1')))
  const ips = (options.ips ?? []).map((ip) => tag(0x87, Buffer.from(ip.split('.').map(Number))))
  if (dns.length + ips.length === 0) return [constraints]
  return [constraints, sequence(oid('551d11'), octets(sequence(...dns, ...ips)))]
}

function distinguishedName(name: string): Buffer {
  return sequence(tag(0x31, sequence(oid('550403'), tag(0x0c, Buffer.from(name, 'utf8')))))
}

function time(date: Date): Buffer {
  return tag(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]|\.\d+Z/g, '')}Z`, 'latin1'))
}

function integer(value: number): Buffer {
  return tag(0x02, value < 128 ? Buffer.of(value) : Buffer.of(value >>> 8, value & 0xff))
}

function oid(hex: string): Buffer {
  return tag(0x06, Buffer.from(hex, 'hex'))
}

function octets(content: Buffer): Buffer {
  return tag(0x04, content)
}

function sequence(...parts: Buffer[]): Buffer {
  return tag(0x30, Buffer.concat(parts))
}

function tag(kind: number, content: Buffer): Buffer {
  const length = content.byteLength
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >>> 8, length & 0xff]
  return Buffer.concat([Buffer.of(kind, ...size), content])
}
