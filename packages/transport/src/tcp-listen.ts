import { lookup } from 'node:dns/promises'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from 'node:tls'
import { StemmaError } from '@stemma/base'
import { addressShare, isLoopback, showLinkUrl } from './address.ts'
import { Admission, type Guest } from './admission.ts'
import { greet } from './greet.ts'
import { newListenerHandshake, type Agreement } from './handshake.ts'
import { LISTEN_LIMITS, newLimits, type ListenLimits } from './limits.ts'
import type { OnLink } from './link.ts'
import { TcpLink } from './tcp-link.ts'
import { systemTimers, type Timers } from './timers.ts'
import { TLS_VERSION_MIN, checkTls, explainSocketError, newChannelBinding, readPem, type Pem } from './tls-files.ts'
import { newTokenKey, type Token } from './token.ts'
import { Wire } from './wire.ts'

/** How the end that listens speaks TLS. */
export interface ListenTls {
  readonly cert: Pem
  readonly key: Pem
  /** When given, whoever connects must show a certificate signed by one of these. */
  readonly ca?: Pem | undefined
}

/** Where to listen, and who may connect. */
export interface ListenOptions {
  /** A name or IP address of this machine. 127.0.0.1 when left out. */
  readonly host?: string | undefined
  /** 0 takes a free one. */
  readonly port: number
  /** Demanded of whoever connects, and proved to them. Needed where others than this machine can connect. */
  readonly token?: Token | undefined
  /** Needed where others than this machine can connect, unless `insecure`. */
  readonly tls?: ListenTls | undefined
  /** Listens without TLS though others than this machine can connect: they are authenticated, but what is sent can be read and changed. */
  readonly insecure?: boolean | undefined
  readonly limits?: Partial<ListenLimits> | undefined
  readonly timers?: Timers | undefined
  readonly onLink: OnLink
  /** A connection came to nothing, or the machine refuses to take more. Strangers can cause any number of these. */
  readonly onError: (error: StemmaError, peer: string) => void
}

/** A port that is open. */
export interface Listener {
  /** Where others connect to: `tcp://127.0.0.1:7411`. */
  readonly url: string
  readonly port: number
  /** Takes a new certificate for connections to come. */
  replaceTls(tls: ListenTls): Promise<void>
  /** Takes no more connections, closes all links, and resolves when they are gone. */
  close(): Promise<void>
}

/**
 * Listens for links. Resolves when others can connect.
 *
 * @throws StemmaError LISTEN_WITHOUT_TOKEN, LISTEN_WITHOUT_TLS, LISTEN_FAILED, BAD_ARGUMENT
 */
export async function listenTcp(options: ListenOptions): Promise<Listener> {
  const limits = newLimits(LISTEN_LIMITS, options.limits)
  const key = options.token === undefined ? undefined : newTokenKey(options.token)
  const ip = await resolveHost(options.host ?? '127.0.0.1')
  checkExposure(ip, options)
  const reception = new Reception({ ...options, limits, key, timers: options.timers ?? systemTimers })
  const server = options.tls === undefined ? createServer() : createTlsServer(await newTlsOptions(options.tls, limits))
  reception.receive(server)
  const port = await listen(server, ip, options.port)
  return {
    url: showLinkUrl({ scheme: options.tls === undefined ? 'tcp' : 'tls', host: options.host ?? ip, port }),
    port,
    async replaceTls(tls) {
      if (options.tls === undefined)
        throw new StemmaError('BAD_ARGUMENT', 'this listener speaks no TLS, so there is nothing to replace')
      ;(server as TlsServer).setSecureContext(await newTlsOptions(tls, limits))
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      reception.close()
      await closed
    },
  }
}

interface ReceptionOptions extends Omit<ListenOptions, 'limits' | 'timers'> {
  readonly limits: ListenLimits
  readonly timers: Timers
  readonly key: ReturnType<typeof newTokenKey> | undefined
}

/** A connection on its way to a link. */
interface Arrival {
  readonly peer: string
  readonly guest: Guest
  /** Ends whatever it has come to: a socket, a wire, or a link, which is closed in good order. */
  end: (error: StemmaError) => void
  hasWire: boolean
  cancelDeadline: () => void
}

/** Takes connections in: admission, TLS, greeting, link. */
class Reception {
  readonly #options: ReceptionOptions
  readonly #admission: Admission
  /** By remote address and port, which is how a TLS socket is known to belong to a connection. */
  readonly #arrivals = new Map<string, Arrival>()

  constructor(options: ReceptionOptions) {
    this.#options = options
    this.#admission = new Admission(options.limits)
  }

