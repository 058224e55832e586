import { createServer, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { listenBy, type Listener, type ListenOptions } from './listen.ts'
import type { Door } from './reception.ts'

/**
 * Listens for links over TCP, or over TLS where `tls` is given. Resolves when others can connect.
 *
 * @throws StemmaError LISTEN_WITHOUT_TOKEN, LISTEN_WITHOUT_TLS, LISTEN_FAILED, BAD_ARGUMENT
 */
export function listenTcp(options: ListenOptions): Promise<Listener> {
  return listenBy(tcpDoor, options)
}

const tcpDoor: Door = {
  plain: 'tcp',
  encrypted: 'tls',
  newServer: (tls) => (tls === undefined ? createServer() : createTlsServer(tls)),
  admit(server, host) {
    const ready = 'setSecureContext' in server ? 'secureConnection' : 'connection'
    server.on(ready, (socket: Socket) => host.greet(socket, socket))
  },
}
