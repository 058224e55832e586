import type {
  Follower,
  FeedEffect,
  FeedInput,
  FeedStep,
  Feed,
  FollowerEffect,
  FollowerInput,
  FollowerStep,
  Leader,
  LeaderEffect,
  LeaderInput,
  LeaderStep,
} from '@stemma/protocol'
import { THE_PROTOCOL } from './simulation.ts'
import type { Subject } from './world.ts'

/** A protocol that was spoilt on purpose: one bug that somebody really had, or could have. */
export interface Mutant {
  readonly name: string
  readonly subject: Subject
}

/** Each must be caught; one that lives says that the simulation does not look there. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'acks as durable what is only applied',
    subject: withFollowerEffects((effect) =>
      effect.kind === 'send' && effect.message.kind === 'ack'
        ? [{ kind: 'send', message: { ...effect.message, durable: effect.message.applied } }]
        : [effect],
    ),
  },
  {
    name: 'acks as applied what is only received',
    subject: withFollowerEffects((effect) =>
      effect.kind === 'send' && effect.message.kind === 'ack'
        ? [{ kind: 'send', message: { ...effect.message, applied: effect.message.received } }]
        : [effect],
    ),
  },
  {
    name: 'takes entries of any cluster',
    subject: {
      ...withLeaderInput((leader, input) => {
        if (input.kind !== 'message' || input.message.kind !== 'hello') return input
        return { ...input, message: { ...input.message, cluster: leader.config.cluster } }
      }),
      stepFollower: withFollowerInput((follower, input) => {
        if (input.kind !== 'message' || input.message.kind !== 'welcome' || follower.held.kind === 'empty') return input
        return { ...input, message: { ...input.message, cluster: follower.held.cluster } }
      }).stepFollower,
    },
  },
  {
    name: 'takes pages of any size',
    subject: {
      ...withLeaderInput((leader, input) => {
        if (input.kind !== 'message' || input.message.kind !== 'hello') return input
        return { ...input, message: { ...input.message, pageSize: leader.config.pageSize } }
      }),
      stepFollower: withFollower((follower) => {
        const { held } = follower
        return held.kind === 'copy' ? { ...follower, held: { ...held, pageSize: 512 } } : follower
      }).stepFollower,
    },
  },
  {
    name: 'takes entries after a gap',
    subject: withFollowerInput((follower, input) => {
      if (input.kind !== 'message' || input.message.kind !== 'entries') return input
      return { ...input, message: { ...input.message, first: Math.min(input.message.first, follower.received + 1) } }
    }),
  },
  {
    name: 'applies what it had already',
    subject: withFollower((follower, input) =>
      input.kind === 'message' && input.message.kind === 'entries' && input.message.last <= follower.received
        ? { ...follower, received: input.message.first - 1 }
        : follower,
    ),
  },
  {
    name: 'asks from where to follow before the host has settled',
    subject: withFollower((follower, input) => {
      if (input.kind !== 'message' || input.message.kind !== 'welcome') return follower
      return { ...follower, pending: 0, received: follower.held.kind === 'copy' ? follower.held.position.sequence : 0 }
    }),
  },
  {
    name: 'goes on from a position that is not in the history',
    subject: withLeaderInput((_leader, input) =>
      input.kind === 'history' && input.answer.kind === 'not-held' ? { ...input, answer: { kind: 'held' } } : input,
    ),
  },
  {
    name: 'goes on from a position that can not be looked up',
    subject: withLeaderInput((_leader, input) =>
      input.kind === 'history' && input.answer.kind === 'not-kept' ? { ...input, answer: { kind: 'held' } } : input,
    ),
  },
  { name: 'ships before the sync', subject: { ...THE_PROTOCOL, waitsForSync: false } },
  {
    name: 'ships without credit',
    subject: withLeader((leader) => ({
      ...leader,
      peers: new Map(Array.from(leader.peers, ([link, peer]) => [link, { ...peer, sentBytes: 0 }])),
    })),
  },
  {
    name: 'reads the log again before the last answer',
    subject: withLeader((leader, input) =>
      input.kind === 'message'
        ? { ...leader, peers: new Map(Array.from(leader.peers, ([link, peer]) => [link, { ...peer, reading: false }])) }
        : leader,
    ),
  },
  {
    name: 'never grants more credit',
    subject: withFollowerEffects((effect, { limits }) =>
      effect.kind === 'send' && effect.message.kind === 'ack'
        ? [{ kind: 'send', message: { ...effect.message, credit: limits.windowBytes } }]
        : [effect],
    ),
  },
  {
    name: 'takes a snapshot for done with pages missing',
    subject: withFollowerEffects((effect) =>
      effect.kind === 'write-pages' ? [{ ...effect, bytes: effect.bytes.map(() => 0) }] : [effect],
    ),
  },
  {
    name: 'never closes a snapshot',
    subject: withLeaderEffects((effect) => (effect.kind === 'close-snapshot' ? [] : [effect])),
  },
  {
    name: 'waits for an answer for ever',
    subject: withFollower((follower, input) =>
      input.kind === 'tick' ? { ...follower, waitingSince: Number.MAX_SAFE_INTEGER } : follower,
    ),
  },
  {
    name: 'never notices a silent leader',
    subject: withFollower((follower, input) =>
      input.kind === 'tick' ? { ...follower, heardAt: Number.MAX_SAFE_INTEGER, waitingSince: Number.MAX_SAFE_INTEGER } : follower,
    ),
  },
  {
    name: 'does not tell that a follower fell behind the log',
    subject: withLeaderInput((leader, input) =>
      input.kind === 'log-read' && input.read.kind === 'gone'
        ? {
            ...input,
            read: {
              kind: 'run',
              run: {
                format: 'model',
                first: (leader.peers.get(input.link)?.sent ?? 0) + 1,
                last: input.read.oldest,
                bytes: new Uint8Array(1),
              },
            },
          }
        : input,
    ),
  },
  {
    name: 'lets a feed take entries after a gap',
    subject: withFeed((feed, input) =>
      input.kind === 'message' && input.message.kind === 'entries'
        ? { ...feed, received: Math.max(feed.received, input.message.first - 1) }
        : feed,
    ),
  },
  {
    name: 'hands a feed the same entries twice',
    subject: withFeed((feed, input) =>
      input.kind === 'message' && input.message.kind === 'welcome' ? { ...feed, taken: feed.consumed } : feed,
    ),
  },
  {
    name: 'gives a feed credit for what still waits for its reader',
    subject: withFeedEffects((effect, { receivedBytes, limits }) =>
      effect.kind === 'send' && effect.message.kind === 'ack'
        ? [{ kind: 'send', message: { ...effect.message, credit: receivedBytes + limits.windowBytes } }]
        : [effect],
    ),
  },
  {
    name: 'acks as read what only waits for the reader of a feed',
    subject: withFeedEffects((effect) =>
      effect.kind === 'send' && effect.message.kind === 'ack'
        ? [{ kind: 'send', message: { ...effect.message, durable: effect.message.received, applied: effect.message.received } }]
        : [effect],
    ),
  },
]

function withFeed(spoil: (feed: Feed, input: FeedInput) => Feed): Subject {
  return { ...THE_PROTOCOL, stepFeed: (feed, input, now): FeedStep => THE_PROTOCOL.stepFeed(spoil(feed, input), input, now) }
}

function withFeedEffects(spoil: (effect: FeedEffect, feed: Feed) => readonly FeedEffect[]): Subject {
  return {
    ...THE_PROTOCOL,
    stepFeed(before, input, now): FeedStep {
      const { feed, effects } = THE_PROTOCOL.stepFeed(before, input, now)
      return { feed, effects: effects.flatMap((effect) => spoil(effect, feed)) }
    },
  }
}

function withLeader(spoil: (leader: Leader, input: LeaderInput) => Leader): Subject {
  return {
    ...THE_PROTOCOL,
    stepLeader: (leader, input, now): LeaderStep => THE_PROTOCOL.stepLeader(spoil(leader, input), input, now),
  }
}

function withLeaderInput(spoil: (leader: Leader, input: LeaderInput) => LeaderInput): Subject {
  return {
    ...THE_PROTOCOL,
    stepLeader: (leader, input, now): LeaderStep => THE_PROTOCOL.stepLeader(leader, spoil(leader, input), now),
  }
}

function withLeaderEffects(spoil: (effect: LeaderEffect) => readonly LeaderEffect[]): Subject {
  return {
    ...THE_PROTOCOL,
    stepLeader(before, input, now): LeaderStep {
      const { leader, effects } = THE_PROTOCOL.stepLeader(before, input, now)
      return { leader, effects: effects.flatMap(spoil) }
    },
  }
}

function withFollower(spoil: (follower: Follower, input: FollowerInput) => Follower): Subject {
  return {
    ...THE_PROTOCOL,
    stepFollower: (follower, input, now): FollowerStep => THE_PROTOCOL.stepFollower(spoil(follower, input), input, now),
  }
}

function withFollowerInput(spoil: (follower: Follower, input: FollowerInput) => FollowerInput): Subject {
  return {
    ...THE_PROTOCOL,
    stepFollower: (follower, input, now): FollowerStep => THE_PROTOCOL.stepFollower(follower, spoil(follower, input), now),
  }
}

function withFollowerEffects(spoil: (effect: FollowerEffect, follower: Follower) => readonly FollowerEffect[]): Subject {
  return {
    ...THE_PROTOCOL,
    stepFollower(before, input, now): FollowerStep {
      const { follower, effects } = THE_PROTOCOL.stepFollower(before, input, now)
      return { follower, effects: effects.flatMap((effect) => spoil(effect, follower)) }
    },
  }
}
