import type { FollowerInput, HeldCopy } from './follower-io.ts'
import { followerError, heldSequence, refuseMessage, stop, type Fetching, type FollowerTurn } from './follower-turn.ts'
import { FETCH_BYTES_MAX, FETCH_PAGES_MAX } from './limits.ts'
import type { LeaderMessage } from './message.ts'

type Snapshot = Extract<LeaderMessage, { readonly kind: 'snapshot' }>
type Pages = Extract<LeaderMessage, { readonly kind: 'pages' }>
type Staged = Extract<FollowerInput, { readonly kind: 'staged' }>
type SumsRead = Extract<FollowerInput, { readonly kind: 'sums-read' }>
type PagesWritten = Extract<FollowerInput, { readonly kind: 'pages-written' }>

const NO_BYTES = new Uint8Array(0)

/** Asks for a snapshot, or to go on with the one begun. */
export function wantSnapshot(turn: FollowerTurn): void {
  turn.enter('opening', { fetching: undefined, assembling: undefined, caughtUp: false })
  turn.send({ kind: 'open-snapshot', resume: turn.state.resume })
}

/** The leader has opened a snapshot. */
export function onSnapshot(turn: FollowerTurn, message: Snapshot): void {
  const { phase, leader } = turn.state
  if (phase !== 'opening' || leader === undefined) return refuseMessage(turn, `a snapshot while ${phase}`)
  const { kind: _, ...info } = message
  if (info.pageSize !== leader.pageSize) {
    return stop(
      turn,
      followerError(
        'PAGE_SIZE_MISMATCH',
        `a snapshot with pages of ${info.pageSize} bytes, the leader had said ${leader.pageSize}`,
      ),
    )
  }
  if (info.position.epoch > leader.epoch) return refuseMessage(turn, `a snapshot of epoch ${info.position.epoch}, beyond its own`)
  const fetching: Fetching = { info, next: 1, done: 0, compare: false, ranges: new Map() }
  turn.enter('staging', { fetching, resume: info.snapshot, pending: turn.state.pending + 1 })
  turn.do({ kind: 'stage', info, cluster: leader.cluster, format: leader.format })
}

/** The host is ready for pages. */
export function onStaged(turn: FollowerTurn, { snapshot, next, compare }: Staged): void {
  const { phase, fetching } = turn.state
  if (phase !== 'staging' || fetching?.info.snapshot !== snapshot) return
  turn.enter('fetching', { fetching: { ...fetching, next, done: next - 1, compare } })
  turn.report({ kind: 'snapshot-started', info: fetching.info, next })
  fill(turn)
}

/** Keeps a few ranges in work; when there are no more, the snapshot is complete. */
function fill(turn: FollowerTurn): void {
  const { fetching, limits } = turn.state
  if (fetching === undefined) return
  const { info, compare } = fetching
  const { snapshot, pageSize, pageCount } = info
  const most = Math.max(1, Math.min(FETCH_PAGES_MAX, Math.floor(Math.min(limits.fetchBytes, FETCH_BYTES_MAX) / pageSize)))
  const ranges = new Map(fetching.ranges)
  let { next } = fetching
  let asked = 0
  while (ranges.size < limits.fetchesMax && next <= pageCount) {
    const first = next
    const count = Math.min(most, pageCount - first + 1)
    ranges.set(first, { count, state: compare ? 'summing' : 'asked' })
    if (compare) turn.do({ kind: 'read-sums', snapshot, first, count })
    else turn.send({ kind: 'fetch-pages', snapshot, first, count, have: NO_BYTES })
    next += count
    asked += compare ? 1 : 0
  }
  turn.set({ fetching: { ...fetching, next, ranges }, pending: turn.state.pending + asked })
  if (ranges.size > 0) return
  // The leader need not hold it any longer; what is left to do is ours.
  turn.send({ kind: 'close-snapshot', snapshot })
  turn.do({ kind: 'finish-snapshot', snapshot })
  turn.enter('installing', { pending: turn.state.pending + 1 })
}

/** The host has summed the pages that it has of a range. */
export function onSumsRead(turn: FollowerTurn, { snapshot, first, count, have }: SumsRead): void {
  const fetching = fetchingOf(turn, snapshot)
  const range = fetching?.ranges.get(first)
  if (fetching === undefined || range?.state !== 'summing') return
  setRange(turn, fetching, first, { count: range.count, state: 'asked' })
  turn.set({ waitingSince: turn.now })
  turn.send({ kind: 'fetch-pages', snapshot, first, count, have })
}

/** Pages come: only such as were asked for. */
export function onPages(turn: FollowerTurn, { snapshot, first, count, leftOut, bytes }: Pages): void {
  const fetching = fetchingOf(turn, snapshot)
  // A page of a snapshot that was given up meanwhile.
  if (fetching === undefined) return
  const range = fetching.ranges.get(first)
  if (range?.state !== 'asked' || range.count !== count)
    return refuseMessage(turn, `${count} pages from ${first} on, which were not asked for`)
  const here = count - countBits(leftOut, count)
  if (bytes.byteLength !== here * fetching.info.pageSize)
    return refuseMessage(turn, `${bytes.byteLength} bytes for ${here} pages`)
  setRange(turn, fetching, first, { count, state: 'writing' })
  turn.set({ pending: turn.state.pending + 1, waitingSince: turn.now })
  turn.do({ kind: 'write-pages', snapshot, first, count, leftOut, bytes })
}

/** The host has written a range. */
export function onPagesWritten(turn: FollowerTurn, { snapshot, first, count }: PagesWritten): void {
  const fetching = fetchingOf(turn, snapshot)
  if (fetching === undefined || fetching.ranges.get(first)?.state !== 'writing') return
  const ranges = new Map(fetching.ranges)
  ranges.delete(first)
  const done = fetching.done + count
  turn.set({ fetching: { ...fetching, ranges, done }, waitingSince: turn.now })
  turn.report({ kind: 'snapshot-progress', done, total: fetching.info.pageCount })
  fill(turn)
}

/** The snapshot is the copy now, and durable. */
export function onInstalled(turn: FollowerTurn, held: HeldCopy): void {
  turn.set({ held, durable: held.position, committedAt: undefined, resume: undefined, fetching: undefined })
  turn.set({ received: heldSequence(turn.state) })
  turn.report({ kind: 'snapshot-installed', position: held.position })
  if (turn.state.phase === 'installing') turn.enter('settling')
}

function fetchingOf({ state: { phase, fetching } }: FollowerTurn, snapshot: string): Fetching | undefined {
  return phase === 'fetching' && fetching?.info.snapshot === snapshot ? fetching : undefined
}

type Range = Fetching['ranges'] extends ReadonlyMap<number, infer Value> ? Value : never

function setRange(turn: FollowerTurn, fetching: Fetching, first: number, range: Range): void {
  turn.set({ fetching: { ...fetching, ranges: new Map(fetching.ranges).set(first, range) } })
}

/** How many of the first `count` bits are set. */
function countBits(bits: Uint8Array, count: number): number {
  let set = 0
  for (let i = 0; i < Math.min(count, bits.byteLength * 8); i++) set += (bits[i >> 3]! >> (i & 7)) & 1
  return set
}
