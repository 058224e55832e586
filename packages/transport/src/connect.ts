import type { TLSSocket } from 'node:tls'
import { StemmaError } from '@stemma/base'
import { isEncrypted, parseLinkUrl, type LinkAddress, type LinkScheme } from './address.ts'
import type { Dialled } from './channel.ts'
import { greet } from './greet.ts'
import { newConnectorHandshake, type Agreement } from './handshake.ts'
import { LINK_LIMITS, newLimits, type LinkLimits } from './limits.ts'
import type { Link, OnLink } from './link.ts'
import { systemTimers, type Timers } from './timers.ts'
import { checkTls, explainSocketError, newChannelBinding, readPem, type Pem } from './tls-files.ts'
import { newTokenKey, type Token } from './token.ts'
import { Wire } from './wire.ts'
import { WireLink } from './wire-link.ts'

/** How the end that connects speaks TLS. The other end's certificate is always verified. */
export interface ConnectTls {
  /** Who may have signed the listener's certificate. Without it, the authorities that Node.js trusts. */
  readonly ca?: Pem | undefined
  /** Our own certificate, for a listener that demands one. */
  readonly cert?: Pem | undefined
  readonly key?: Pem | undefined
  /** The name that the listener's certificate must have, where it isn't the host of the URL. */
  readonly serverName?: string | undefined
}

/** To whom a link is made, and how both prove who they are. */
export interface ConnectOptions {
  /** `tcp://host:port`, `tls://host:port`, `ws://host:port` or `wss://host:port`. None falls back to another. */
  readonly url: string
  /** Proves us to the listener, and is demanded of it. */
  readonly token?: Token | undefined
  readonly tls?: ConnectTls | undefined
  readonly limits?: Partial<LinkLimits> | undefined
  /** Gives up connecting when aborted. A link that is up isn't touched. */
  readonly signal?: AbortSignal | undefined
  readonly timers?: Timers | undefined
  readonly onLink: OnLink
}

/** A way to reach listeners. */
export interface Dialler {
  readonly schemes: readonly LinkScheme[]
  /** Begins to connect. What goes wrong, the channel tells by its `error`. */
  dial(address: LinkAddress, tls: TlsFiles, wire: Wire): Dialled
}

/**
 * Connects to a listener in the dialler's way. Resolves once both ends are authenticated and messages flow.
 *
 * @throws StemmaError BAD_ARGUMENT, CONNECT_FAILED, TLS_REFUSED, NOT_STEMMA, TRANSPORT_VERSION, AUTHENTICATION_FAILED,
 * HANDSHAKE_TIMEOUT, LINK_LOST; or the signal's reason
 */
export async function connectBy(dialler: Dialler, options: ConnectOptions): Promise<Link> {
  const address = parseLinkUrl(options.url)
  const encrypted = isEncrypted(address.scheme)
  if (!dialler.schemes.includes(address.scheme)) {
    throw new StemmaError('BAD_ARGUMENT', `${options.url} is not reached in this way: ${dialler.schemes.join(':// or ')}:// is`)
  }
  if (options.tls !== undefined && !encrypted) {
    throw new StemmaError('BAD_ARGUMENT', `${options.url} is not encrypted, but TLS is asked for; write tls:// or wss://`)
  }
  const limits = newLimits(LINK_LIMITS, options.limits)
  const key = options.token === undefined ? undefined : newTokenKey(options.token)
  const tls = await readTls(options.tls)
  options.signal?.throwIfAborted()

  const timers = options.timers ?? systemTimers
  const wire = new Wire({ timers, explain: (cause) => explainSocketError(cause, options.url) })
  return await new Promise<Link>((resolve, reject) => {
    const { channel, reads, whenReady } = dialler.dial(address, tls, wire)
    const abort = (): void => wire.destroy(new StemmaError('CONNECT_FAILED', 'it was called off'))
    options.signal?.addEventListener('abort', abort, { once: true })
    const cancelDeadline = timers.schedule(limits.handshakeMs, () => {
      wire.destroy(new StemmaError('HANDSHAKE_TIMEOUT', `${options.url} did not answer within ${limits.handshakeMs} ms`))
    })
    const failed = (error: StemmaError | undefined): void => {
      cancelDeadline()
      options.signal?.removeEventListener('abort', abort)
      reject(options.signal?.aborted === true ? options.signal.reason : error)
    }
    const agreed = (agreement: Agreement): void => {
      cancelDeadline()
      options.signal?.removeEventListener('abort', abort)
      const authenticated = agreement.proved || encrypted
      const { messageBytesMax } = agreement
      wire.open(limits)
      const link = new WireLink({ wire, limits, timers, peer: options.url, authenticated, messageBytesMax })
      link.start(options.onLink(link))
      resolve(link)
    }
    wire.user = { frame() {}, drain() {}, closed: failed }
    wire.attach(channel, reads)
    whenReady((socket) => {
      const channelBinding = encrypted ? newChannelBinding(socket as TLSSocket) : new Uint8Array(0)
      const handshake = newConnectorHandshake({ messageBytesMax: limits.messageBytesMax, key, channelBinding })
      greet({ role: 'connector', wire, handshake, timers, failureDelayMs: 0, agreed, failed })
    })
  })
}

/** What `node:tls` takes. */
export interface TlsFiles {
  ca?: string
  cert?: string
  key?: string
  servername?: string
}

async function readTls(tls: ConnectTls = {}): Promise<TlsFiles> {
  const [ca, cert, key] = await Promise.all([readPem(tls.ca, 'ca'), readPem(tls.cert, 'cert'), readPem(tls.key, 'key')])
  const files = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
  }
  checkTls(files)
  return files
}
