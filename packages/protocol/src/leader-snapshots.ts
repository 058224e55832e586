import type { StemmaError } from '@stemma/base'
import type { LeaderInput } from './leader-io.ts'
import { dismiss, dismissOffender, leaderError, whatOf, type HeldSnapshot, type LeaderTurn, type Peer } from './leader-peer.ts'
import { pump } from './leader-shipping.ts'
import { FETCH_BYTES_MAX } from './limits.ts'
import type { FollowerMessage, SnapshotInfo } from './message.ts'

type FetchPages = Extract<FollowerMessage, { readonly kind: 'fetch-pages' }>
type PagesRead = Extract<LeaderInput, { readonly kind: 'pages-read' }>

/** A follower asks for a snapshot: the one it had begun with when that is still open, else a new one. */
export function onOpenSnapshot(turn: LeaderTurn, peer: Peer, resume: string | undefined): void {
  if (peer.phase !== 'welcomed' && peer.phase !== 'following')
    return dismissOffender(turn, peer, `open-snapshot while ${peer.phase}`)
  if (peer.wants === 'feed') return dismissOffender(turn, peer, 'open-snapshot though it keeps no copy')
  const { link, node, name } = peer
  if (peer.phase === 'following') turn.report({ kind: 'follower-needs-snapshot', link, node, name, why: 'asked' })
  const begun = resume === undefined ? undefined : turn.snapshots.get(resume)
  if (begun !== undefined && begun.link === undefined && begun.node === node) {
    turn.put({
      ...peer,
      phase: 'copying',
      snapshot: begun.snapshot,
      fetches: [],
      acks: undefined,
      asked: undefined,
      installing: undefined,
    })
    turn.putSnapshot({ ...begun, link, usedAt: turn.now })
    if (begun.info !== undefined) turn.send(peer, { kind: 'snapshot', ...begun.info })
    return
  }
  dropAbandoned(turn, node)
  if (turn.snapshots.size >= turn.limits.snapshotsMax) {
    return dismiss(turn, peer, leaderError('LEADER_BUSY', `${turn.snapshots.size} snapshots are open, which is all that may be`))
  }
  turn.snapshotsMade++
  const snapshot = `${turn.config.run}.${turn.snapshotsMade}`
  turn.put({ ...peer, phase: 'copying', snapshot, fetches: [], acks: undefined, asked: undefined, installing: undefined })
  turn.putSnapshot({ snapshot, node, link, info: undefined, usedAt: turn.now })
  turn.do({ kind: 'open-snapshot', snapshot })
}

/** Makes room: what this node left behind goes, and when all places are taken the one left behind longest. */
function dropAbandoned(turn: LeaderTurn, node: string): void {
  const abandoned = Array.from(turn.snapshots.values()).filter(({ link }) => link === undefined)
  for (const snapshot of abandoned) if (snapshot.node === node) closeSnapshot(turn, snapshot.snapshot)
  if (turn.snapshots.size < turn.limits.snapshotsMax) return
  const oldest = abandoned.filter((snapshot) => snapshot.node !== node).toSorted((a, b) => a.usedAt - b.usedAt)[0]
  if (oldest !== undefined) closeSnapshot(turn, oldest.snapshot)
}

export function onSnapshotOpened(turn: LeaderTurn, info: SnapshotInfo): void {
  const held = turn.snapshots.get(info.snapshot)
  // It was given up while the host opened it, and the host was told; tell it again now that it is open.
  if (held === undefined) return turn.do({ kind: 'close-snapshot', snapshot: info.snapshot })
  turn.putSnapshot({ ...held, info, usedAt: turn.now })
  const peer = held.link === undefined ? undefined : turn.peers.get(held.link)
  if (peer !== undefined) turn.send(peer, { kind: 'snapshot', ...info })
}

export function onSnapshotFailed(turn: LeaderTurn, snapshot: string, error: StemmaError): void {
  const held = turn.snapshots.get(snapshot)
  if (held === undefined) return
  turn.removeSnapshot(snapshot)
  const peer = held.link === undefined ? undefined : turn.peers.get(held.link)
  if (peer !== undefined)
    dismiss(turn, peer, leaderError('SNAPSHOT_FAILED', `the snapshot failed: ${whatOf(error)} (${error.code})`))
}

/** A follower asks for pages. Its fetches wait here, few and small; one at a time is read. */
export function onFetchPages(turn: LeaderTurn, peer: Peer, { snapshot, first, count, have }: FetchPages): void {
  // One that crossed with the end of its snapshot.
  if (peer.phase !== 'copying' || peer.snapshot !== snapshot) return
  const held = turn.snapshots.get(snapshot)
  if (held?.info === undefined) return dismissOffender(turn, peer, 'fetch-pages of a snapshot that is not open yet')
  const { pageCount, pageSize } = held.info
  if (first + count - 1 > pageCount) return dismissOffender(turn, peer, `fetch-pages beyond page ${pageCount}`)
  if (count > 1 && count * pageSize > FETCH_BYTES_MAX)
    return dismissOffender(turn, peer, `fetch-pages of ${count * pageSize} bytes`)
  if (peer.fetches.length >= turn.limits.fetchesMax) return dismissOffender(turn, peer, 'more fetches at a time than it may')
  turn.putSnapshot({ ...held, usedAt: turn.now })
  pump(turn, turn.put({ ...peer, fetches: [...peer.fetches, { first, count, have }] }))
}

export function onPagesRead(turn: LeaderTurn, peer: Peer, { snapshot, first, count, leftOut, bytes }: PagesRead): void {
  if (peer.phase === 'copying' && peer.snapshot === snapshot)
    turn.send(peer, { kind: 'pages', snapshot, first, count, leftOut, bytes })
  pump(turn, peer)
}

export function onCloseSnapshot(turn: LeaderTurn, peer: Peer, snapshot: string): void {
  if (peer.snapshot !== snapshot) return
  const installing = turn.snapshots.get(snapshot)?.info?.position.sequence
  turn.put({ ...peer, phase: 'welcomed', snapshot: undefined, fetches: [], installing })
  closeSnapshot(turn, snapshot)
}

/** Lets go of a snapshot, open or being opened. */
export function closeSnapshot(turn: LeaderTurn, snapshot: string): void {
  turn.removeSnapshot(snapshot)
  turn.do({ kind: 'close-snapshot', snapshot })
}

/** Closes the snapshots that nobody came back for, and those that nobody uses. */
export function tickSnapshots(turn: LeaderTurn): void {
  for (const held of turn.snapshots.values()) {
    if (turn.now - held.usedAt >= limitOf(turn, held)) {
      const peer = held.link === undefined ? undefined : turn.peers.get(held.link)
      closeSnapshot(turn, held.snapshot)
      if (peer !== undefined)
        dismiss(turn, peer, leaderError('PEER_SILENT', `${peer.address} did not fetch from its snapshot for too long`))
    }
  }
}

function limitOf(turn: LeaderTurn, held: HeldSnapshot): number {
  return held.link === undefined ? turn.limits.snapshotGraceMs : turn.limits.snapshotIdleMs
}
