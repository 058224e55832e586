/** The range of protocol versions that this release speaks, oldest first. */
export const PROTOCOL_VERSIONS: readonly [oldest: number, newest: number] = [1, 1]

/** No message is larger, in bytes, header included. */
export const MESSAGE_BYTES_MAX: number = 8 * 1024 * 1024

/** The small fields of a message take no more than this, in bytes. */
export const HEADER_BYTES_MAX: number = 16 * 1024

/** No entry is larger, in bytes: the payload's limit of `@stemma/log` and room for its envelope. */
export const WIRE_ENTRY_BYTES_MAX: number = 256 * 1024 * 1024 + 1024

/** An entry comes in no more parts than this. */
export const ENTRY_PARTS_MAX = 4096

/** No question is larger, in bytes. */
export const QUESTION_BYTES_MAX: number = 64 * 1024

/** No answer is larger, in bytes. */
export const ANSWER_BYTES_MAX: number = 4 * 1024 * 1024

/** A fetch asks for no more pages than this. */
export const FETCH_PAGES_MAX = 65_536

/** A fetch asks for no more than this, in bytes of pages. */
export const FETCH_BYTES_MAX: number = 4 * 1024 * 1024

/** SQLite's own limit of pages in a database. */
export const PAGE_COUNT_MAX = 0xfffffffe

/** A follower offers no more formats, and no more versions of one, than this. */
export const FORMATS_MAX = 32

/** Texts for people are cut to this many characters. */
export const TEXT_LENGTH_MAX = 500

/** What a leader allows and how long it waits. Durations in milliseconds. */
export interface LeaderLimits {
  /** Links at one time; one more is told to try later. */
  readonly linksMax: number
  /** Snapshots held open at one time, those whose follower is away included. */
  readonly snapshotsMax: number
  /** A link says hello within this time, or is closed. */
  readonly handshakeMs: number
  /** A link that says nothing for this long is closed. */
  readonly silenceMs: number
  readonly heartbeatMs: number
  /** A snapshot is kept this long for a follower that lost its link. */
  readonly snapshotGraceMs: number
  /** A snapshot that nobody fetches from for this long is closed. */
  readonly snapshotIdleMs: number
  /** One message of entries takes about this many bytes at most. */
  readonly entriesBytes: number
  /** An entry larger than this goes in parts of this size, in bytes. */
  readonly partBytes: number
  /** Fetches that a follower may have waiting; one more breaks the protocol. */
  readonly fetchesMax: number
}

/** The limits of a leader that is given none. */
export const LEADER_LIMITS: LeaderLimits = {
  linksMax: 256,
  snapshotsMax: 4,
  handshakeMs: 10_000,
  silenceMs: 30_000,
  heartbeatMs: 1_000,
  snapshotGraceMs: 60_000,
  snapshotIdleMs: 120_000,
  entriesBytes: 1024 * 1024,
  partBytes: 1024 * 1024,
  fetchesMax: 16,
}

/** What a follower allows and how long it waits. Durations in milliseconds. */
export interface FollowerLimits {
  /** A leader that says nothing for this long counts as lost. */
  readonly silenceMs: number
  /** A leader that does not answer a question, or says that it has more and does not send it, for this long counts as lost. */
  readonly answerMs: number
  /** Entries received and not yet applied take about this many bytes at most. */
  readonly windowBytes: number
  /** One fetch of a snapshot asks for about this many bytes of pages. */
  readonly fetchBytes: number
  /** Fetches under way at one time. */
  readonly fetchesMax: number
  /** Two snapshots taken because the copy differed are at least this far apart. */
  readonly resyncMs: number
}

/** What a feed allows and how long it waits. Durations in milliseconds. */
export type FeedLimits = Pick<FollowerLimits, 'silenceMs' | 'answerMs' | 'windowBytes'>

/** The limits of a follower that is given none. */
export const FOLLOWER_LIMITS: FollowerLimits = {
  silenceMs: 30_000,
  answerMs: 30_000,
  windowBytes: 8 * 1024 * 1024,
  fetchBytes: 1024 * 1024,
  fetchesMax: 4,
  resyncMs: 60_000,
}
