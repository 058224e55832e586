import { StemmaError, assert, type ErrorCode, type Position } from '@stemma/base'
import type { HistoryAnswer } from './leader-io.ts'
import {
  dismiss,
  dismissOffender,
  forget,
  leaderError,
  type LeaderConfig,
  type LeaderTurn,
  type Peer,
  type ServedFormat,
} from './leader-peer.ts'
import { needsSnapshot, notKept, pump } from './leader-shipping.ts'
import { PROTOCOL_VERSIONS } from './limits.ts'
import type { FollowerMessage } from './message.ts'

type Hello = Extract<FollowerMessage, { readonly kind: 'hello' }>
type Follow = Extract<FollowerMessage, { readonly kind: 'follow' }>

/** A link says who it is. It is welcomed or refused, once. */
export function onHello(turn: LeaderTurn, peer: Peer, hello: Hello): void {
  if (peer.phase !== 'greeting') return dismissOffender(turn, peer, 'a second hello')
  const version = commonVersion(hello.versions)
  if (version === undefined) {
    const [oldest, newest] = hello.versions
    return refuse(
      turn,
      peer,
      'PROTOCOL_VERSION',
      `the follower speaks versions ${oldest} to ${newest}, the leader ${PROTOCOL_VERSIONS.join(' to ')}`,
    )
  }
  const visits = hello.wants === 'status' || hello.wants === 'ask'
  const format = visits ? turn.config.formats[0] : commonFormat(turn, hello)
  const refusal = visits ? undefined : whyRefused(turn, hello, format !== undefined)
  if (refusal !== undefined) return refuse(turn, peer, refusal[0], refusal[1])
  const { cluster, node, epoch, pageSize } = turn.config
  turn.send(peer, {
    kind: 'welcome',
    version,
    cluster,
    node,
    epoch,
    format: format?.name ?? 'none',
    formatVersion: format?.version ?? 1,
    pageSize,
    tip: turn.tip,
    time: turn.now,
  })
  if (visits) {
    turn.put({ ...peer, phase: 'visiting', wants: hello.wants, node: hello.node, name: hello.name })
    return
  }
  replaceOlderLinks(turn, peer, hello.node)
  const joined = turn.put({
    ...peer,
    phase: 'welcomed',
    wants: hello.wants,
    node: hello.node,
    name: hello.name,
    format: format?.name ?? '',
    heartbeatAt: turn.now,
  })
  turn.report({
    kind: 'follower-joined',
    link: joined.link,
    node: joined.node,
    name: joined.name,
    address: joined.address,
    format: joined.format,
    wants: joined.wants,
  })
}

function commonVersion([oldest, newest]: readonly [number, number]): number | undefined {
  const version = Math.min(newest, PROTOCOL_VERSIONS[1])
  return version >= Math.max(oldest, PROTOCOL_VERSIONS[0]) ? version : undefined
}

/** The first format of the follower's list that the leader serves in a version that the follower reads, for the SQLite that it runs. */
function commonFormat({ config }: LeaderTurn, hello: Hello): ServedFormat | undefined {
  return readFormats(config, hello).find((format) => runsAlike(config, hello, format))
}

/** What the leader serves in a version that the follower reads, in the follower's order. */
function readFormats({ formats }: LeaderConfig, hello: Hello): ServedFormat[] {
  return hello.formats.flatMap(({ name, versions }) =>
    formats.filter((format) => format.name === name && versions.includes(format.version)),
  )
}

/** A feed runs nothing, so that its SQLite does not matter. */
function runsAlike({ sqlite }: LeaderConfig, hello: Hello, { needsSameSqlite = false }: ServedFormat): boolean {
  return !needsSameSqlite || hello.wants === 'feed' || hello.sqlite === sqlite
}

function whyRefused(turn: LeaderTurn, hello: Hello, hasFormat: boolean): readonly [ErrorCode, string] | undefined {
  const { cluster, epoch, pageSize, formats } = turn.config
  if (hello.cluster !== undefined && hello.cluster !== cluster) {
    return ['CLUSTER_MISMATCH', `the copy belongs to cluster ${hello.cluster}, this leader to ${cluster}`]
  }
  if (hello.pageSize !== undefined && hello.pageSize !== pageSize) {
    return ['PAGE_SIZE_MISMATCH', `the copy has pages of ${hello.pageSize} bytes, the leader of ${pageSize}`]
  }
  if (hello.epoch > epoch) return ['STALE_LEADER', `the copy has seen epoch ${hello.epoch}, this leader is of epoch ${epoch}`]
  if (hasFormat) return undefined
  const [unlike] = readFormats(turn.config, hello)
  if (unlike !== undefined) return whyUnlike(turn.config, hello, unlike)
  const show = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '))
  const read = hello.formats.map((offer) => `${offer.name} (version ${offer.versions.join(', ')})`)
  const served = formats.map((format) => `${format.name} (version ${format.version})`)
  return ['NO_COMMON_FORMAT', `the follower reads ${show(read)}; the leader serves ${show(served)}`]
}

