import { StemmaError } from '@stemma/base'
import { PROTOCOL_VERSIONS, decodeMessage, encodeMessage } from '@stemma/protocol'
import { connectTcp, type ConnectTls, type Link, type LinkHandlers, type Token } from '@stemma/transport'
import type { NodeStatus } from './status.ts'

export interface AskStatusOptions {
  /** Where the leader listens: `tcp://host:port` or `tls://host:port`. */
  readonly url: string
  readonly token?: Token
  readonly tls?: ConnectTls
  readonly signal?: AbortSignal
}

/**
 * Asks a leader that listens how it is, without following it.
 *
 * @throws StemmaError what connecting throws; PEER_REFUSED or the leader's own code when it refuses; PROTOCOL_MESSAGE when its
 * answer makes no sense
 */
export async function askStatus(options: AskStatusOptions): Promise<NodeStatus> {
  const answer = Promise.withResolvers<NodeStatus>()
  const { url, token, tls, signal } = options
  const link = await connectTcp({
    url,
    ...(token === undefined ? {} : { token }),
    ...(tls === undefined ? {} : { tls }),
    ...(signal === undefined ? {} : { signal }),
    onLink: (opened) => handlersOf(opened, answer),
  })
  try {
    return await answer.promise
  } finally {
    link.close()
  }
}

/** Says hello as a visitor, asks, and hands on what comes back. */
function handlersOf(link: Link, answer: PromiseWithResolvers<NodeStatus>): LinkHandlers {
  const [oldest, newest] = PROTOCOL_VERSIONS
  link.send(
    encodeMessage({
      kind: 'hello',
      versions: [oldest, newest],
      wants: 'status',
      node: '0'.repeat(32),
      name: 'status',
      sqlite: '',
      cluster: undefined,
      pageSize: undefined,
      epoch: 0,
      formats: [],
    }),
  )
  return {
    message(bytes) {
      const message = decodeMessage(bytes)
      if (message.kind === 'welcome') link.send(encodeMessage({ kind: 'status-request' }))
      if (message.kind === 'status') answer.resolve(decodeStatus(message.json))
      if (message.kind === 'refuse' || message.kind === 'bye') {
        answer.reject(new StemmaError('PEER_REFUSED', `${link.peer} refused: ${message.message}`, { code: message.code }))
      }
    },
    drain() {},
    closed(error) {
      answer.reject(error ?? new StemmaError('PEER_LEFT', `${link.peer} closed the connection without an answer`))
    },
  }
}

/** The fields that people are shown are checked; a leader that lies about the rest fools nobody but its reader. */
function decodeStatus(json: Uint8Array): NodeStatus {
  let status: Partial<NodeStatus> | null
  try {
    status = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json)) as Partial<NodeStatus> | null
  } catch (error) {
    throw new StemmaError('PROTOCOL_MESSAGE', 'the status is not JSON', {}, error)
  }
  const texts = [status?.role, status?.database, status?.cluster, status?.node, status?.sqlite]
  const numbers = [status?.walBytes, status?.logBytes]
  const lists = [status?.formats, status?.followers ?? []]
  const sound =
    texts.every((text) => typeof text === 'string') &&
    numbers.every((number) => typeof number === 'number') &&
    lists.every((list) => Array.isArray(list))
  if (!sound) throw new StemmaError('PROTOCOL_MESSAGE', 'the status lacks what every status has')
  return status as NodeStatus
}
