export type { Feed, FeedConfig, FeedEffect, FeedInput, FeedPhase, FeedReport } from './feed-io.ts'
export { newFeed, stepFeed, type FeedStep } from './feed.ts'
export type { FollowerEffect, FollowerInput, FollowerPhase, FollowerReport, Held, HeldCopy } from './follower-io.ts'
export type { Follower, FollowerConfig, KnownLeader, Tip } from './follower-turn.ts'
export { lagOf, newFollower, stepFollower, type FollowerStep, type Lag } from './follower.ts'
export type {
  AckLevel,
  Acks,
  Answer,
  HistoryAnswer,
  LeaderEffect,
  LeaderInput,
  LeaderReport,
  LinkId,
  LogAnswer,
  PeerPhase,
  PeerView,
  ShippedRun,
} from './leader-io.ts'
export type { HeldSnapshot, Leader, LeaderConfig, Peer, ServedFormat } from './leader-peer.ts'
export { followersAt, neededAfter, newLeader, peersOf, stepLeader, type LeaderStep } from './leader.ts'
export {
  ANSWER_BYTES_MAX,
  FETCH_BYTES_MAX,
  FETCH_PAGES_MAX,
  FOLLOWER_LIMITS,
  HEADER_BYTES_MAX,
  LEADER_LIMITS,
  MESSAGE_BYTES_MAX,
  PROTOCOL_VERSIONS,
  QUESTION_BYTES_MAX,
  type FeedLimits,
  type FollowerLimits,
  type LeaderLimits,
} from './limits.ts'
export { LAYOUT_VERSION, decodeMessage, encodeMessage } from './message-codec.ts'
export type {
  CopyState,
  FeedState,
  FollowState,
  FollowerMessage,
  FollowerMessageKind,
  FormatOffer,
  LeaderMessage,
  LeaderMessageKind,
  Message,
  PageRange,
  SnapshotInfo,
  SnapshotReason,
  Verdict,
  Wish,
} from './message.ts'
export { parseStory, showStory } from './story-text.ts'