/** The follower reads nothing but formats that ask for the leader's own SQLite, and runs another. */
function whyUnlike(config: LeaderConfig, hello: Hello, { name }: ServedFormat): readonly [ErrorCode, string] {
  const others = config.formats.filter((format) => runsAlike(config, hello, format)).map((format) => format.name)
  const offer = others.length === 0 ? 'it serves no format that does without' : `it also serves ${others.join(', ')}`
  const theirs = hello.sqlite === '' ? 'an unknown SQLite' : `SQLite ${hello.sqlite}`
  return ['SQLITE_VERSION_DIFFERS', `the follower runs ${theirs}, the leader ${config.sqlite}; ${name} needs the same, ${offer}`]
}

function refuse(turn: LeaderTurn, peer: Peer, code: ErrorCode, message: string): void {
  const error = new StemmaError(code, message)
  turn.send(peer, { kind: 'refuse', code, message, hint: error.hint })
  turn.do({ kind: 'close', link: peer.link, error })
  forget(turn, peer, error)
}

/** A node has one link: a new one takes the place of an old one, whose other end may be gone without a word. */
function replaceOlderLinks(turn: LeaderTurn, peer: Peer, node: string): void {
  for (const other of turn.peers.values()) {
    if (other.link !== peer.link && other.node === node && other.phase !== 'visiting') {
      dismiss(turn, other, leaderError('PEER_LEFT', `the same node connected again from ${peer.address}`))
    }
  }
}

/** A follower asks to go on from where its copy stands, a feed from a position or from now. */
export function onFollow(turn: LeaderTurn, peer: Peer, { state, credit }: Follow): void {
  if (peer.phase !== 'welcomed') return dismissOffender(turn, peer, `follow while ${peer.phase}`)
  if ((state.kind === 'feed') !== (peer.wants === 'feed'))
    return dismissOffender(turn, peer, `follow with a state of ${state.kind} though it came to ${peer.wants}`)
  if (state.kind === 'empty' || state.kind === 'unknown') return needsSnapshot(turn, peer, state.kind)
  const position = state.position ?? turn.tip
  const checking = turn.put({
    ...peer,
    phase: 'checking',
    asked: position,
    sentBytes: 0,
    creditBytes: credit,
    acks: undefined,
    installing: undefined,
  })
  // Where the tip is needs no looking up.
  if (state.position === undefined) return goOn(turn, checking, position)
  const digest = state.kind === 'copy' ? state.digest : undefined
  turn.do({ kind: 'check-history', link: peer.link, format: peer.format, position, digest })
}

/** Entries come from behind a position now. */
function goOn(turn: LeaderTurn, peer: Peer, position: Position): void {
  const from = peer.wants === 'feed' ? { from: position } : {}
  turn.send(peer, { kind: 'verdict', verdict: { kind: 'go-on', ...from } })
  pump(turn, turn.put({ ...peer, phase: 'following', sent: position.sequence }))
}

/** Only a position that the host found in its history is gone on from. */
export function onHistory(turn: LeaderTurn, peer: Peer, answer: HistoryAnswer): void {
  if (peer.phase !== 'checking') return
  const { asked, link, node, name } = peer
  assert(asked !== undefined, 'a position to have been asked for')
  switch (answer.kind) {
    case 'held':
      return goOn(turn, peer, asked)
    case 'not-kept':
      return peer.wants === 'feed' ? notKept(turn, peer, answer.oldest) : needsSnapshot(turn, peer, 'too-far-behind')
    case 'not-held': {
      turn.put({ ...peer, phase: 'welcomed', asked: undefined })
      turn.send(peer, { kind: 'verdict', verdict: { kind: 'diverged', at: answer.at } })
      return peer.wants === 'feed' ? undefined : turn.report({ kind: 'follower-diverged', link, node, name, position: asked })
    }
  }
}
