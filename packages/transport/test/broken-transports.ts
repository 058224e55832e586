import { StemmaError } from '@stemma/base'
import type { OpenOptions, RuleId, Transport } from '../src/conformance/index.ts'
import { memoryLinks, type Link, type LinkHandlers, type OnLink } from '../src/index.ts'
import { memoryTransport } from './transports.ts'

/** A transport that breaks one rule, at least. */
export interface BrokenTransport {
  readonly rule: RuleId
  readonly title: string
  readonly transport: Transport
}

type Around<Kind> = (inner: Kind) => Partial<Kind>

/** The memory transport, with ends that are other than they should be. */
function withEnds(ends: {
  readonly link?: Around<Link>
  readonly handlers?: (inner: LinkHandlers, link: Link) => Partial<LinkHandlers>
}): Transport {
  const around =
    (onLink: OnLink): OnLink =>
    (link) => {
      const changed = ends.link === undefined ? link : mixed(link, ends.link(link))
      const handlers = onLink(changed)
      return { ...bound(handlers), ...ends.handlers?.(handlers, changed) }
    }
  return {
    ...memoryTransport,
    open: (options) => memoryTransport.open({ ...options, onLeft: around(options.onLeft), onRight: around(options.onRight) }),
  }
}

function withOptions(change: (options: OpenOptions) => OpenOptions): Transport {
  return { ...memoryTransport, open: (options) => memoryTransport.open(change(options)) }
}

/** A link that has some of its members from elsewhere. */
function mixed(link: Link, changed: Partial<Link>): Link {
  return new Proxy(link, {
    get(target, name) {
      const from = name in changed ? changed : target
      const value: unknown = Reflect.get(from, name, from)
      return typeof value === 'function' ? value.bind(from) : value
    },
  })
}

function bound(handlers: LinkHandlers): LinkHandlers {
  return {
    message: (bytes) => handlers.message(bytes),
    drain: () => handlers.drain(),
    closed: (error) => handlers.closed(error),
  }
}

const inGoodOrder: Transport = withEnds({ handlers: (inner) => ({ closed: () => inner.closed(undefined) }) })

const neverFull: Transport = withEnds({
  link: (link) => ({
    send(parts) {
      link.send(parts)
      return true
    },
  }),
})

/** One that takes tokens, and lets in whom `lets` says. */
function withTokens(lets: (left: unknown, right: unknown) => boolean, authenticated: boolean): Transport {
  const inner = withEnds({ link: () => ({ authenticated }) })
  return {
    ...inner,
    takesTokens: true,
    open: (options) =>
      lets(options.leftToken, options.rightToken)
        ? inner.open(options)
        : Promise.reject(new StemmaError('AUTHENTICATION_FAILED', 'made up')),
  }
}

