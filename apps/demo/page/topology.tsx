import type { FollowerState, LinkMode, StageState } from '../src/wire.ts'
import { lookOf } from './colours.ts'
import { showBytes, showCount, showMs } from './show.ts'
import type { ComponentChildren } from 'preact'
import type { Moment } from './live.ts'
import { Why } from './why.tsx'

interface TopologyProps {
  readonly state: StageState
  readonly history: readonly Moment[]
  /** What can be done to a follower, below its facts. */
  readonly deeds?: (follower: FollowerState) => ComponentChildren
  readonly leaderDeeds?: ComponentChildren
}

/** The leader, its followers and the links between them, as they are now. */
export function Topology({ state, history, deeds, leaderDeeds }: TopologyProps) {
  const { leader, followers, load } = state
  return (
    <section class="topology" aria-label="Leader and followers">
      <div class="node leader">
        <h2>Leader</h2>
        <p class="big">{showCount(leader.position)}</p>
        <p>
          <Why text="Each transaction that changed something is a commit, and has a number. A follower's number says up to which commit it is equal.">
            commits
          </Why>
          {load.rate > 0 ? `, ${load.rate} transactions a second` : ', nobody writes'}
        </p>
        <p class="quiet">
          process {leader.pid}, {leader.url.replace('tcp://', '')}
          {leader.state === 'starting' && ', starting'}
        </p>
        {leaderDeeds}
      </div>
      <ul class="links">
        {followers.map((follower) => (
          <li key={follower.id}>
            <Wire follower={follower} isFlowing={isFlowing(follower.id, history)} />
            <FollowerCard follower={follower}>{deeds?.(follower)}</FollowerCard>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Wire({ follower: { id, link, state }, isFlowing: flows }: { follower: FollowerState; isFlowing: boolean }) {
  const isDown = state === 'dead' || state === 'failed' || state === 'offline'
  const look = `wire ${link.mode.kind}${flows ? ' flows' : ''}${isDown ? ' down' : ''}`
  return (
    <div class={look} data-link={link.mode.kind}>
      <span>{showMode(link.mode)}</span>
      <i aria-hidden="true" />
      <span>
        <Why text={`Bytes that went over the link from the leader to ${id}, the snapshot at the start included.`}>
          {showBytes(link.received)}
        </Why>
      </span>
    </div>
  )
}

export function showMode(mode: LinkMode): string {
  switch (mode.kind) {
    case 'open':
      return 'TCP'
    case 'cut':
      return 'cut off'
    case 'held':
      return 'held back'
    case 'slow':
      return `slow: ${showBytes(mode.bytesPerSecond)}/s`
    case 'delayed':
      return `delayed: ${showMs(mode.delayMs)}`
  }
}

function FollowerCard({ follower, children }: { follower: FollowerState; children: ComponentChildren }) {
  const { id, kind, pid, state, position, lagCommits, delayMs, verdict, trouble } = follower
  return (
    <article class={`node ${state}`} data-follower={id} style={{ '--kind': `var(${lookOf(kind.id).colour})` }}>
      <h3>
        <Why text={kind.what}>{kind.label}</Why> <small>{id === kind.id ? '' : id}</small>
        <span class={`state ${state}`}>{STATES[state]}</span>
      </h3>
      <p>
        at <b>{showCount(position)}</b>,{' '}
        <span class={lagCommits === 0 ? 'good' : 'late'}>
          {lagCommits === 0 ? 'caught up' : `${showCount(lagCommits)} behind`}
        </span>
        {delayMs !== undefined && lagCommits === 0 && <span class="quiet"> within {showMs(delayMs)}</span>}
      </p>
      <div class="rail" aria-hidden="true">
        <i style={{ width: `${100 - Math.min(100, Math.log10(lagCommits + 1) * 25)}%` }} />
      </div>
      {verdict !== undefined && (
        <p class={verdict.equal ? 'good' : 'bad'}>
          {verdict.equal ? `equal at ${showCount(verdict.position)}` : `differs: ${verdict.what}`}
        </p>
      )}
      {trouble !== undefined && <p class="bad">{trouble}</p>}
      <p class="quiet">{pid === undefined ? 'no process' : `process ${pid}`}</p>
      {children}
    </article>
  )
}

const STATES: Readonly<Record<FollowerState['state'], string>> = {
  starting: 'starting',
  snapshot: 'takes a snapshot',
  following: 'follows',
  offline: 'offline',
  dead: 'dead',
  failed: 'stopped',
}

function isFlowing(id: string, history: readonly Moment[]): boolean {
  const [before, now] = history.slice(-2)
  return (now?.followers[id]?.received ?? 0) > (before?.followers[id]?.received ?? Infinity)
}
