import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import type { Connection, OpenOptions, Transport } from '../src/conformance/index.ts'
import { connectLink, listenLinks, memoryLinks } from '../src/index.ts'
import { newCertificate } from './certificates.ts'

const authority = newCertificate({ name: 'authority' })
const { cert, key } = newCertificate({ name: 'leader', ips: ['127.0.0.1'], issuer: authority })

/** Links within this process. */
export const memoryTransport: Transport = {
  name: 'memory',
  takesTokens: false,
  open({ limits, onLeft, onRight }) {
    const links = memoryLinks({ schedule: setImmediate, limits, onLeft, onRight })
    const close = (): Promise<void> => {
      links.left.close()
      return Promise.resolve()
    }
    return Promise.resolve({ cut: links.cut, close })
  },
}

/** Links over the network of this machine, through a wire that can be cut. */
export const networkTransports: readonly Transport[] = (['tcp', 'tls', 'ws', 'wss'] as const).map((scheme) => ({
  name: scheme,
  takesTokens: true,
  open: (options) => openOver(scheme, options),
}))

async function openOver(scheme: 'tcp' | 'tls' | 'ws' | 'wss', options: OpenOptions): Promise<Connection> {
  const secure = scheme === 'tls' || scheme === 'wss'
  const { promise: accepted, resolve: accept } = Promise.withResolvers<void>()
  const listener = await listenLinks({
    over: scheme === 'tcp' || scheme === 'tls' ? 'tcp' : 'websocket',
    port: 0,
    token: options.rightToken,
    tls: secure ? { cert, key } : undefined,
    limits: { ...options.limits, failureDelayMs: 1 },
    onLink(link) {
      accept()
      return options.onRight(link)
    },
    onError() {},
  })
  const cable = await layCable(listener.port)
  const close = async (): Promise<void> => {
    cable.close()
    await listener.close()
  }
  try {
    await connectLink({
      url: `${scheme}://127.0.0.1:${cable.port}`,
      token: options.leftToken,
      tls: secure ? { ca: authority.cert } : undefined,
      limits: options.limits,
      onLink: options.onLeft,
    })
    await accepted
    return { cut: cable.cut, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** A port that leads to another one, until it is cut. */
async function layCable(to: number): Promise<{ readonly port: number; cut(): void; close(): void }> {
  const sockets: Socket[] = []
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1')
    near.setNoDelay(true)
    far.setNoDelay(true)
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.push(from)
      from.on('error', () => {})
      from.on('close', () => into.destroy())
      from.pipe(into)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  const close = (): void => {
    cut()
    server.close()
  }
  return { port: (server.address() as AddressInfo).port, cut, close }
}
