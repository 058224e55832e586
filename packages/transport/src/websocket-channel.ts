import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { StemmaError } from '@stemma/base'
import type { RawData, WebSocket } from 'ws'
import type { Channel } from './channel.ts'

/**
 * The largest WebSocket message, in bytes. A WebSocket hands on whole messages only: with small ones, a stranger can make us hold
 * little, and a slow network is seen to move.
 */
export const PIECE_BYTES: number = 8 * 1024

/**
 * A stream of bytes in the binary messages of a WebSocket. Where one message ends and the next begins means nothing.
 *
 * Pings of the WebSocket itself, which proxies may send, are answered only while nothing waits: a flood of them must not fill our
 * memory with answers.
 */
export class WebSocketChannel extends EventEmitter implements Channel {
  readonly #webSocket: WebSocket
  #socket: Socket | undefined

  /** @param socket - what carries it; undefined while it connects, see `carriedBy` */
  constructor(webSocket: WebSocket, socket?: Socket) {
    super()
    this.#webSocket = webSocket
    this.#socket = socket
    webSocket.binaryType = 'nodebuffer'
    webSocket.on('message', (data: RawData, isBinary) => {
      if (isBinary) this.emit('data', data)
      else this.emit('error', new StemmaError('BAD_FRAME', 'a WebSocket message of text came'))
    })
    webSocket.on('ping', (data) => {
      if (webSocket.readyState === webSocket.OPEN && webSocket.bufferedAmount === 0) webSocket.pong(data)
    })
    webSocket.on('error', (cause) => this.emit('error', cause))
    webSocket.on('close', () => {
      this.emit('end')
      this.emit('close')
    })
  }

  carriedBy(socket: Socket): void {
    this.#socket = socket
  }

  get writable(): boolean {
    return this.#webSocket.readyState === this.#webSocket.OPEN
  }

  get writableLength(): number {
    return this.#webSocket.bufferedAmount
  }

  get destroyed(): boolean {
    return this.#webSocket.readyState === this.#webSocket.CLOSED
  }

  write(bytes: Uint8Array, written?: () => void): void {
    const isLong = bytes.byteLength > PIECE_BYTES
    if (isLong) this.cork()
    for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) {
      const isLast = at + PIECE_BYTES >= bytes.byteLength
      this.#webSocket.send(bytes.subarray(at, at + PIECE_BYTES), isLast ? written : undefined)
    }
    if (isLong) this.uncork()
  }

  cork(): void {
    this.#socket?.cork()
  }

  uncork(): void {
    this.#socket?.uncork()
  }

  end(): void {
    this.#webSocket.close()
  }

  destroy(): void {
    this.#webSocket.terminate()
  }
}
