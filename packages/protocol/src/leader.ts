import { assert, comparePositions, type Milliseconds, type Position, type StemmaError } from '@stemma/base'
import { onAnswered, onAsk } from './leader-questions.ts'
import { onFollow, onHello, onHistory } from './leader-handshake.ts'
import type { AckLevel, LeaderEffect, LeaderInput, LinkId, PeerView } from './leader-io.ts'
import {
  LeaderTurn,
  dismiss,
  dismissOffender,
  forget,
  leaderError,
  type Leader,
  type LeaderConfig,
  type Peer,
} from './leader-peer.ts'
import { onAck, onCommitted, onLogRead, pump } from './leader-shipping.ts'
import {
  closeSnapshot,
  onCloseSnapshot,
  onFetchPages,
  onOpenSnapshot,
  onPagesRead,
  onSnapshotFailed,
  onSnapshotOpened,
  tickSnapshots,
} from './leader-snapshots.ts'
import { LEADER_LIMITS, type LeaderLimits } from './limits.ts'
import type { Message } from './message.ts'

/** What a leader has become, and what is to be done, in this order. */
export interface LeaderStep {
  readonly leader: Leader
  readonly effects: readonly LeaderEffect[]
}

/** A leader that nobody has connected to yet. */
export function newLeader(config: LeaderConfig, limits: Partial<LeaderLimits> = {}): Leader {
  return {
    config,
    limits: { ...LEADER_LIMITS, ...limits },
    tip: config.tip,
    peers: new Map(),
    snapshots: new Map(),
    snapshotsMade: 0,
  }
}

/**
 * Moves a leader by one input.
 *
 * Reads no clock, draws no dice, does no I/O: the same arguments give the same step, always. The leader passed in is left as it was.
 *
 * @see SPEC.md
 */
export function stepLeader(leader: Leader, input: LeaderInput, now: Milliseconds): LeaderStep {
  const turn = new LeaderTurn(leader, now)
  takeInput(turn, input)
  return { leader: turn.end(), effects: turn.effects }
}

function takeInput(turn: LeaderTurn, input: LeaderInput): void {
  switch (input.kind) {
    case 'link-opened':
      return onLinkOpened(turn, input.link, input.address)
    case 'committed':
      return onCommitted(turn, input.tip, input.runs)
    case 'snapshot-opened':
      return onSnapshotOpened(turn, input.info)
    case 'snapshot-failed':
      return onSnapshotFailed(turn, input.snapshot, input.error)
    case 'format-withdrawn':
      return onFormatWithdrawn(turn, input.format, input.error)
    case 'stop':
      return onStop(turn)
    case 'tick':
      return onTick(turn)
    case 'message':
    case 'bad-message':
    case 'link-closed':
    case 'link-full':
    case 'link-writable':
    case 'log-read':
    case 'history':
    case 'pages-read':
    case 'status-made':
    case 'question-answered': {
      // Answers may come after their link has gone.
      const peer = turn.peers.get(input.link)
      if (peer !== undefined) takePeerInput(turn, peer, input)
    }
  }
}

function takePeerInput(turn: LeaderTurn, peer: Peer, input: Extract<LeaderInput, { readonly link: LinkId }>): void {
  switch (input.kind) {
    case 'message':
      return onMessage(turn, turn.put({ ...peer, heardAt: turn.now }), input.message)
    case 'bad-message':
      return dismiss(turn, peer, input.error)
    case 'link-closed':
      return forget(turn, peer, input.error)
    case 'link-full':
      turn.put({ ...peer, writable: false })
      return
    case 'link-writable':
      return pump(turn, turn.put({ ...peer, writable: true }))
    case 'log-read':
      return onLogRead(turn, turn.put({ ...peer, reading: false }), input.read)
    case 'history':
      return onHistory(turn, peer, input.answer)
    case 'pages-read':
      return onPagesRead(turn, turn.put({ ...peer, reading: false }), input)
    case 'status-made':
      return turn.send(peer, { kind: 'status', json: input.json })
    case 'question-answered':
      return onAnswered(turn, peer, input.answer)
    case 'link-opened':
      assert(false, 'links opened once')
  }
}

