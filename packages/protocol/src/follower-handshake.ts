import { ERRORS, StemmaError, type ErrorCode } from '@stemma/base'
import { ack, checkCaughtUp } from './follower-entries.ts'
import { wantSnapshot } from './follower-snapshot.ts'
import { disconnect, followerError, heldSequence, isQuiet, refuseMessage, stop, type FollowerTurn } from './follower-turn.ts'
import { PROTOCOL_VERSIONS } from './limits.ts'
import type { FollowState, LeaderMessage, Verdict } from './message.ts'

type Welcome = Extract<LeaderMessage, { readonly kind: 'welcome' }>
type Refuse = Extract<LeaderMessage, { readonly kind: 'refuse' }>

/** Says who we are. */
export function greet(turn: FollowerTurn): void {
  const { config, held } = turn.state
  turn.enter('greeting', { heardAt: turn.now, leader: undefined, tip: undefined })
  turn.send({
    kind: 'hello',
    versions: PROTOCOL_VERSIONS,
    wants: 'follow',
    node: config.node,
    name: config.name,
    sqlite: config.sqlite,
    cluster: held.kind === 'empty' ? undefined : held.cluster,
    pageSize: held.kind === 'empty' ? undefined : held.pageSize,
    epoch: epochOf(turn),
    formats: config.formats,
  })
}

/** The leader says who it is. Nothing is taken from one that is not ours. */
export function onWelcome(turn: FollowerTurn, welcome: Welcome): void {
  if (turn.state.phase !== 'greeting') return refuseMessage(turn, 'a second welcome')
  const { version, cluster, node, epoch, format, formatVersion, pageSize, tip, time } = welcome
  const wrong = whyNotOurs(turn, welcome)
  if (wrong !== undefined) return stop(turn, wrong)
  if (version < PROTOCOL_VERSIONS[0] || version > PROTOCOL_VERSIONS[1])
    return refuseMessage(turn, `protocol version ${version}, which was not offered`)
  const offer = turn.state.config.formats.find(({ name }) => name === format)
  if (offer === undefined || !offer.versions.includes(formatVersion))
    return refuseMessage(turn, `format ${format}, which was not offered`)
  turn.enter('settling', {
    leader: { node, cluster, epoch, format, formatVersion, pageSize },
    tip: { position: tip, time, heardAt: turn.now },
  })
  turn.report({ kind: 'connected', node, format, tip })
  settle(turn)
}

function whyNotOurs(turn: FollowerTurn, { cluster, pageSize, epoch }: Welcome): StemmaError | undefined {
  const { held } = turn.state
  if (held.kind === 'empty') return undefined
  if (held.cluster !== cluster)
    return followerError('CLUSTER_MISMATCH', `this copy belongs to cluster ${held.cluster}, the leader to ${cluster}`)
  if (held.pageSize !== pageSize) {
    return followerError(
      'PAGE_SIZE_MISMATCH',
      `this copy has pages of ${held.pageSize} bytes, the leader's database of ${pageSize}`,
    )
  }
  const seen = epochOf(turn)
  return epoch < seen
    ? followerError('STALE_LEADER', `this copy has seen epoch ${seen}, the leader is of epoch ${epoch}`)
    : undefined
}

function epochOf({ state: { held } }: FollowerTurn): number {
  switch (held.kind) {
    case 'copy':
      return held.position.epoch
    case 'unknown':
      return held.epoch
    case 'empty':
      return 0
  }
}

/**
 * Asks from where to follow, once the host has answered everything that an earlier link brought: until then it isn't known
 * where the copy will stand.
 */
export function settle(turn: FollowerTurn): void {
  if (turn.state.phase !== 'settling' || !isQuiet(turn.state)) return
  const { limits, leader, held } = turn.state
  // An install that was under way when this leader was greeted may have brought a copy of another one.
  if (leader !== undefined && held.kind !== 'empty' && (held.cluster !== leader.cluster || held.pageSize !== leader.pageSize)) {
    return stop(
      turn,
      followerError('CLUSTER_MISMATCH', `this copy belongs to cluster ${held.cluster}, the leader to ${leader.cluster}`),
    )
  }
  turn.enter('asking', {
    received: heldSequence(turn.state),
    receivedBytes: 0,
    creditBytes: limits.windowBytes,
    marks: [],
    assembling: undefined,
    caughtUp: false,
  })
  turn.send({ kind: 'follow', state: stateOf(turn), credit: limits.windowBytes })
}

function stateOf({ state: { held } }: FollowerTurn): FollowState {
  if (held.kind !== 'copy') return { kind: held.kind }
  const { position, digest } = held
  return { kind: 'copy', position, digest }
}

/** May we go on? */
export function onVerdict(turn: FollowerTurn, verdict: Verdict): void {
  const { phase, held, config, resume } = turn.state
  // While following, the only news can be that the log no longer reaches back to us.
  const news = phase === 'following' && verdict.kind === 'snapshot'
  if (phase !== 'asking' && !news) return
  switch (verdict.kind) {
    case 'go-on': {
      if (held.kind !== 'copy') return refuseMessage(turn, 'leave to go on, which was not asked for')
      if (resume !== undefined) turn.do({ kind: 'discard-snapshot', snapshot: resume })
      turn.enter('following', { resume: undefined })
      turn.report({ kind: 'going-on', position: held.position })
      ack(turn)
      return checkCaughtUp(turn)
    }
    case 'snapshot':
      turn.report({ kind: 'needs-snapshot', why: verdict.why, error: undefined })
      return wantSnapshot(turn)
    case 'not-kept':
      return refuseMessage(turn, 'that a position is not kept, which only feeds are told')
    case 'diverged': {
      if (held.kind !== 'copy') return refuseMessage(turn, 'that an unknown position diverged')
      turn.report({ kind: 'diverged', position: held.position, at: verdict.at })
      if (config.onDiverged === 'stop') {
        const { epoch, sequence } = held.position
        return stop(
          turn,
          followerError('HISTORY_DIVERGED', `this copy is at ${epoch}:${sequence}, with a history that the leader does not have`),
        )
      }
      turn.report({ kind: 'needs-snapshot', why: 'diverged', error: undefined })
      return wantSnapshot(turn)
    }
  }
}

/** The leader will not have us. */
export function onRefuse(turn: FollowerTurn, { code, message, hint }: Refuse): void {
  if (turn.state.phase !== 'greeting') return refuseMessage(turn, 'refuse behind welcome')
  const known = Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'PEER_REFUSED'
  const error = new StemmaError(known, `refused by the leader: ${message}`, { code, hint })
  if (error.recovery === 'retry') disconnect(turn, error)
  else stop(turn, error)
}
