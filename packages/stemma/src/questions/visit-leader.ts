import { StemmaError, ERRORS, type ErrorCode } from '@stemma/base'
import {
  PROTOCOL_VERSIONS,
  decodeMessage,
  encodeMessage,
  type FollowerMessage,
  type LeaderMessage,
  type Wish,
} from '@stemma/protocol'
import { connectLink, type ConnectTls, type Link, type LinkHandlers, type Token } from '@stemma/transport'

/** Which leader, and what it wants of visitors. */
export interface LeaderAddress {
  /** Where the leader listens: `tcp://host:port`, or with `tls`, `ws` or `wss`. */
  readonly url: string
  readonly token?: Token | undefined
  readonly tls?: ConnectTls | undefined
  /** Gives up. */
  readonly signal?: AbortSignal | undefined
}

type Welcome = Extract<LeaderMessage, { readonly kind: 'welcome' }>

/** A short visit to a leader: a request, its answer, the next request. Nothing is copied. */
export interface Visit {
  readonly welcome: Welcome
  /**
   * Sends a request and waits for what answers it; one at a time.
   *
   * @throws StemmaError when the leader ends the link or the signal is aborted
   */
  request<Kind extends LeaderMessage['kind']>(
    message: FollowerMessage,
    answer: Kind,
  ): Promise<Extract<LeaderMessage, { readonly kind: Kind }>>
  close(): void
}

/**
 * Goes to a leader as one who came to ask or to see, and waits for its welcome.
 *
 * @throws StemmaError what connecting throws; the leader's own code or PEER_REFUSED when it refuses; PROTOCOL_MESSAGE
 */
export async function visitLeader(address: LeaderAddress, wants: Extract<Wish, 'ask' | 'status'>): Promise<Visit> {
  const { url, token, tls, signal } = address
  const visitor = new Visitor()
  const abort = (): void => visitor.fail(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  const link = await connectLink({ url, token, tls, signal, onLink: (opened) => visitor.greet(opened, wants) })
  const close = (): void => {
    signal?.removeEventListener('abort', abort)
    link.close()
  }
  try {
    const welcome = await visitor.expect('welcome')
    return {
      welcome,
      request(message, answer) {
        const answered = visitor.expect(answer)
        link.send(encodeMessage(message))
        return answered
      },
      close,
    }
  } catch (error) {
    close()
    throw error
  }
}

class Visitor {
  #expected:
    | { readonly kind: LeaderMessage['kind']; resolve(message: LeaderMessage): void; reject(error: unknown): void }
    | undefined
  /** Came before anybody waited for it: the welcome, at most. */
  #early: LeaderMessage | undefined
  #failure: unknown

  /** Says hello over a new link. */
  greet(link: Link, wants: Wish): LinkHandlers {
    const common = {
      node: '0'.repeat(32),
      name: wants,
      sqlite: '',
      cluster: undefined,
      pageSize: undefined,
      epoch: 0,
      formats: [],
    }
    link.send(encodeMessage({ kind: 'hello', versions: PROTOCOL_VERSIONS, wants, ...common }))
    return {
      message: (bytes) => this.#take(link, decodeMessage(bytes.slice()) as LeaderMessage),
      drain() {},
      closed: (error) => this.fail(error ?? new StemmaError('PEER_LEFT', `${link.peer} closed the connection without an answer`)),
    }
  }

  expect<Kind extends LeaderMessage['kind']>(kind: Kind): Promise<Extract<LeaderMessage, { readonly kind: Kind }>> {
    const early = this.#early
    this.#early = undefined
    if (early?.kind === kind) return Promise.resolve(early as Extract<LeaderMessage, { readonly kind: Kind }>)
    if (this.#failure !== undefined) return Promise.reject(this.#failure as Error)
    return new Promise((resolve, reject) => {
      this.#expected = { kind, resolve: resolve as (message: LeaderMessage) => void, reject }
    })
  }

  fail(error: unknown): void {
    this.#failure ??= error
    this.#expected?.reject(error)
    this.#expected = undefined
  }

  #take(link: Link, message: LeaderMessage): void {
    if (message.kind === 'heartbeat') return void link.send(encodeMessage({ kind: 'alive' }))
    if (message.kind === 'refuse' || message.kind === 'bye') {
      const { code } = message
      return this.fail(new StemmaError('PEER_REFUSED', `${link.peer} refused: ${message.message}`, { code }))
    }
    const expected = this.#expected
    this.#expected = undefined
    if (expected === undefined) this.#early = message
    else if (message.kind === expected.kind) expected.resolve(message)
    else expected.reject(new StemmaError('PROTOCOL_MESSAGE', `the leader sent ${message.kind} instead of ${expected.kind}`))
  }
}

/** An error that a leader answered with. */
export function answeredError(code: string, message: string): StemmaError {
  const known = Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'PEER_REFUSED'
  return new StemmaError(known, `the leader says: ${message}`, { code })
}