function onMessage(turn: LeaderTurn, peer: Peer, message: Message): void {
  if (message.kind !== 'hello' && peer.phase === 'greeting') return dismissOffender(turn, peer, `${message.kind} before hello`)
  switch (message.kind) {
    case 'hello':
      return onHello(turn, peer, message)
    case 'follow':
      return onFollow(turn, peer, message)
    case 'ack':
      return onAck(turn, peer, message)
    case 'open-snapshot':
      return onOpenSnapshot(turn, peer, message.resume)
    case 'fetch-pages':
      return onFetchPages(turn, peer, message)
    case 'close-snapshot':
      return onCloseSnapshot(turn, peer, message.snapshot)
    case 'alive':
      return
    case 'status-request':
      return turn.do({ kind: 'answer-status', link: peer.link })
    case 'ask':
      return onAsk(turn, peer, message.body)
    case 'welcome':
    case 'refuse':
    case 'verdict':
    case 'entries':
    case 'entry-part':
    case 'heartbeat':
    case 'snapshot':
    case 'pages':
    case 'status':
    case 'bye':
    case 'answer':
      return dismissOffender(turn, peer, `${message.kind}, which only leaders send`)
  }
}

function onLinkOpened(turn: LeaderTurn, link: LinkId, address: string): void {
  assert(!turn.peers.has(link), 'links opened once')
  const peer: Peer = {
    link,
    address,
    phase: 'greeting',
    wants: 'follow',
    asking: false,
    node: '',
    name: '',
    format: '',
    openedAt: turn.now,
    heardAt: turn.now,
    heartbeatAt: turn.now,
    writable: true,
    reading: false,
    asked: undefined,
    sent: 0,
    sentBytes: 0,
    creditBytes: 0,
    acks: undefined,
    installing: undefined,
    snapshot: undefined,
    fetches: [],
  }
  if (turn.peers.size >= turn.limits.linksMax) {
    return dismiss(turn, peer, leaderError('LEADER_BUSY', `this leader serves ${turn.peers.size} links, which is all it may`))
  }
  turn.put(peer)
}

function onTick(turn: LeaderTurn): void {
  const { now, limits } = turn
  for (const peer of turn.peers.values()) {
    if (peer.phase === 'greeting' && now - peer.openedAt >= limits.handshakeMs) {
      dismiss(turn, peer, leaderError('PEER_SILENT', `${peer.address} said no hello for ${now - peer.openedAt} ms`))
    } else if (now - peer.heardAt >= limits.silenceMs) {
      dismiss(turn, peer, leaderError('PEER_SILENT', `${peer.address} said nothing for ${now - peer.heardAt} ms`))
    } else if (peer.phase !== 'greeting' && peer.writable && now - peer.heartbeatAt >= limits.heartbeatMs) {
      turn.put({ ...peer, heartbeatAt: now })
      turn.send(peer, { kind: 'heartbeat', tip: turn.tip, time: now })
    }
  }
  tickSnapshots(turn)
}

function onFormatWithdrawn(turn: LeaderTurn, format: string, error: StemmaError): void {
  const { config } = turn
  turn.config = { ...config, formats: config.formats.filter(({ name }) => name !== format) }
  for (const peer of turn.peers.values()) if (peer.format === format) dismiss(turn, peer, error)
}

function onStop(turn: LeaderTurn): void {
  for (const peer of turn.peers.values()) dismiss(turn, peer, leaderError('PEER_LEFT', 'the leader stops'))
  for (const snapshot of turn.snapshots.keys()) closeSnapshot(turn, snapshot)
}

/** How many followers that are connected and keep a copy have a position at a level: received, durable or applied. */
export function followersAt(leader: Leader, position: Position, level: AckLevel): number {
  const nodes = new Set<string>()
  for (const { acks, node, wants } of leader.peers.values()) {
    // A feed has read what it acked; nobody says that it kept it.
    if (wants === 'follow' && acks !== undefined && comparePositions(acks[level], position) >= 0) nodes.add(node)
  }
  return nodes.size
}

/**
 * The lowest sequence after which a connected follower or feed may still need entries, one that receives or installs a snapshot included;
 * undefined when nobody does.
 */
export function neededAfter(leader: Leader): number | undefined {
  let lowest: number | undefined
  const need = (sequence: number): void => {
    if (lowest === undefined || sequence < lowest) lowest = sequence
  }
  for (const { phase, acks, asked, installing } of leader.peers.values()) {
    if (installing !== undefined) need(installing)
    if (phase === 'following' || phase === 'checking') need(acks?.durable.sequence ?? asked?.sequence ?? 0)
  }
  for (const { info } of leader.snapshots.values()) if (info !== undefined) need(info.position.sequence)
  return lowest
}

/** The links as people see them. */
export function peersOf(leader: Leader): readonly PeerView[] {
  return Array.from(leader.peers.values(), ({ link, address, phase, wants, node, name, format, acks, heardAt }) => {
    return { link, address, phase, wants, node, name, format, acks, heardAt }
  })
}
