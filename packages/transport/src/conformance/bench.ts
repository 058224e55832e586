import { StemmaError } from '@stemma/base'
import { End } from './end.ts'
import type { Connection, OpenOptions, Transport } from './transport.ts'

/** The limits of the links that are judged. */
export const TRIED_LIMITS = { messageBytesMax: 3_000_000, highWaterBytes: 100_000, sendBytesMax: 20_000_000 } as const

/** Both ends of a link, and what carries it. */
export interface Pair {
  readonly left: End
  readonly right: End
  readonly connection: Connection
}

/** Where one rule is tried: opens links and closes them afterwards. */
export class Bench {
  readonly transport: Transport
  readonly #patienceMs: number
  readonly #connections: Connection[] = []

  constructor(transport: Transport, patienceMs: number) {
    this.transport = transport
    this.#patienceMs = patienceMs
  }

  /** Opens a link. */
  async pair(options: Partial<OpenOptions> = {}): Promise<Pair> {
    const left = new End()
    const right = new End()
    const connection = await this.open(left, right, options)
    return { left, right, connection }
  }

  async open(left: End, right: End, options: Partial<OpenOptions> = {}): Promise<Connection> {
    const opening = this.transport.open({ limits: TRIED_LIMITS, onLeft: left.onLink, onRight: right.onLink, ...options })
    const connection = await opening
    this.#connections.push(connection)
    return connection
  }

  /** The code with which a link does not open, or `it opened`. */
  async refusal(left: End, right: End, options: Partial<OpenOptions>): Promise<string> {
    try {
      await this.open(left, right, options)
      return 'it opened'
    } catch (error) {
      return StemmaError.is(error) ? error.code : String(error)
    }
  }

  /**
   * Lets the event loop turn until something is so.
   *
   * @throws Error with `what` when that never comes
   */
  async until(what: string, isSo: () => boolean): Promise<void> {
    const deadline = performance.now() + this.#patienceMs
    while (!isSo()) {
      if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`)
      await turn()
    }
  }

  /** Lets what is on its way arrive, where nothing is waited for: what should not come has many turns to come in. */
  async settle(): Promise<void> {
    for (let i = 0; i < 50; i++) await turn()
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) await connection.close()
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
