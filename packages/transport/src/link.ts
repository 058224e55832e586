import type { StemmaError } from '@stemma/base'

/**
 * One connection between two ends, which carries whole messages both ways, in order, each at most once.
 *
 * Whether a message arrived, only an answer can tell.
 */
export interface Link {
  /** The other end, for people: `tcp://10.0.0.7:51234`. Never holds a secret. */
  readonly peer: string
  /** True when the other end proved that it knows the token, or showed a certificate that we trust. */
  readonly authenticated: boolean
  /** The largest message that the other end takes, in bytes. */
  readonly messageBytesMax: number
  /** Bytes given to the network so far, with frame headers, without what TLS adds. */
  readonly bytesSent: number
  /** Bytes that came in so far, counted like `bytesSent`. */
  readonly bytesReceived: number
  /** Bytes of what was sent that still wait in this process. */
  readonly bytesWaiting: number

  /**
   * Sends one message, which arrives as the parts joined. An empty message is a message.
   *
   * The parts may not be changed until `bytesWaiting` has been 0 once: large ones are not copied. Several messages that are sent
   * in one run of code, without an `await` between, leave together at its end; `flush` sends them earlier.
   *
   * @returns false when more than the high-water mark waits: send no more until `drain`. Sending on all the same works, until
   * `sendBytesMax` waits; then the link closes with PEER_TOO_SLOW. After the link has closed, nothing is sent and the answer is false.
   * @throws StemmaError MESSAGE_TOO_LARGE when the message is larger than `messageBytesMax`
   */
  send(parts: readonly Uint8Array[]): boolean

  /** Gives what was sent to the network now, not at the end of this run of code. */
  flush(): void

  /**
   * Ends the link. What was sent before still goes out, if the other end reads it soon; what comes in is dropped.
   *
   * @param error - why, handed to our own `closed`; the other end doesn't see it
   */
  close(error?: StemmaError): void
}

/**
 * What an end does about what happens on its link.
 *
 * None of these is called from within `send`, `flush` or `close`. A StemmaError thrown by one closes the link with that error;
 * anything else that is thrown is a bug, closes the link, and is thrown on.
 */
export interface LinkHandlers {
  /**
   * A message came in.
   *
   * @param bytes - good only during the call: the memory is used again for what comes next
   */
  message(bytes: Uint8Array): void
  /** All that waited has gone out, after a `send` that returned false. */
  drain(): void
  /**
   * The link is closed. Called exactly once, and last.
   *
   * @param error - why; undefined when one of the two ends closed it in good order
   */
  closed(error: StemmaError | undefined): void
}

/** Is called with a new, usable link before its first message is delivered, and says who handles it. */
export type OnLink = (link: Link) => LinkHandlers
