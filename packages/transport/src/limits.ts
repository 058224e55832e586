import { StemmaError, type Milliseconds } from '@stemma/base'

/** What one link may cost. */
export interface LinkLimits {
  /** The largest message that this end takes, in bytes. At most 268,435,455. */
  readonly messageBytesMax: number
  /** `send` returns false while more bytes than this wait. */
  readonly highWaterBytes: number
  /** A link where more bytes than this wait is closed. */
  readonly sendBytesMax: number
  /** How much is read from the network at once, in bytes. Memory is touched only as far as data comes. */
  readonly readBufferBytes: number
  /** An end that heard nothing for this long asks whether the other is there. */
  readonly keepAliveMs: Milliseconds
  /** An end that heard nothing for this long (rounded up to whole `keepAliveMs`) takes the other for gone. */
  readonly silentMs: Milliseconds
  /** A message on its way has to come in at least this fast; checked over `silentMs`. */
  readonly bytesPerSecondMin: number
  /** From the connection's begin to the end of authentication. */
  readonly handshakeMs: Milliseconds
  /** How long a closed link waits for its last bytes to go out. */
  readonly closeMs: Milliseconds
}

/** What all links of a listener may cost together. */
export interface ListenLimits extends LinkLimits {
  /** Links, in total. */
  readonly connectionsMax: number
  /** Connections of any kind from one address (one /64 network for IPv6). */
  readonly connectionsPerAddress: number
  /** Connections that are not authenticated yet. One more drops the oldest of them. */
  readonly pendingMax: number
  /** The same from one address; one more is refused. */
  readonly pendingPerAddress: number
  /** How long a wrong answer to the challenge waits for its refusal, in milliseconds. */
  readonly failureDelayMs: Milliseconds
}

/** The most that the length field of a frame can say. */
const LENGTH_MAX = 0x0fff_ffff

/** The limits of a link that is given none. */
export const LINK_LIMITS: LinkLimits = {
  messageBytesMax: 32 * 1024 * 1024,
  highWaterBytes: 4 * 1024 * 1024,
  sendBytesMax: 64 * 1024 * 1024,
  readBufferBytes: 4 * 1024 * 1024,
  keepAliveMs: 5_000,
  silentMs: 15_000,
  bytesPerSecondMin: 1_024,
  handshakeMs: 5_000,
  closeMs: 2_000,
}

/** The limits of a listener that is given none. */
export const LISTEN_LIMITS: ListenLimits = {
  ...LINK_LIMITS,
  readBufferBytes: 64 * 1024,
  connectionsMax: 256,
  connectionsPerAddress: 64,
  pendingMax: 64,
  pendingPerAddress: 16,
  failureDelayMs: 500,
}

/**
 * Fills up limits with their defaults and checks them.
 *
 * @throws StemmaError BAD_ARGUMENT naming the limit that is out of range, or that doesn't exist
 */
export function newLimits<Limits extends LinkLimits>(defaults: Limits, given: Partial<Limits> = {}): Limits {
  const limits = { ...defaults } as Record<string, unknown>
  for (const [name, value] of Object.entries(given)) {
    if (!(name in defaults)) throw new StemmaError('BAD_ARGUMENT', `there is no limit ${JSON.stringify(name)}`, { name })
    if (value === undefined) continue
    const most = name === 'messageBytesMax' ? LENGTH_MAX : Number.MAX_SAFE_INTEGER
    if (!Number.isSafeInteger(value) || Number(value) < 1 || Number(value) > most) {
      throw new StemmaError('BAD_ARGUMENT', `limit ${name} must be a whole number from 1 to ${most}, not ${String(value)}`, {
        name,
        value,
      })
    }
    limits[name] = value
  }
  return limits as Limits
}
