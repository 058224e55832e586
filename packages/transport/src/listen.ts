import { lookup } from 'node:dns/promises'
import type { AddressInfo, Server } from 'node:net'
import type { Server as TlsServer } from 'node:tls'
import { StemmaError } from '@stemma/base'
import { isLoopback, showLinkUrl } from './address.ts'
import { LISTEN_LIMITS, newLimits, type ListenLimits } from './limits.ts'
import type { OnLink } from './link.ts'
import { Reception, type Door } from './reception.ts'
import { systemTimers, type Timers } from './timers.ts'
import { TLS_VERSION_MIN, checkTls, readPem, type Pem } from './tls-files.ts'
import { newTokenKey, type Token } from './token.ts'

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
 * Listens for links that come through a door. Resolves when others can connect.
 *
 * @throws StemmaError LISTEN_WITHOUT_TOKEN, LISTEN_WITHOUT_TLS, LISTEN_FAILED, BAD_ARGUMENT
 */
export async function listenBy(door: Door, options: ListenOptions): Promise<Listener> {
  const limits = newLimits(LISTEN_LIMITS, options.limits)
  const key = options.token === undefined ? undefined : newTokenKey(options.token)
  const ip = await resolveHost(options.host ?? '127.0.0.1')
  checkExposure(ip, options)
  const scheme = options.tls === undefined ? door.plain : door.encrypted
  const reception = new Reception({ ...options, door, scheme, limits, key, timers: options.timers ?? systemTimers })
  const server = door.newServer(options.tls === undefined ? undefined : await newTlsOptions(options.tls, limits))
  reception.receive(server)
  const port = await listen(server, ip, options.port)
  return {
    url: showLinkUrl({ scheme, host: options.host ?? ip, port }),
    port,
    async replaceTls(tls) {
      if (options.tls === undefined)
        throw new StemmaError('BAD_ARGUMENT', 'this listener speaks no TLS, so there is nothing to replace')
      ;(server as TlsServer).setSecureContext(await newTlsOptions(tls, limits))
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await Promise.all([closed, reception.close()])
    },
  }
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
