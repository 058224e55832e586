import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A network between two ends that can break, on loopback. */
export interface Proxy {
  readonly url: string
  /** Connections that were made so far. */
  readonly count: number
  /** Breaks all connections; with `down` there will be no new ones. */
  cut(down?: 'down'): void
  up(): void
  /** The connections that there are carry nothing any more, and neither end is told: as when a machine loses its power. New ones work. */
  vanish(): void
  /** Each connection breaks, in the middle of whatever is sent, after so many bytes from the leader. */
  breakAfter(bytes: () => number): void
}

/** Opens a way to where `target` listens. */
export async function openProxy(target: string): Promise<Proxy> {
  const port = Number(new URL(target).port)
  const sockets = new Set<Socket>()
  const vanished = new WeakSet<Socket>()
  let [isUp, count] = [true, 0]
  let limit = (): number => Infinity
  const server = createServer({ allowHalfOpen: true }, (near) => {
    if (!isUp) return void near.destroy()
    count++
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    far.on('end', () => !vanished.has(far) && near.end())
    let left = limit()
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        if (!vanished.has(from)) to.destroy()
      })
    }
    near.on('data', (bytes: Buffer) => !vanished.has(near) && far.write(bytes))
    near.on('end', () => !vanished.has(near) && far.end())
    far.on('data', (bytes: Buffer) => {
      if (vanished.has(far)) return
      near.write(bytes.subarray(0, Math.max(0, left)))
      left -= bytes.byteLength
      if (left <= 0) near.end(() => near.destroy())
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = (down?: 'down'): void => {
    isUp = down === undefined
    for (const socket of sockets) socket.destroy()
  }
  onTestFinished(() => {
    cut('down')
    server.close()
  })
  return {
    url: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get count() {
      return count
    },
    cut,
    up: () => void (isUp = true),
    vanish: () => {
      for (const socket of sockets) vanished.add(socket)
    },
    breakAfter: (bytes) => void (limit = bytes),
  }
}
