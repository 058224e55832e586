import { ERRORS, StemmaError, assert, comparePositions, showPosition, type ErrorCode, type Milliseconds } from '@stemma/base'
import { addPart } from './assembly.ts'
import type { Feed, FeedConfig, FeedEffect, FeedInput, FeedReport } from './feed-io.ts'
import { FOLLOWER_LIMITS, PROTOCOL_VERSIONS, type FeedLimits } from './limits.ts'
import type { FollowerMessage, LeaderMessage, Message, Verdict } from './message.ts'

/** So often is credit granted while a window of entries is read. */
const ACKS_PER_WINDOW = 8

type Answer<Kind extends LeaderMessage['kind']> = Extract<LeaderMessage, { readonly kind: Kind }>

/** What a feed has become, and what is to be done, in this order. */
export interface FeedStep {
  readonly feed: Feed
  readonly effects: readonly FeedEffect[]
}

/** A feed that has just started. */
export function newFeed(config: FeedConfig, now: Milliseconds, limits: Partial<FeedLimits> = {}): Feed {
  const { silenceMs, answerMs, windowBytes } = { ...FOLLOWER_LIMITS, ...limits }
  return {
    config,
    limits: { silenceMs, answerMs, windowBytes },
    phase: 'offline',
    cluster: config.cluster,
    epoch: config.from?.epoch ?? 0,
    taken: config.from,
    consumed: config.from,
    from: undefined,
    waitingBytes: 0,
    received: config.from?.sequence ?? 0,
    receivedBytes: 0,
    creditBytes: 0,
    grantedBytes: 0,
    assembling: undefined,
    tip: undefined,
    heardAt: now,
    waitingSince: now,
  }
}

/**
 * Moves a feed by one input.
 *
 * Reads no clock, draws no dice, does no I/O: the same arguments give the same step, always. The feed passed in is left as it was.
 *
 * @see SPEC.md
 */
export function stepFeed(feed: Feed, input: FeedInput, now: Milliseconds): FeedStep {
  if (feed.phase === 'stopped') return { feed, effects: [] }
  const turn = new FeedTurn(feed, now)
  takeInput(turn, input)
  return { feed: turn.state, effects: turn.effects }
}

class FeedTurn {
  state: Feed
  readonly now: Milliseconds
  readonly effects: FeedEffect[] = []

  constructor(feed: Feed, now: Milliseconds) {
    this.state = feed
    this.now = now
  }

  set(change: Partial<Feed>): void {
    this.state = { ...this.state, ...change }
  }

  send(message: FollowerMessage): void {
    this.effects.push({ kind: 'send', message })
  }

  report(report: FeedReport): void {
    this.effects.push({ kind: 'report', report })
  }

  disconnect(error: StemmaError): void {
    this.effects.push({ kind: 'disconnect', error })
    this.goOffline(error)
  }

  goOffline(error: StemmaError | undefined): void {
    this.report({ kind: 'disconnected', error })
    this.set({ phase: 'offline', assembling: undefined })
  }

  stop(error: StemmaError): void {
    this.effects.push({ kind: 'stop', error })
    this.set({ phase: 'stopped', assembling: undefined })
  }

  refuse(what: string): void {
    this.disconnect(new StemmaError('PROTOCOL_MESSAGE', `the leader sent ${what}`))
  }
}

function takeInput(turn: FeedTurn, input: FeedInput): void {
  const { phase } = turn.state
  switch (input.kind) {
    case 'connected':
      assert(phase === 'offline', 'one link at a time')
      return greet(turn)
    case 'disconnected':
      return phase === 'offline' ? undefined : turn.goOffline(input.error)
    case 'message':
      // One that comes behind our own giving up of the link.
      return phase === 'offline' ? undefined : onMessage(turn, input.message)
    case 'bad-message':
      return phase === 'offline' ? undefined : turn.disconnect(input.error)
    case 'taken':
      return turn.set({ taken: input.position, epoch: Math.max(turn.state.epoch, input.position.epoch) })
    case 'consumed':
      return onConsumed(turn, input)
    case 'tick':
      return onTick(turn)
  }
}

function greet(turn: FeedTurn): void {
  const { config, cluster, epoch } = turn.state
  const { node, name, sqlite, formats } = config
  turn.set({ phase: 'greeting', heardAt: turn.now, waitingSince: turn.now, tip: undefined })
  turn.send({
    kind: 'hello',
    versions: PROTOCOL_VERSIONS,
    wants: 'feed',
    node,
    name,
    sqlite,
    cluster,
    pageSize: undefined,
    epoch,
    formats,
  })
}

