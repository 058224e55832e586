import { createServer, type IncomingMessage } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import { StemmaError } from '@stemma/base'
import { WebSocket, WebSocketServer } from 'ws'
import { showLinkUrl } from './address.ts'
import type { Dialler } from './connect.ts'
import type { Door, DoorHost } from './reception.ts'
import { TLS_VERSION_MIN } from './tls-files.ts'
import { PIECE_BYTES, WebSocketChannel } from './websocket-channel.ts'

/** What a request for a WebSocket may weigh, in bytes. */
const HEADER_BYTES_MAX = 4096

/** Both ends of a WebSocket are ours: no compression, which costs memory that strangers could make us spend, and few fragments. */
const webSocketOptions = {
  perMessageDeflate: false,
  maxPayload: PIECE_BYTES,
  maxFragments: 16,
  maxBufferedChunks: 4096,
  autoPong: false,
  skipUTF8Validation: true,
}

/** Reaches listeners at `ws://` and `wss://`. */
export const webSocketDialler: Dialler = {
  schemes: ['ws', 'wss'],
  dial(address, tls) {
    const peer = showLinkUrl(address)
    const secure = { ...tls, minVersion: TLS_VERSION_MIN, rejectUnauthorized: true }
    const webSocket = new WebSocket(peer, { ...webSocketOptions, ...(address.scheme === 'wss' ? secure : {}) })
    const channel = new WebSocketChannel(webSocket)
    let socket: Socket | undefined
    webSocket.once('upgrade', (response) => {
      socket = response.socket
      channel.carriedBy(socket)
    })
    webSocket.once('unexpected-response', (_request, response) => channel.emit('error', explainResponse(response, peer)))
    return {
      channel,
      reads: 'events',
      whenReady: (ready) => webSocket.once('open', () => ready(socket as Socket)),
    }
  },
}

/** Takes WebSockets in: a server of HTTP that knows one answer. */
export const webSocketDoor: Door = {
  plain: 'ws',
  encrypted: 'wss',
  newServer(tls) {
    const http = { maxHeaderSize: HEADER_BYTES_MAX }
    return tls === undefined ? createServer(http) : createTlsServer({ ...tls, ...http })
  },
  admit(server, host) {
    const upgrades = new WebSocketServer({ ...webSocketOptions, noServer: true, clientTracking: false })
    const refuse = (socket: Socket, why: string, cause?: Error): void =>
      host.refuse(
        socket,
        new StemmaError('NOT_STEMMA', `the other end began with HTTP that is no WebSocket of ours: ${why}`, {}, cause),
      )
    upgrades.on('wsClientError', (cause: Error, socket) => refuse(socket as Socket, cause.message, cause))
    server.on('request', (request: IncomingMessage) => refuse(request.socket, 'it asks for no WebSocket'))
    server.on('clientError', (cause: Error & { code?: string }, socket: Socket) => {
      if (cause.code === 'ECONNRESET') host.refuse(socket, lostBefore(cause))
      else refuse(socket, cause.message, cause)
    })
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      upgrade(upgrades, { request, socket, head }, host, refuse)
    })
  },
}

function upgrade(
  upgrades: WebSocketServer,
  asked: { readonly request: IncomingMessage; readonly socket: Socket; readonly head: Buffer },
  host: DoorHost,
  refuse: (socket: Socket, why: string) => void,
): void {
  const { request, socket, head } = asked
  // Browsers let any page connect to a port of this machine, and say so: none of them is a follower of ours.
  if (request.headers.origin !== undefined) return refuse(socket, 'it comes from a page in a browser')
  upgrades.handleUpgrade(request, socket, head, (webSocket) => host.greet(socket, new WebSocketChannel(webSocket, socket)))
}

function lostBefore(cause: Error): StemmaError {
  return new StemmaError('LINK_LOST', `the connection broke before the greeting: ${cause.message}`, {}, cause)
}

/** Says what an answer of HTTP means: a proxy without a leader behind it may have one later. */
function explainResponse({ statusCode = 0 }: IncomingMessage, peer: string): StemmaError {
  const text = `${peer} answered with HTTP status ${statusCode}`
  const later = statusCode >= 500 || statusCode === 429
  return later
    ? new StemmaError('CONNECT_FAILED', text, { peer, statusCode })
    : new StemmaError('NOT_STEMMA', `${text}, and opened no WebSocket`, { peer, statusCode })
}
