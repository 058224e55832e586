import { assert, comparePositions, type Milliseconds, type Position } from '@stemma/base'
import { addPart } from './assembly.ts'
import type { FollowerInput } from './follower-io.ts'
import { heldSequence, refuseMessage, type FollowerTurn } from './follower-turn.ts'
import type { LeaderMessage } from './message.ts'

type Entries = Extract<LeaderMessage, { readonly kind: 'entries' }>
type EntryPart = Extract<LeaderMessage, { readonly kind: 'entry-part' }>
type Applied = Extract<FollowerInput, { readonly kind: 'applied' }>

/** At most about this many marks are kept per window. */
const MARKS_PER_WINDOW = 8

/** Entries come. They are handed on in order and without a gap, or the link is given up. */
export function onEntries(turn: FollowerTurn, { first, last, bytes }: Entries): void {
  if (turn.state.phase !== 'following') return
  if (turn.state.assembling !== undefined) return refuseMessage(turn, `entries within entry ${turn.state.assembling.sequence}`)
  take(turn, first, last, bytes)
}

/** A piece of a large entry comes. */
export function onEntryPart(turn: FollowerTurn, part: EntryPart): void {
  if (turn.state.phase !== 'following') return
  const added = addPart(turn.state.assembling, part)
  if (added.kind === 'wrong') return refuseMessage(turn, added.what)
  if (isOverdrawn(turn)) return refuseMessage(turn, 'more entries than it was given credit for')
  if (added.kind === 'more') return turn.set({ assembling: added.assembling })
  turn.set({ assembling: undefined })
  take(turn, part.sequence, part.sequence, added.bytes)
}

function take(turn: FollowerTurn, first: number, last: number, bytes: Uint8Array): void {
  const { received, marks, limits, tip, leader } = turn.state
  if (first > received + 1) return refuseMessage(turn, `entries from ${first} on, wanted was ${received + 1}`)
  const receivedBytes = turn.state.receivedBytes + bytes.byteLength
  // The last entry before the credit ends may be larger than what is left of it, no more.
  if (isOverdrawn(turn)) return refuseMessage(turn, 'more entries than it was given credit for')
  if (last <= received) return turn.set({ receivedBytes })
  const marked = marks.at(-1)?.bytes ?? 0
  const mark =
    receivedBytes - marked >= limits.windowBytes / MARKS_PER_WINDOW ? [...marks, { sequence: last, bytes: receivedBytes }] : marks
  const newer = tip !== undefined && leader !== undefined && last > tip.position.sequence
  turn.set({
    received: last,
    receivedBytes,
    marks: mark,
    tip: newer ? { ...tip, position: { epoch: leader.epoch, sequence: last } } : tip,
    waitingSince: turn.now,
  })
  turn.do({ kind: 'apply', first, last, bytes })
}

/** The credit was used up before: whatever comes now, the leader was not to send. */
function isOverdrawn({ state: { receivedBytes, creditBytes } }: FollowerTurn): boolean {
  return receivedBytes >= creditBytes
}

/** The host applied entries: the only thing, with `durable`, that an ack may answer. */
export function onApplied(turn: FollowerTurn, { position, digest, committedAt }: Applied): void {
  const { held, marks, receivedBytes, limits, creditBytes } = turn.state
  // One that was under way when the copy lost its place.
  if (held.kind !== 'copy') return
  assert(comparePositions(position, held.position) >= 0, 'a copy that does not go back')
  turn.set({
    held: { ...held, position, digest },
    committedAt,
    received: Math.max(turn.state.received, position.sequence),
    waitingSince: turn.now,
  })
  const quiet = position.sequence >= turn.state.received
  const left = quiet ? [] : marks.filter(({ sequence }) => sequence > position.sequence)
  const consumed = quiet ? receivedBytes : Math.max(0, ...marks.slice(0, marks.length - left.length).map(({ bytes }) => bytes))
  turn.set({ marks: left, creditBytes: Math.max(creditBytes, consumed + limits.windowBytes) })
  ack(turn)
  checkCaughtUp(turn)
}

/** The host made the copy durable. */
export function onDurable(turn: FollowerTurn, position: Position): void {
  const { held, durable } = turn.state
  // One that was under way when the copy lost its place, or went back with a snapshot.
  if (held.kind !== 'copy' || comparePositions(position, held.position) > 0) return
  if (durable !== undefined && comparePositions(position, durable) <= 0) return
  turn.set({ durable: position })
  ack(turn)
}

/** Tells the leader what the host has said, and grants credit. */
export function ack(turn: FollowerTurn): void {
  const { phase, held, durable, received, creditBytes } = turn.state
  if (phase !== 'following' || held.kind !== 'copy') return
  const applied = held.position
  turn.send({
    kind: 'ack',
    received: received > applied.sequence ? { epoch: turn.state.leader?.epoch ?? applied.epoch, sequence: received } : applied,
    durable: durable ?? { epoch: 1, sequence: 0 },
    applied,
    credit: creditBytes,
  })
}

/** The leader tells its tip, and gets a sign of life. While following, that is what was acked last, in case it got lost. */
export function onTip(turn: FollowerTurn, tip: Position, time: Milliseconds): void {
  turn.set({ tip: { position: tip, time, heardAt: turn.now } })
  if (turn.state.phase === 'following') ack(turn)
  else turn.send({ kind: 'alive' })
  checkCaughtUp(turn)
}

/** Says once that the copy has come to the tip. */
export function checkCaughtUp(turn: FollowerTurn): void {
  const { phase, caughtUp, tip, held } = turn.state
  if (phase !== 'following' || caughtUp || tip === undefined || held.kind !== 'copy') return
  if (heldSequence(turn.state) < tip.position.sequence) return
  turn.set({ caughtUp: true })
  turn.report({ kind: 'caught-up', position: held.position })
}
