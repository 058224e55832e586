import { connect as connectSocket, type Socket } from 'node:net'
import { connect as connectTlsSocket } from 'node:tls'
import type { LinkAddress } from './address.ts'
import { connectBy, type ConnectOptions, type Dialler, type TlsFiles } from './connect.ts'
import type { Link } from './link.ts'
import { TLS_VERSION_MIN } from './tls-files.ts'
import type { Wire } from './wire.ts'

/**
 * Connects to a listener at `tcp://` or `tls://`. Resolves once both ends are authenticated and messages flow.
 *
 * @throws StemmaError BAD_ARGUMENT, CONNECT_FAILED, TLS_REFUSED, NOT_STEMMA, TRANSPORT_VERSION, AUTHENTICATION_FAILED,
 * HANDSHAKE_TIMEOUT, LINK_LOST; or the signal's reason
 */
export function connectTcp(options: ConnectOptions): Promise<Link> {
  return connectBy(tcpDialler, options)
}

const tcpDialler: Dialler = {
  schemes: ['tcp', 'tls'],
  dial(address, tls, wire) {
    const socket = newSocket(address, tls, wire)
    socket.setNoDelay(true)
    return {
      channel: socket,
      reads: 'onread',
      whenReady: (ready) => socket.once(address.scheme === 'tls' ? 'secureConnect' : 'connect', () => ready(socket)),
    }
  },
}

function newSocket(address: LinkAddress, tls: TlsFiles, wire: Wire): Socket {
  const { host, port } = address
  if (address.scheme === 'tcp') return connectSocket({ host, port, onread: wire.onread })
  return connectTlsSocket({
    ...tls,
    host,
    port,
    minVersion: TLS_VERSION_MIN,
    rejectUnauthorized: true,
    onread: wire.onread,
  } as never)
}
