import { StemmaError, assert, type Milliseconds } from '@stemma/base'
import { onEntries, onEntryPart, onApplied, onDurable, onTip } from './follower-entries.ts'
import { greet, onRefuse, onVerdict, onWelcome, settle } from './follower-handshake.ts'
import type { FollowerEffect, FollowerInput, FollowerPhase } from './follower-io.ts'
import { onInstalled, onPages, onPagesWritten, onSnapshot, onStaged, onSumsRead, wantSnapshot } from './follower-snapshot.ts'
import {
  FollowerTurn,
  disconnect,
  followerError,
  goOffline,
  heldSequence,
  refuseMessage,
  stop,
  type Follower,
  type FollowerConfig,
} from './follower-turn.ts'
import { FOLLOWER_LIMITS, type FollowerLimits } from './limits.ts'
import type { Message } from './message.ts'

/** What a follower has become, and what is to be done, in this order. */
export interface FollowerStep {
  readonly follower: Follower
  readonly effects: readonly FollowerEffect[]
}

/** A follower that has just started, with what it found on its disk. */
export function newFollower(config: FollowerConfig, now: Milliseconds, limits: Partial<FollowerLimits> = {}): Follower {
  const { held } = config
  return {
    config,
    limits: { ...FOLLOWER_LIMITS, ...limits },
    phase: 'offline',
    held,
    durable: config.durable,
    committedAt: undefined,
    leader: undefined,
    tip: undefined,
    caughtUp: false,
    received: held.kind === 'copy' ? held.position.sequence : 0,
    pending: 0,
    receivedBytes: 0,
    creditBytes: 0,
    marks: [],
    assembling: undefined,
    fetching: undefined,
    resume: config.resume,
    heardAt: now,
    waitingSince: now,
    differedAt: undefined,
  }
}

/**
 * Moves a follower by one input.
 *
 * Reads no clock, draws no dice, does no I/O: the same arguments give the same step, always. The follower passed in is left as it was.
 *
 * @see SPEC.md
 */
export function stepFollower(follower: Follower, input: FollowerInput, now: Milliseconds): FollowerStep {
  if (follower.phase === 'stopped') return { follower, effects: [] }
  const turn = new FollowerTurn(follower, now)
  takeInput(turn, input)
  return { follower: turn.state, effects: turn.effects }
}

function takeInput(turn: FollowerTurn, input: FollowerInput): void {
  switch (input.kind) {
    case 'connected':
      assert(turn.state.phase === 'offline', 'one link at a time')
      return greet(turn)
    case 'disconnected':
      return turn.state.phase === 'offline' ? undefined : goOffline(turn, input.error)
    case 'message':
      // One that comes behind our own giving up of the link.
      return turn.state.phase === 'offline' ? undefined : onMessage(turn, input.message)
    case 'bad-message':
      return turn.state.phase === 'offline' ? undefined : disconnect(turn, input.error)
    case 'applied':
      onApplied(turn, input)
      return settle(turn)
    case 'durable':
      return onDurable(turn, input.position)
    case 'staged':
    case 'sums-read':
    case 'pages-written':
    case 'snapshot-installed':
      turn.set({ pending: Math.max(0, turn.state.pending - 1) })
      takeAnswer(turn, input)
      return settle(turn)
    case 'needs-resync':
      return onNeedsResync(turn, input.why, input.error)
    case 'failed':
      return onFailed(turn, input.error)
    case 'tick':
      return onTick(turn)
  }
}

function takeAnswer(
  turn: FollowerTurn,
  input: Extract<FollowerInput, { readonly kind: 'staged' | 'sums-read' | 'pages-written' | 'snapshot-installed' }>,
): void {
  switch (input.kind) {
    case 'staged':
      return onStaged(turn, input)
    case 'sums-read':
      return onSumsRead(turn, input)
    case 'pages-written':
      return onPagesWritten(turn, input)
    case 'snapshot-installed':
      return onInstalled(turn, input.held)
  }
}

function onMessage(turn: FollowerTurn, message: Message): void {
  turn.set({ heardAt: turn.now })
  if (turn.state.phase === 'greeting' && !OPENERS.has(message.kind)) return refuseMessage(turn, `${message.kind} before welcome`)
  switch (message.kind) {
    case 'welcome':
      return onWelcome(turn, message)
    case 'refuse':
      return onRefuse(turn, message)
    case 'verdict':
      return onVerdict(turn, message.verdict)
    case 'entries':
      return onEntries(turn, message)
    case 'entry-part':
      return onEntryPart(turn, message)
    case 'heartbeat':
      return onTip(turn, message.tip, message.time)
    case 'snapshot':
      return onSnapshot(turn, message)
    case 'pages':
      return onPages(turn, message)
    case 'status':
    case 'answer':
      return
    case 'bye':
      return disconnect(
        turn,
        new StemmaError('PEER_LEFT', `the leader ended the connection: ${message.message} (${message.code})`, {
          code: message.code,
        }),
      )
    case 'hello':
    case 'follow':
    case 'ack':
    case 'open-snapshot':
    case 'fetch-pages':
    case 'close-snapshot':
    case 'alive':
    case 'status-request':
    case 'ask':
      return refuseMessage(turn, `${message.kind}, which only followers send`)
  }
}

