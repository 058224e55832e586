import { isWebSocket, parseLinkUrl } from './address.ts'
import { connectBy, type ConnectOptions } from './connect.ts'
import type { Link } from './link.ts'
import { listenBy, type Listener, type ListenOptions } from './listen.ts'
import { connectTcp } from './tcp-connect.ts'
import { listenTcp } from './tcp-listen.ts'

/**
 * Connects to a listener in the way that the URL says. What is needed for WebSockets is loaded with the first of their addresses.
 *
 * @throws StemmaError BAD_ARGUMENT, CONNECT_FAILED, TLS_REFUSED, NOT_STEMMA, TRANSPORT_VERSION, AUTHENTICATION_FAILED,
 * HANDSHAKE_TIMEOUT, LINK_LOST; or the signal's reason
 */
export async function connectLink(options: ConnectOptions): Promise<Link> {
  if (!isWebSocket(parseLinkUrl(options.url).scheme)) return connectTcp(options)
  const { webSocketDialler } = await import('./websocket.ts')
  return connectBy(webSocketDialler, options)
}

/** Where and how to listen. */
export interface ListenLinksOptions extends ListenOptions {
  /** Whether links come over connections of their own, or within WebSockets. With `tls` both are encrypted. */
  readonly over?: 'tcp' | 'websocket' | undefined
}

/**
 * Listens for links over TCP or WebSocket. Resolves when others can connect.
 *
 * @throws StemmaError LISTEN_WITHOUT_TOKEN, LISTEN_WITHOUT_TLS, LISTEN_FAILED, BAD_ARGUMENT
 */
export async function listenLinks(options: ListenLinksOptions): Promise<Listener> {
  if (options.over !== 'websocket') return listenTcp(options)
  const { webSocketDoor } = await import('./websocket.ts')
  return listenBy(webSocketDoor, options)
}
