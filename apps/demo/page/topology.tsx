import type { FollowerState, LeaderState, LinkMode, StageState } from '../src/wire.ts'
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
  readonly leaderDeeds?: (leader: LeaderState) => ComponentChildren
}

/** What each policy does, and why it has a leader of its own. */
const POLICIES: Readonly<Record<LeaderState['policy'], string>> = {
  mixed:
    'Statements that are safe to run again travel as SQL, the others as rows. This leader keeps the logs of pages and rows too.',
  record:
    'A leader has one policy for statements, so this is another, and the same program writes to it: here, what functions gave is recorded.',
  raw: 'A leader has one policy for statements, so this is another, and the same program writes to it: here, every statement travels as it is.',
}

/** The leader, its followers and the links between them, as they are now. */
export function Topology({ state, history, deeds, leaderDeeds }: TopologyProps) {
  return (
    <div class="topologies">
      {state.leaders.map((leader) => (
        <Tree key={leader.id} leader={leader} state={state} history={history} deeds={deeds} leaderDeeds={leaderDeeds} />
      ))}
    </div>
  )
}

type TreeProps = {
  readonly leader: LeaderState
  readonly state: StageState
  readonly history: readonly Moment[]
  readonly deeds: TopologyProps['deeds'] | undefined
  readonly leaderDeeds: TopologyProps['leaderDeeds'] | undefined
}

function Tree({ leader, state: { followers: all, load }, history, deeds, leaderDeeds }: TreeProps) {
  const followers = all.filter(({ kind }) => kind.leader === leader.id)
  return (
    <section class="topology" aria-label={`Leader ${leader.policy} and followers`}>
      <div class="node leader" data-leader={leader.id}>
        <h2>
          Leader{' '}
          <small>
            <Why text={POLICIES[leader.policy]}>{leader.policy}</Why>
          </small>
        </h2>
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
        {leaderDeeds?.(leader)}
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
