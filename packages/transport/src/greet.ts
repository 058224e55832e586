import { StemmaError, type Milliseconds } from '@stemma/base'
import { FRAME } from './frame.ts'
import type { Agreement, Handshake } from './handshake.ts'
import type { Timers } from './timers.ts'
import type { Wire } from './wire.ts'

export interface GreetOptions {
  readonly wire: Wire
  readonly handshake: Handshake
  readonly timers: Timers
  /** How long a refusal waits before it is told. */
  readonly failureDelayMs: Milliseconds
  /** The greeting is over. Called within the read of the last handshake frame, so that no message is missed. */
  agreed(agreement: Agreement): void
  /** There will be no link, and the connection is closed. Called once, instead of `agreed`. */
  failed(error: StemmaError): void
}

/** Goes through the greeting on a wire that has its socket. The connector speaks first. How long it may take, the caller sees to. */
export function greet(options: GreetOptions & { readonly role: 'connector' | 'listener' }): void {
  const { wire, handshake, timers } = options
  let refusal: StemmaError | undefined

  function speak(frame: Uint8Array | undefined): void {
    if (frame === undefined) return
    if (wire.bytesWritten === 0) wire.writePreamble()
    wire.write(FRAME.handshake, [frame], frame.byteLength)
    wire.flush()
  }

  wire.user = {
    frame(_kind, bytes) {
      if (refusal !== undefined) return
      const step = handshake.take(bytes)
      switch (step.kind) {
        case 'send':
          return speak(step.frame)
        case 'done':
          speak(step.frame)
          return options.agreed(step.agreement)
        case 'refused':
          refusal = step.error
          if (step.frame === undefined) return wire.destroy(step.error)
          // Late, so that guessing is slow: the connection counts against the guesser's share until then.
          timers.schedule(options.failureDelayMs, () => {
            speak(step.frame)
            wire.end({ afterMs: options.failureDelayMs, bye: false, error: step.error })
          })
      }
    },
    drain() {},
    closed(error) {
      options.failed(refusal ?? error ?? new StemmaError('LINK_LOST', 'the other end closed the connection during the greeting'))
    },
  }
  if (options.role === 'connector') speak(handshake.greeting)
}
