import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions, type SecureVersion, type TLSSocket } from 'node:tls'
import { StemmaError } from '@stemma/base'

/** A certificate or a key: PEM text, or the path of a file with it. */
export type Pem = string | Uint8Array

/** Both ends are ours, so nothing older needs to be spoken. */
export const TLS_VERSION_MIN: SecureVersion = 'TLSv1.3'

/** Reads PEM, from a file where a path is given. */
export async function readPem(pem: Pem | undefined, what: string): Promise<string | undefined> {
  if (pem === undefined) return undefined
  const text = typeof pem === 'string' ? pem : Buffer.from(pem).toString('latin1')
  if (text.includes('-----BEGIN ')) return text
  if (text.includes('\n') || typeof pem !== 'string')
    throw new StemmaError('BAD_ARGUMENT', `tls.${what} is neither PEM text nor a path`)
  try {
    return await readFile(text, 'latin1')
  } catch (error) {
    throw new StemmaError(
      'BAD_ARGUMENT',
      `tls.${what}: ${text} can't be read: ${(error as Error).message}`,
      { path: text },
      error,
    )
  }
}

/**
 * Tries whether certificate, key and authorities can be used.
 *
 * @throws StemmaError BAD_ARGUMENT
 */
export function checkTls(files: SecureContextOptions & { readonly ca?: string }): void {
  try {
    createSecureContext(files)
    // Node.js passes over a CA that it can't read, and then trusts nobody.
    if (files.ca !== undefined) new X509Certificate(files.ca)
  } catch (cause) {
    throw new StemmaError('BAD_ARGUMENT', `the TLS certificate, key or CA can't be used: ${(cause as Error).message}`, {}, cause)
  }
}

/**
 * Keying material that only the two ends of this TLS connection know.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9266
 */
export function newChannelBinding(socket: TLSSocket): Uint8Array {
  return socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0))
}

/** Says what an error of a socket means, while there is no link yet. */
export function explainSocketError(cause: Error & { code?: string }, peer: string): StemmaError {
  if (StemmaError.is(cause)) return cause
  const code = cause.code ?? ''
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG' || code === 'ERR_SSL_HTTP_REQUEST') {
    return new StemmaError('NOT_STEMMA', `${peer} doesn't speak TLS`, { peer }, cause)
  }
  if (code.startsWith('WS_ERR_')) return new StemmaError('BAD_FRAME', `${peer}: ${cause.message}`, { peer }, cause)
  if (code.startsWith('HPE_'))
    return new StemmaError('NOT_STEMMA', `${peer} doesn't speak HTTP: ${cause.message}`, { peer }, cause)
  if (isCertificateError(code))
    return new StemmaError('TLS_REFUSED', `${peer}: ${showTlsError(cause)}`, { peer, reason: code }, cause)
  const connecting = (cause as { syscall?: string }).syscall
  if (connecting === 'connect' || connecting === 'getaddrinfo' || cause instanceof AggregateError) {
    return new StemmaError('CONNECT_FAILED', `${peer}: ${showConnectError(cause)}`, { peer }, cause)
  }
  return new StemmaError('LINK_LOST', `the connection with ${peer} broke: ${cause.message}`, { peer }, cause)
}

function isCertificateError(code: string): boolean {
  return /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_|CRL_|ERROR_IN_|HOSTNAME_|PATH_LENGTH_)/.test(
    code,
  )
}

function showConnectError(cause: Error): string {
  const all = cause instanceof AggregateError ? (cause.errors as Error[]) : [cause]
  return all.map((error) => error.message).join('; ')
}

/** OpenSSL's errors carry addresses of its source; the reason alone reads better. */
function showTlsError(cause: Error & { reason?: unknown }): string {
  return typeof cause.reason === 'string' && cause.message.includes('SSL routines') ? cause.reason : cause.message
}
