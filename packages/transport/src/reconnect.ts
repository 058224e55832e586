import { StemmaError, type Milliseconds } from '@stemma/base'
import type { Link, OnLink } from './link.ts'
import { systemTimers, type Timers } from './timers.ts'

/** How long to wait between attempts to connect. */
export interface ReconnectDelays {
  /** After the first failure. Doubles with each further one. */
  readonly firstMs: Milliseconds
  /** The most that it grows to. */
  readonly mostMs: Milliseconds
  /** A link that lasted this long makes the next wait a first one again. */
  readonly stableMs: Milliseconds
  /** After an error that waiting doesn't mend, such as a wrong token. */
  readonly hopelessMs: Milliseconds
}

/** The delays where none are given. */
export const RECONNECT_DELAYS: ReconnectDelays = { firstMs: 100, mostMs: 10_000, stableMs: 5_000, hopelessMs: 60_000 }

/** How links are made, and who is told of them. */
export interface KeepConnectedOptions {
  /** Makes one link, as `connectTcp` does. */
  readonly connect: (onLink: OnLink, signal: AbortSignal) => Promise<Link>
  /** Is called with each new link. */
  readonly onLink: OnLink
  /**
   * There is no link; the next attempt comes in `retryMs`.
   *
   * @param error - why; undefined when the other end closed it in good order. Where `error.recovery` is 'stop' or 'fix-input', a person should look
   */
  readonly onDown?: ((error: StemmaError | undefined, retryMs: Milliseconds) => void) | undefined
  /** Ends it all: closes the link that is up. */
  readonly signal: AbortSignal
  readonly delays?: Partial<ReconnectDelays> | undefined
  readonly timers?: Timers | undefined
  /** From 0 to less than 1. */
  readonly random?: (() => number) | undefined
}

/**
 * Keeps one link up until `signal` is aborted: connects, and connects again after each loss, waiting longer each time.
 *
 * Each wait is drawn from the upper half of its range, so that many followers of one leader don't come back at once.
 *
 * @returns a promise that resolves when it has ended and its link is closed; rejects when `connect` or `onLink` throws what isn't a StemmaError
 */
export async function keepConnected(options: KeepConnectedOptions): Promise<void> {
  const { signal } = options
  const delays = { ...RECONNECT_DELAYS, ...options.delays }
  const timers = options.timers ?? systemTimers
  const random = options.random ?? Math.random
  let failures = 0
  while (!signal.aborted) {
    const { error, lastedMs } = await oneLink(options, timers)
    if (signal.aborted) return
    if (lastedMs >= delays.stableMs) failures = 0
    const isHopeless = error?.recovery === 'stop' || error?.recovery === 'fix-input'
    const rangeMs = isHopeless ? delays.hopelessMs : Math.min(delays.mostMs, delays.firstMs * 2 ** failures)
    failures++
    const retryMs = Math.round(rangeMs * (0.5 + random() / 2))
    options.onDown?.(error, retryMs)
    await pause(retryMs, timers, signal)
  }
}

interface Ended {
  readonly error: StemmaError | undefined
  /** How long there was a link. */
  readonly lastedMs: Milliseconds
}

/** Makes a link and waits for its end. */
async function oneLink(options: KeepConnectedOptions, timers: Timers): Promise<Ended> {
  const { signal } = options
  const { promise: closed, resolve: end } = Promise.withResolvers<StemmaError | undefined>()
  let link: Link | undefined
  let since = 0
  const abort = (): void => link?.close()
  try {
    await options.connect((made) => {
      link = made
      since = timers.now()
      const handlers = options.onLink(made)
      return {
        message: (bytes) => handlers.message(bytes),
        drain: () => handlers.drain(),
        closed(error) {
          end(error)
          handlers.closed(error)
        },
      }
    }, signal)
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
    const error = await closed
    return { error, lastedMs: timers.now() - since }
  } catch (error) {
    if (signal.aborted) return { error: undefined, lastedMs: 0 }
    if (!StemmaError.is(error)) throw error
    return { error, lastedMs: 0 }
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

async function pause(afterMs: Milliseconds, timers: Timers, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const cancel = timers.schedule(afterMs, resolve)
  const stop = (): void => {
    cancel()
    resolve()
  }
  signal.addEventListener('abort', stop, { once: true })
  await promise
  signal.removeEventListener('abort', stop)
}