/** Some for each rule. */
export const brokenTransports: readonly BrokenTransport[] = [
  {
    rule: 'TR-1',
    title: 'loses empty messages',
    transport: withEnds({
      handlers: (inner) => ({ message: (bytes) => (bytes.byteLength === 0 ? undefined : inner.message(bytes)) }),
    }),
  },
  {
    rule: 'TR-1',
    title: 'delivers twice',
    transport: withEnds({
      handlers: (inner) => ({
        message(bytes) {
          inner.message(bytes)
          inner.message(bytes)
        },
      }),
    }),
  },
  {
    rule: 'TR-2',
    title: 'makes a message of every part',
    transport: withEnds({ link: (link) => ({ send: (parts) => parts.map((part) => link.send([part])).every(Boolean) }) }),
  },
  {
    rule: 'TR-3',
    title: 'delivers at once',
    transport: {
      ...memoryTransport,
      open({ limits, onLeft, onRight }) {
        const { cut } = memoryLinks({ schedule: (deliver) => deliver(), limits, onLeft, onRight })
        return Promise.resolve({ cut, close: () => Promise.resolve() })
      },
    },
  },
  {
    rule: 'TR-4',
    title: 'sends nothing before the link is handled',
    transport: {
      ...memoryTransport,
      open(options) {
        const deaf =
          (onLink: OnLink): OnLink =>
          (link) => {
            let isUp = false
            const handlers = onLink(mixed(link, { send: (parts) => isUp && link.send(parts) }))
            isUp = true
            return handlers
          }
        return memoryTransport.open({ ...options, onLeft: deaf(options.onLeft), onRight: deaf(options.onRight) })
      },
    },
  },
  {
    rule: 'TR-5',
    title: 'never says when to wait',
    transport: neverFull,
  },
  { rule: 'TR-5', title: 'never drains', transport: withEnds({ handlers: () => ({ drain() {} }) }) },
  {
    rule: 'TR-6',
    title: 'drains after everything',
    transport: withEnds({
      link: (link) => ({
        send: (parts) => link.send([...parts, new Uint8Array(link.messageBytesMax - 1_000_000)]) || parts.length === 1,
      }),
    }),
  },
  {
    rule: 'TR-7',
    title: 'waits for ever for who does not read',
    transport: withOptions((options) => ({ ...options, limits: { ...options.limits, sendBytesMax: 1_000_000_000 } })),
  },
  {
    rule: 'TR-8',
    title: 'takes larger messages',
    transport: withOptions((options) => ({ ...options, limits: { ...options.limits, messageBytesMax: 4_000_000 } })),
  },
  {
    rule: 'TR-8',
    title: 'ends its link on a message that is too large',
    transport: withEnds({
      link: (link) => ({
        send(parts) {
          try {
            return link.send(parts)
          } catch (error) {
            link.close()
            throw error
          }
        },
      }),
    }),
  },
  { rule: 'TR-9', title: 'says too early that nothing waits', transport: withEnds({ link: () => ({ bytesWaiting: 0 }) }) },
  { rule: 'TR-10', title: 'counts nothing', transport: withEnds({ link: () => ({ bytesSent: 0, bytesReceived: 0 }) }) },
  {
    rule: 'TR-10',
    title: 'counts what comes in twice',
    transport: withEnds({
      link: (link) => ({
        get bytesReceived() {
          return 2 * link.bytesReceived
        },
      }),
    }),
  },
  {
    rule: 'TR-11',
    title: 'throws away what waits when it closes',
    transport: {
      ...memoryTransport,
      async open(options) {
        let cut = (): void => {}
        const hasty =
          (onLink: OnLink): OnLink =>
          (link) =>
            onLink(mixed(link, { close: () => cut() }))
        const connection = await memoryTransport.open({
          ...options,
          onLeft: hasty(options.onLeft),
          onRight: hasty(options.onRight),
        })
        cut = connection.cut
        return connection
      },
    },
  },
  {
    rule: 'TR-11',
    title: 'tells the end twice',
    transport: withEnds({
      handlers: (inner) => ({
        closed(error) {
          inner.closed(error)
          inner.closed(error)
        },
      }),
    }),
  },
  { rule: 'TR-12', title: 'forgets the reason', transport: inGoodOrder },
  {
    rule: 'TR-13',
    title: 'says yes after it has closed',
    transport: neverFull,
  },
  {
    rule: 'TR-14',
    title: 'goes on after a handler has failed',
    transport: withEnds({
      handlers: (inner) => ({
        message(bytes) {
          try {
            inner.message(bytes)
          } catch {
            return
          }
        },
      }),
    }),
  },
  { rule: 'TR-14', title: 'calls it good order when a handler fails', transport: inGoodOrder },
  {
    rule: 'TR-15',
    title: 'closes a moment late',
    transport: withEnds({
      link: (link) => ({ close: (error) => void setImmediate(() => setImmediate(() => link.close(error))) }),
    }),
  },
  {
    rule: 'TR-16',
    title: 'is lost when both ends close',
    transport: withEnds({
      handlers: (inner) => ({ closed: (error) => inner.closed(error ?? new StemmaError('LINK_LOST', 'made up')) }),
    }),
  },
  { rule: 'TR-17', title: 'calls a break good order', transport: inGoodOrder },
  { rule: 'TR-18', title: 'lets nobody in', transport: withTokens(() => false, true) },
  { rule: 'TR-18', title: 'calls nobody authenticated', transport: withTokens(() => true, false) },
  {
    rule: 'TR-19',
    title: 'lets in whoever has a token',
    transport: withTokens((left, right) => (left === undefined) === (right === undefined), true),
  },
  { rule: 'TR-20', title: 'lets in who has none', transport: withTokens((left) => left === undefined, true) },
  {
    rule: 'TR-21',
    title: 'asks for no proof of the listener',
    transport: withTokens((left, right) => right === undefined || left === right, true),
  },
]
