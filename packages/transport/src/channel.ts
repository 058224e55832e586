import type { Socket } from 'node:net'

/** What frames travel over: a stream of bytes both ways. A TCP or TLS socket is one. */
export interface Channel {
  readonly writable: boolean
  /** Bytes written that the machine has not taken yet. */
  readonly writableLength: number
  readonly destroyed: boolean
  /** @param written - called when the machine has taken these bytes and all before them */
  write(bytes: Uint8Array, written?: () => void): unknown
  /** What is written until `uncork` leaves together. */
  cork(): void
  uncork(): void
  /** Ends our direction once all has gone out. */
  end(): unknown
  destroy(): unknown
  on(event: 'data', heard: (chunk: Buffer) => void): unknown
  on(event: 'error', heard: (cause: Error) => void): unknown
  /** `end`: the other end has ended its direction. `close`: it is all over. */
  on(event: 'end' | 'close', heard: () => void): unknown
}

/** A channel that is being made to a listener. */
export interface Dialled {
  readonly channel: Channel
  /** With `onread`, bytes are read straight into the wire's memory; with `events`, they come as chunks. */
  readonly reads: 'onread' | 'events'
  /** Runs `ready` when bytes flow, with the socket that carries them. */
  whenReady(ready: (socket: Socket) => void): void
}