function onMessage(turn: FeedTurn, message: Message): void {
  turn.set({ heardAt: turn.now })
  const { phase } = turn.state
  const opens = message.kind === 'welcome' || message.kind === 'refuse' || message.kind === 'bye'
  if (phase === 'greeting' && !opens) return turn.refuse(`${message.kind} before welcome`)
  switch (message.kind) {
    case 'welcome':
      return onWelcome(turn, message)
    case 'refuse':
      return onRefuse(turn, message)
    case 'verdict':
      return onVerdict(turn, message.verdict)
    case 'entries':
      if (phase !== 'following') return
      if (turn.state.assembling !== undefined) return turn.refuse(`entries within entry ${turn.state.assembling.sequence}`)
      return take(turn, message)
    case 'entry-part':
      return onEntryPart(turn, message)
    case 'heartbeat':
      turn.set({ tip: message.tip })
      return phase === 'following' ? ack(turn) : turn.send({ kind: 'alive' })
    case 'bye': {
      const what = `the leader ended the connection: ${message.message} (${message.code})`
      return turn.disconnect(new StemmaError('PEER_LEFT', what, { code: message.code }))
    }
    case 'status':
    case 'answer':
      return
    case 'snapshot':
    case 'pages':
    case 'hello':
    case 'follow':
    case 'ack':
    case 'open-snapshot':
    case 'fetch-pages':
    case 'close-snapshot':
    case 'alive':
    case 'status-request':
    case 'ask':
      return turn.refuse(`${message.kind}, which no feed asks for`)
  }
}

/** The leader says who it is. Nothing is taken from one whose history is another. */
function onWelcome(turn: FeedTurn, welcome: Answer<'welcome'>): void {
  const { phase, config, cluster, epoch, taken, limits, waitingBytes } = turn.state
  if (phase !== 'greeting') return turn.refuse('a second welcome')
  if (cluster !== undefined && cluster !== welcome.cluster) {
    const what = `what was read so far belongs to cluster ${cluster}, the leader to ${welcome.cluster}`
    return turn.stop(new StemmaError('CLUSTER_MISMATCH', what))
  }
  if (welcome.epoch < epoch)
    return turn.stop(new StemmaError('STALE_LEADER', `epoch ${epoch} has been seen, the leader is of epoch ${welcome.epoch}`))
  const { version, format, formatVersion, tip, node } = welcome
  if (version < PROTOCOL_VERSIONS[0] || version > PROTOCOL_VERSIONS[1])
    return turn.refuse(`protocol version ${version}, which was not offered`)
  const offer = config.formats.find(({ name }) => name === format)
  if (offer === undefined || !offer.versions.includes(formatVersion))
    return turn.refuse(`format ${format}, which was not offered`)
  const credit = Math.max(0, limits.windowBytes - waitingBytes)
  turn.set({
    phase: 'asking',
    cluster: welcome.cluster,
    tip,
    waitingSince: turn.now,
    receivedBytes: 0,
    creditBytes: credit,
    grantedBytes: credit,
    assembling: undefined,
  })
  turn.report({ kind: 'connected', node, format, tip })
  turn.send({ kind: 'follow', state: { kind: 'feed', position: taken }, credit })
}

/** The leader will not have us. */
function onRefuse(turn: FeedTurn, { code, message, hint }: Answer<'refuse'>): void {
  if (turn.state.phase !== 'greeting') return turn.refuse('refuse behind welcome')
  const known = Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'PEER_REFUSED'
  const error = new StemmaError(known, `refused by the leader: ${message}`, { code, hint })
  if (error.recovery === 'retry') turn.disconnect(error)
  else turn.stop(error)
}

/** May we go on? While following, the only news can be that the log no longer reaches back to us. */
function onVerdict(turn: FeedTurn, verdict: Verdict): void {
  const { phase, taken } = turn.state
  if (phase !== 'asking' && !(phase === 'following' && verdict.kind === 'not-kept')) return
  const where = taken === undefined ? 'now' : showPosition(taken)
  switch (verdict.kind) {
    case 'go-on': {
      const { from } = verdict
      if (from === undefined || (taken !== undefined && comparePositions(from, taken) !== 0))
        return turn.refuse(`leave to go on from elsewhere than ${where}`)
      turn.set({
        phase: 'following',
        from,
        taken: from,
        consumed: turn.state.consumed ?? from,
        received: from.sequence,
        waitingSince: turn.now,
      })
      turn.report({ kind: 'going-on', position: from })
      return ack(turn)
    }
    case 'not-kept': {
      const { oldest } = verdict
      const rest = oldest === undefined ? '' : `; the oldest position to go on from is ${showPosition(oldest)}`
      const what = `the leader's log no longer has what follows ${where}${rest}`
      return turn.stop(new StemmaError('POSITION_NOT_KEPT', what, { position: taken, oldest }))
    }
    case 'diverged': {
      const what = `${where} is not in the leader's history`
      return turn.stop(new StemmaError('POSITION_UNKNOWN', what, { position: taken, shared: verdict.at }))
    }
    case 'snapshot':
      return turn.refuse('that a snapshot is needed, of which a feed has no use')
  }
}

