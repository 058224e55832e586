import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net'
import { once } from 'node:events'
import type { LinkMode, LinkState } from '../wire.ts'

/** What waits in a link that is slow before it stops taking more, in bytes. */
const WAITING_BYTES_MAX = 1024 * 1024
/** A slow link passes on pieces of this size, in bytes. */
const PIECE_BYTES = 4 * 1024

/** The network between a follower and its leader: a TCP proxy that can be cut, held, slowed down and delayed. */
export class Link {
  readonly url: string
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #wakers = new Set<() => void>()
  #mode: LinkMode = { kind: 'open' }
  #received = 0
  #sent = 0

  private constructor(server: Server, leaderUrl: () => string) {
    const { port } = server.address() as AddressInfo
    this.url = `tcp://127.0.0.1:${port}`
    this.#server = server
    server.on('connection', (socket) => this.#take(socket, new URL(leaderUrl())))
  }

  /** @param leaderUrl - where the leader listens now */
  static async open(leaderUrl: () => string): Promise<Link> {
    const server = createServer({ noDelay: true }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Link(server, leaderUrl)
  }

  get state(): LinkState {
    return { mode: this.#mode, received: this.#received, sent: this.#sent }
  }

  set(mode: LinkMode): void {
    this.#mode = mode
    if (mode.kind === 'cut') for (const socket of this.#sockets) socket.destroy()
    for (const wake of this.#wakers) wake()
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #take(near: Socket, { hostname, port }: URL): void {
    if (this.#mode.kind === 'cut') return void near.destroy()
    const far = connect({ host: hostname, port: Number(port), noDelay: true })
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
    }
    this.#pump(near, far, (bytes) => (this.#sent += bytes))
    this.#pump(far, near, (bytes) => (this.#received += bytes))
  }

  /** Passes on what comes, each piece when it is due. */
  #pump(from: Socket, to: Socket, count: (bytes: number) => void): void {
    const waiting: { readonly bytes: Buffer; readonly cameAt: number }[] = []
    let waitingBytes = 0
    let freeAt = 0
    let timer: NodeJS.Timeout | undefined
    const pass = (): void => {
      clearTimeout(timer)
      for (;;) {
        const next = waiting[0]
        if (next === undefined || this.#mode.kind === 'held' || to.destroyed) break
        const dueAt = Math.max(freeAt, next.cameAt + (this.#mode.kind === 'delayed' ? this.#mode.delayMs : 0))
        const now = performance.now()
        if (dueAt > now) {
          timer = setTimeout(pass, dueAt - now)
          break
        }
        waiting.shift()
        waitingBytes -= next.bytes.byteLength
        count(next.bytes.byteLength)
        to.write(next.bytes)
        freeAt = this.#mode.kind === 'slow' ? now + (next.bytes.byteLength / this.#mode.bytesPerSecond) * 1000 : 0
      }
      if (waitingBytes < WAITING_BYTES_MAX && !to.writableNeedDrain) from.resume()
    }
    from.on('data', (bytes: Buffer) => {
      const piece = this.#mode.kind === 'slow' ? PIECE_BYTES : bytes.byteLength
      for (let at = 0; at < bytes.byteLength; at += piece) {
        waiting.push({ bytes: bytes.subarray(at, at + piece), cameAt: performance.now() })
      }
      waitingBytes += bytes.byteLength
      pass()
      if (waitingBytes >= WAITING_BYTES_MAX || to.writableNeedDrain) from.pause()
    })
    to.on('drain', pass)
    const wake = (): void => {
      freeAt = 0
      pass()
    }
    this.#wakers.add(wake)
    from.on('close', () => {
      clearTimeout(timer)
      this.#wakers.delete(wake)
    })
  }
}