const OPENERS: ReadonlySet<Message['kind']> = new Set(['welcome', 'refuse', 'bye'] as const)

/** Entries don't bring this copy on. From here on it counts as one of which it isn't known where it stands. */
function onNeedsResync(turn: FollowerTurn, why: 'differs' | 'barrier', error: StemmaError | undefined): void {
  const { held, phase, differedAt, limits } = turn.state
  dropWork(turn)
  if (held.kind === 'copy') {
    const { cluster, pageSize, position } = held
    turn.set({ held: { kind: 'unknown', cluster, pageSize, epoch: position.epoch } })
  }
  turn.report({ kind: 'needs-snapshot', why, error })
  if (why === 'differs') turn.set({ differedAt: turn.now })
  if (phase === 'offline' || phase === 'settling') return settle(turn)
  // The host has thrown the snapshot's work away too: begin anew, with what it has of it.
  if (phase !== 'following')
    return phase === 'opening' ? undefined : disconnect(turn, error ?? followerError('HISTORY_DIVERGED', 'the copy differs'))
  // A copy that differs again and again is not cured by snapshots: no loop at full speed.
  const wait = why === 'differs' && differedAt !== undefined ? differedAt + limits.resyncMs - turn.now : 0
  if (wait > 0) return disconnect(turn, error ?? followerError('HISTORY_DIVERGED', 'the copy differs again'), wait)
  wantSnapshot(turn)
}

function onFailed(turn: FollowerTurn, error: StemmaError): void {
  switch (error.recovery) {
    case 'resync':
      return onNeedsResync(turn, 'differs', error)
    case 'fix-input':
    case 'stop':
      dropWork(turn)
      return stop(turn, error)
    case 'retry': {
      dropWork(turn)
      if (turn.state.phase !== 'offline') disconnect(turn, error)
    }
  }
}

/** The host has thrown away what it was handed. */
function dropWork(turn: FollowerTurn): void {
  turn.set({ pending: 0, received: heldSequence(turn.state), assembling: undefined, fetching: undefined, marks: [] })
}

/** Phases in which the leader owes an answer. */
const LEADER_OWES: Readonly<Record<FollowerPhase, boolean>> = {
  offline: false,
  greeting: true,
  settling: false,
  asking: true,
  following: false,
  opening: true,
  staging: false,
  fetching: true,
  installing: false,
  stopped: false,
}

function onTick(turn: FollowerTurn): void {
  const { phase, heardAt, waitingSince, limits, received, tip } = turn.state
  if (phase === 'offline') return
  if (turn.now - heardAt >= limits.silenceMs) {
    return disconnect(turn, followerError('PEER_SILENT', `the leader said nothing for ${turn.now - heardAt} ms`))
  }
  // A leader with more than it sends, though everything that came was applied: something got lost.
  const stalled =
    phase === 'following' && heldSequence(turn.state) >= received && tip !== undefined && tip.position.sequence > received
  if (phase === 'following' && !stalled) return turn.set({ waitingSince: turn.now })
  if ((stalled || isOwed(turn.state)) && turn.now - waitingSince >= limits.answerMs) {
    disconnect(turn, followerError('PEER_SILENT', `the leader owed an answer for ${turn.now - waitingSince} ms while ${phase}`))
  }
}

/** While pages are being summed or written, it is the host that they wait for. */
function isOwed({ phase, fetching }: Follower): boolean {
  if (fetching === undefined) return LEADER_OWES[phase]
  return LEADER_OWES[phase] && Array.from(fetching.ranges.values()).some(({ state }) => state === 'asked')
}

/** How far a follower is behind, as far as it knows; undefined before the leader was heard of, or without a copy. */
export interface Lag {
  readonly commits: number
  /** Age of the newest commit that can be read, 0 when caught up. */
  readonly milliseconds: Milliseconds
}

/** Tells how far a copy is behind the leader's newest commit; undefined while the leader's is not known, or there is no copy. */
export function lagOf(follower: Follower, now: Milliseconds): Lag | undefined {
  const { tip, held, committedAt } = follower
  if (tip === undefined || held.kind !== 'copy') return undefined
  const commits = Math.max(0, tip.position.sequence - held.position.sequence)
  if (commits === 0) return { commits, milliseconds: 0 }
  const leaderNow = tip.time + (now - tip.heardAt)
  return { commits, milliseconds: Math.max(0, leaderNow - (committedAt ?? tip.time)) }
}