function onEntryPart(turn: FeedTurn, part: Answer<'entry-part'>): void {
  const { phase, assembling } = turn.state
  if (phase !== 'following') return
  const added = addPart(assembling, part)
  if (added.kind === 'wrong') return turn.refuse(added.what)
  if (isOverdrawn(turn)) return turn.refuse('more entries than it was given credit for')
  if (added.kind === 'more') return turn.set({ assembling: added.assembling })
  turn.set({ assembling: undefined })
  take(turn, { first: part.sequence, last: part.sequence, bytes: added.bytes })
}

/** Entries are handed on in order and without a gap, or the link is given up. */
function take(turn: FeedTurn, { first, last, bytes }: Pick<Answer<'entries'>, 'first' | 'last' | 'bytes'>): void {
  const { received, tip, epoch } = turn.state
  if (first > received + 1) return turn.refuse(`entries from ${first} on, wanted was ${received + 1}`)
  if (isOverdrawn(turn)) return turn.refuse('more entries than it was given credit for')
  const receivedBytes = turn.state.receivedBytes + bytes.byteLength
  if (last <= received) return turn.set({ receivedBytes })
  const newer = tip === undefined || last > tip.sequence
  turn.set({
    received: last,
    receivedBytes,
    waitingBytes: turn.state.waitingBytes + bytes.byteLength,
    waitingSince: turn.now,
    tip: newer ? { epoch: tip?.epoch ?? epoch, sequence: last } : tip,
  })
  turn.effects.push({ kind: 'take', first, last, bytes })
}

/** The credit was used up before: whatever comes now, the leader was not to send. */
function isOverdrawn({ state: { receivedBytes, creditBytes } }: FeedTurn): boolean {
  return receivedBytes >= creditBytes
}

/** The reader took more: the leader may send more. */
function onConsumed(turn: FeedTurn, { position, waitingBytes }: Extract<FeedInput, { readonly kind: 'consumed' }>): void {
  const { receivedBytes, creditBytes, limits } = turn.state
  turn.set({
    consumed: position,
    waitingBytes,
    creditBytes: Math.max(creditBytes, receivedBytes - waitingBytes + limits.windowBytes),
    waitingSince: turn.now,
  })
  // An ack for each entry would cost more than the entry: one in a while will do, and one when nothing waits.
  const grown = turn.state.creditBytes - turn.state.grantedBytes
  if (waitingBytes === 0 || grown >= limits.windowBytes / ACKS_PER_WINDOW) ack(turn)
}

/** Tells the leader what was taken and what was read, and grants credit. */
function ack(turn: FeedTurn): void {
  const { phase, from, taken, consumed, creditBytes } = turn.state
  if (phase !== 'following' || from === undefined || taken === undefined || consumed === undefined) return
  turn.set({ grantedBytes: creditBytes })
  // What an earlier link brought may still wait for its reader: this one began behind it.
  const read = comparePositions(consumed, from) > 0 ? consumed : from
  turn.send({ kind: 'ack', received: taken, durable: read, applied: read, credit: creditBytes })
}

function onTick(turn: FeedTurn): void {
  const { phase, heardAt, waitingSince, limits, received, waitingBytes, tip } = turn.state
  if (phase === 'offline') return
  if (turn.now - heardAt >= limits.silenceMs)
    return turn.disconnect(new StemmaError('PEER_SILENT', `the leader said nothing for ${turn.now - heardAt} ms`))
  const stalled = phase === 'following' && waitingBytes === 0 && tip !== undefined && tip.sequence > received
  if (phase === 'following' && !stalled) return turn.set({ waitingSince: turn.now })
  if (turn.now - waitingSince >= limits.answerMs)
    turn.disconnect(new StemmaError('PEER_SILENT', `the leader owed an answer for ${turn.now - waitingSince} ms while ${phase}`))
}