  receive(server: Server | TlsServer): void {
    const { tls, onError } = this.#options
    server.on('connection', (socket: Socket) => {
      const arrival = this.#enter(socket)
      if (arrival !== undefined && tls === undefined) this.#greet(socket, arrival, new Uint8Array(0))
    })
    server.on('secureConnection', (socket: TLSSocket) => {
      const arrival = this.#arrivals.get(remoteOf(socket))
      if (arrival === undefined || socket.destroyed) socket.destroy()
      else this.#greet(socket, arrival, newChannelBinding(socket))
    })
    server.on('tlsClientError', (cause: Error & { code?: string }, socket: TLSSocket) => {
      // Of a socket that is gone, nobody knows the address any more: its connection reports by itself when it closes.
      const arrival = this.#arrivals.get(remoteOf(socket))
      if (arrival === undefined) return
      const timedOut = cause.code === 'ERR_TLS_HANDSHAKE_TIMEOUT'
      arrival.end(timedOut ? tooLate(arrival.peer, this.#options.limits) : explainSocketError(cause, arrival.peer))
    })
    server.on('error', (cause: Error) => onError(new StemmaError('LISTEN_FAILED', cause.message, {}, cause), 'listener'))
  }

  close(): void {
    for (const arrival of this.#arrivals.values()) arrival.end(new StemmaError('LINK_LOST', 'this end closes'))
  }

  #enter(socket: Socket): Arrival | undefined {
    const { limits, timers, onError, tls } = this.#options
    const remote = remoteOf(socket)
    const peer = `${tls === undefined ? 'tcp' : 'tls'}://${remote}`
    socket.setNoDelay(true)
    try {
      const dropped = new StemmaError('TOO_MANY_CONNECTIONS', `${peer} had not proved itself when others came (pendingMax)`)
      const guest = this.#admission.enter(addressShare(socket.remoteAddress ?? ''), () => arrival.end(dropped))
      const cancelDeadline = timers.schedule(limits.handshakeMs, () => arrival.end(tooLate(peer, limits)))
      let reason: StemmaError | undefined
      const end = (error: StemmaError): void => {
        reason ??= error
        socket.destroy()
      }
      const arrival: Arrival = { peer, guest, cancelDeadline, end, hasWire: false }
      this.#arrivals.set(remote, arrival)
      socket.on('error', (cause) => (reason ??= explainSocketError(cause, peer)))
      socket.once('close', () => {
        cancelDeadline()
        guest.left()
        this.#arrivals.delete(remote)
        if (arrival.hasWire) return
        onError(reason ?? new StemmaError('LINK_LOST', `${peer} closed the connection during the TLS handshake`), peer)
      })
      return arrival
    } catch (error) {
      socket.destroy()
      if (!StemmaError.is(error)) throw error
      onError(error, peer)
      return undefined
    }
  }

  #greet(socket: Socket, arrival: Arrival, channelBinding: Uint8Array): void {
    const { limits, timers, key, onError } = this.#options
    const { peer } = arrival
    const wire = new Wire({ timers, explain: (cause) => explainSocketError(cause, peer) })
    arrival.end = (error) => wire.destroy(error)
    arrival.hasWire = true
    wire.attach(socket, 'events')
    greet({
      role: 'listener',
      wire,
      handshake: newListenerHandshake({ messageBytesMax: limits.messageBytesMax, key, channelBinding }),
      timers,
      failureDelayMs: limits.failureDelayMs,
      agreed: (agreement) => this.#agreed(socket, arrival, wire, agreement),
      failed: (error) => onError(error, peer),
    })
  }

  #agreed(socket: Socket, arrival: Arrival, wire: Wire, agreement: Agreement): void {
    const { limits, timers, tls, onLink } = this.#options
    arrival.cancelDeadline()
    arrival.guest.accepted()
    wire.open(limits)
    const authenticated = agreement.proved || (tls?.ca !== undefined && (socket as TLSSocket).authorized)
    const { messageBytesMax } = agreement
    const link = new TcpLink({ wire, limits, timers, peer: arrival.peer, authenticated, messageBytesMax })
    arrival.end = () => link.close()
    link.start(onLink(link))
  }
}

function tooLate(peer: string, limits: ListenLimits): StemmaError {
  return new StemmaError('HANDSHAKE_TIMEOUT', `the greeting of ${peer} was not over after ${limits.handshakeMs} ms`, { peer })
}

function remoteOf(socket: Socket): string {
  const ip = socket.remoteAddress ?? 'unknown'
  return `${ip.includes(':') ? `[${ip}]` : ip}:${socket.remotePort ?? 0}`
}

async function resolveHost(host: string): Promise<string> {
  try {
    return (await lookup(host)).address
  } catch (cause) {
    throw new StemmaError('LISTEN_FAILED', `${host} can't be resolved: ${(cause as Error).message}`, { host }, cause)
  }
}

function checkExposure(ip: string, options: ListenOptions): void {
  if (isLoopback(ip)) return
  if (options.token === undefined && options.tls?.ca === undefined) {
    throw new StemmaError('LISTEN_WITHOUT_TOKEN', `others than this machine can connect to ${ip}, and no token is given`, { ip })
  }
  if (options.tls === undefined && options.insecure !== true) {
    throw new StemmaError('LISTEN_WITHOUT_TLS', `others than this machine can connect to ${ip}, and no certificate is given`, {
      ip,
    })
  }
}

async function newTlsOptions(tls: ListenTls, limits: ListenLimits): Promise<Record<string, unknown>> {
  const [cert, key, ca] = await Promise.all([readPem(tls.cert, 'cert'), readPem(tls.key, 'key'), readPem(tls.ca, 'ca')])
  const client = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true }
  const files = { cert, key, ...client, minVersion: TLS_VERSION_MIN }
  checkTls(files)
  return { ...files, handshakeTimeout: limits.handshakeMs }
}

function listen(server: Server, host: string, port: number): Promise<number> {
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new StemmaError('BAD_ARGUMENT', `${port} is no port; ports go from 1 to 65535, and 0 takes a free one`, { port })
  }
  return new Promise((resolve, reject) => {
    const failed = (cause: Error): void => {
      reject(new StemmaError('LISTEN_FAILED', `can't listen on ${host}:${port}: ${cause.message}`, { host, port }, cause))
    }
    server.prependOnceListener('error', failed)
    server.listen({ host, port }, () => {
      server.off('error', failed)
      resolve((server.address() as AddressInfo).port)
    })
  })
}
