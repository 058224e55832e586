import { assert, comparePositions, type Position } from '@stemma/base'
import type { LogAnswer, ShippedRun } from './leader-io.ts'
import { dismissOffender, type LeaderTurn, type Peer } from './leader-peer.ts'
import type { FollowerMessage, SnapshotReason } from './message.ts'

type Ack = Extract<FollowerMessage, { readonly kind: 'ack' }>

/** More may be shipped. Who stands right before the newest entries gets them as they are; the others get theirs read from the log. */
export function onCommitted(turn: LeaderTurn, tip: Position, runs: readonly ShippedRun[]): void {
  assert(comparePositions(tip, turn.tip) >= 0, 'a tip that never goes back')
  for (const run of runs) assert(run.last === tip.sequence, 'runs that end at the tip')
  turn.tip = tip
  for (const peer of turn.peers.values()) {
    if (peer.phase !== 'following') continue
    const run = runs.find(({ format, first }) => format === peer.format && first === peer.sent + 1)
    if (run !== undefined && run.bytes.byteLength <= turn.limits.entriesBytes && mayShip(turn, peer)) ship(turn, peer, run)
    else pump(turn, peer)
  }
}

/** The log's answer. One that no longer fits where the follower stands is dropped, and asked for again. */
export function onLogRead(turn: LeaderTurn, peer: Peer, read: LogAnswer): void {
  if (peer.phase !== 'following') return pump(turn, peer)
  switch (read.kind) {
    case 'run': {
      const { run } = read
      assert(run.last <= turn.tip.sequence, 'no entries beyond what may be shipped')
      return pump(turn, run.first === peer.sent + 1 && run.format === peer.format ? ship(turn, peer, run) : peer)
    }
    case 'end':
      return
    case 'gone':
      if (peer.sent >= read.oldest) return pump(turn, peer)
      return peer.wants === 'feed' ? notKept(turn, peer, undefined) : needsSnapshot(turn, peer, 'too-far-behind')
  }
}

/** What a follower has. It can't have what it was not sent, and what it had it has. */
export function onAck(turn: LeaderTurn, peer: Peer, { received, durable, applied, credit }: Ack): void {
  // The leader may have said meanwhile that a snapshot is needed; the follower did not know when it sent this.
  if (peer.phase !== 'following') return
  const { asked, acks, sent } = peer
  assert(asked !== undefined, 'a position to have been asked for')
  const sane =
    received.epoch <= turn.config.epoch &&
    received.sequence <= sent &&
    comparePositions(applied, received) <= 0 &&
    comparePositions(durable, applied) <= 0 &&
    comparePositions(applied, acks?.applied ?? asked) >= 0 &&
    (acks === undefined || comparePositions(durable, acks.durable) >= 0) &&
    credit >= peer.creditBytes
  if (!sane) return dismissOffender(turn, peer, 'an ack of what it was not sent, or less than it had acked')
  pump(turn, turn.put({ ...peer, acks: { received, durable, applied }, creditBytes: credit }))
}

/** Does the one next thing that a link waits for and can take: nothing piles up for a slow one. */
export function pump(turn: LeaderTurn, peer: Peer): void {
  if (peer.reading || !peer.writable) return
  const { link, format, sent } = peer
  if (peer.phase === 'following' && mayShip(turn, peer)) {
    const maxBytes = Math.min(turn.limits.entriesBytes, peer.creditBytes - peer.sentBytes)
    turn.put({ ...peer, reading: true })
    turn.do({ kind: 'read-log', link, format, after: sent, upTo: turn.tip.sequence, maxBytes })
    return
  }
  const [fetch, ...fetches] = peer.fetches
  if (peer.phase === 'copying' && peer.snapshot !== undefined && fetch !== undefined) {
    turn.put({ ...peer, reading: true, fetches })
    turn.do({ kind: 'read-pages', link, snapshot: peer.snapshot, first: fetch.first, count: fetch.count, have: fetch.have })
  }
}

function mayShip(turn: LeaderTurn, peer: Peer): boolean {
  return peer.writable && !peer.reading && peer.sent < turn.tip.sequence && peer.sentBytes < peer.creditBytes
}

/** Sends entries, in parts when there is one that no message holds. */
function ship(turn: LeaderTurn, peer: Peer, { first, last, bytes }: ShippedRun): Peer {
  const total = bytes.byteLength
  const { partBytes } = turn.limits
  if (first === last && total > partBytes) {
    for (let offset = 0; offset < total; offset += partBytes) {
      turn.send(peer, { kind: 'entry-part', sequence: first, offset, total, bytes: bytes.subarray(offset, offset + partBytes) })
    }
  } else {
    turn.send(peer, { kind: 'entries', first, last, bytes })
  }
  return turn.put({ ...peer, sent: last, sentBytes: peer.sentBytes + total })
}

/** Tells a feed that entries don't reach it: a snapshot would be of no use to it. */
export function notKept(turn: LeaderTurn, peer: Peer, oldest: Position | undefined): void {
  turn.put({ ...peer, phase: 'welcomed', asked: undefined, acks: undefined })
  turn.send(peer, { kind: 'verdict', verdict: { kind: 'not-kept', oldest } })
}

/** Tells a follower that entries don't reach it. */
export function needsSnapshot(turn: LeaderTurn, peer: Peer, why: SnapshotReason): void {
  const { link, node, name } = turn.put({ ...peer, phase: 'welcomed', asked: undefined, acks: undefined, installing: undefined })
  turn.send(peer, { kind: 'verdict', verdict: { kind: 'snapshot', why } })
  turn.report({ kind: 'follower-needs-snapshot', link, node, name, why })
}
