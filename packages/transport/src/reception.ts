import type { Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { StemmaError } from '@stemma/base'
import { addressShare, type LinkScheme } from './address.ts'
import { Admission, type Guest } from './admission.ts'
import type { Channel } from './channel.ts'
import { greet } from './greet.ts'
import { newListenerHandshake, type Agreement } from './handshake.ts'
import type { ListenLimits } from './limits.ts'
import type { ListenOptions } from './listen.ts'
import type { Timers } from './timers.ts'
import { explainSocketError, newChannelBinding } from './tls-files.ts'
import type { newTokenKey } from './token.ts'
import { Wire } from './wire.ts'
import { WireLink } from './wire-link.ts'

/** How connections of one kind are taken. */
export interface Door {
  readonly plain: LinkScheme
  readonly encrypted: LinkScheme
  /** @param tls - what `node:tls` takes; undefined without TLS */
  newServer(tls: Readonly<Record<string, unknown>> | undefined): Server
  /** Hands on each connection of the server, in which bytes of ours can be spoken. */
  admit(server: Server, host: DoorHost): void
}

/** Who takes what comes through a door. */
export interface DoorHost {
  greet(socket: Socket, channel: Channel): void
  refuse(socket: Socket, error: StemmaError): void
}

interface ReceptionOptions extends Omit<ListenOptions, 'limits' | 'timers'> {
  readonly door: Door
  readonly scheme: LinkScheme
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
export class Reception {
  readonly #options: ReceptionOptions
  readonly #admission: Admission
  /** By remote address and port, which is how a TLS socket is known to belong to a connection. */
  readonly #arrivals = new Map<string, Arrival>()

  /** A WebSocket ends a little later than its socket. */
  readonly #wires = new Set<Wire>()

  constructor(options: ReceptionOptions) {
    this.#options = options
    this.#admission = new Admission(options.limits)
  }

  receive(server: Server): void {
    const { door, onError } = this.#options
    server.on('connection', (socket: Socket) => this.#enter(socket))
    server.on('tlsClientError', (cause: Error & { code?: string }, socket: TLSSocket) => {
      // Of a socket that is gone, nobody knows the address any more: its connection reports by itself when it closes.
      const arrival = this.#arrivals.get(remoteOf(socket))
      if (arrival === undefined) return
      const timedOut = cause.code === 'ERR_TLS_HANDSHAKE_TIMEOUT'
      arrival.end(timedOut ? tooLate(arrival.peer, this.#options.limits) : explainSocketError(cause, arrival.peer))
    })
    server.on('error', (cause: Error) => onError(new StemmaError('LISTEN_FAILED', cause.message, {}, cause), 'listener'))
    door.admit(server, {
      greet: (socket, channel) => this.#greet(socket, channel),
      refuse: (socket, error) => {
        const arrival = this.#arrivals.get(remoteOf(socket))
        if (arrival === undefined) socket.destroy()
        else arrival.end(error)
      },
    })
  }

  /** Ends all connections. Resolves when those who handle their links have been told. */
  async close(): Promise<void> {
    for (const arrival of this.#arrivals.values()) arrival.end(new StemmaError('LINK_LOST', 'this end closes'))
    await Promise.all(Array.from(this.#wires, (wire) => wire.gone))
  }

  #enter(socket: Socket): void {
    const { limits, timers, onError, scheme } = this.#options
    const remote = remoteOf(socket)
    const peer = `${scheme}://${remote}`
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
        onError(reason ?? new StemmaError('LINK_LOST', `${peer} closed the connection before the greeting`), peer)
      })
    } catch (error) {
      socket.destroy()
      if (!StemmaError.is(error)) throw error
      onError(error, peer)
    }
  }

  #greet(socket: Socket, channel: Channel): void {
    const { limits, timers, key, onError, tls } = this.#options
    const arrival = this.#arrivals.get(remoteOf(socket))
    if (arrival === undefined || socket.destroyed) return void socket.destroy()
    const { peer } = arrival
    const channelBinding = tls === undefined ? new Uint8Array(0) : newChannelBinding(socket as TLSSocket)
    const wire = new Wire({ timers, explain: (cause) => explainSocketError(cause, peer) })
    this.#wires.add(wire)
    void wire.gone.then(() => this.#wires.delete(wire))
    arrival.end = (error) => wire.destroy(error)
    arrival.hasWire = true
    wire.attach(channel, 'events')
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
    const link = new WireLink({ wire, limits, timers, peer: arrival.peer, authenticated, messageBytesMax })
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
