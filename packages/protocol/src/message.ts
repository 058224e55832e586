import type { Milliseconds, Position } from '@stemma/base'

/** A log format that a follower reads, with the payload versions that it understands. */
export interface FormatOffer {
  readonly name: string
  readonly versions: readonly number[]
}

/** Where a copy stands in a history. */
export interface CopyState {
  readonly kind: 'copy'
  readonly position: Position
  /** The database's digest there. */
  readonly digest: bigint
}

/** Somebody who keeps no copy: wants what comes behind a position, or from now on when that is undefined. */
export interface FeedState {
  readonly kind: 'feed'
  readonly position: Position | undefined
}

/** What a follower says of its copy, `unknown` meaning that it has one and can't say at which position; or where a feed goes on. */
export type FollowState = CopyState | { readonly kind: 'empty' } | { readonly kind: 'unknown' } | FeedState

/** What somebody comes for: to keep a copy, to see the status, to get entries without a copy, to ask questions. */
export type Wish = 'follow' | 'status' | 'feed' | 'ask'

/** Which database a snapshot is of, and where it stands. */
export interface SnapshotInfo {
  /** The leader's name for it; no two snapshots ever have the same. */
  readonly snapshot: string
  readonly position: Position
  readonly digest: bigint
  /** Bytes. */
  readonly pageSize: number
  readonly pageCount: number
}

/** Some pages of a snapshot, by their numbers. */
export interface PageRange {
  readonly first: number
  readonly count: number
}

/**
 * Why a follower can't go on from where it stands: it has nothing, it stands where the leader can't tell, or the log no longer
 * reaches back to it.
 */
export type SnapshotReason = 'empty' | 'unknown' | 'too-far-behind'

/** May the follower go on from where it stands? */
export type Verdict =
  /** `from`, for a feed: entries come from behind this position. */
  | { readonly kind: 'go-on'; readonly from?: Position | undefined }
  /** For a feed: what follows its position is no longer in the log. `oldest` is the first position from which it could go on, if known. */
  | { readonly kind: 'not-kept'; readonly oldest: Position | undefined }
  | { readonly kind: 'snapshot'; readonly why: SnapshotReason }
  /** The follower's position is not in the leader's history. `at` is the last position that both share, if it is known. */
  | { readonly kind: 'diverged'; readonly at: Position | undefined }

/** What followers send. Bytes in a message are borrowed: they are read, never written. */
export type FollowerMessage =
  | {
      readonly kind: 'hello'
      /** The protocol versions spoken. */
      readonly versions: readonly [oldest: number, newest: number]
      readonly wants: Wish
      readonly node: string
      /** What people call this node; may be empty. */
      readonly name: string
      /** Version of the SQLite library. */
      readonly sqlite: string
      /** The cluster that the copy belongs to; undefined when there is no copy. */
      readonly cluster: string | undefined
      /** The copy's page size in bytes; undefined when there is no copy. */
      readonly pageSize: number | undefined
      /** The newest epoch that the copy has seen; 0 when there is no copy. */
      readonly epoch: number
      /** Best first. */
      readonly formats: readonly FormatOffer[]
    }
  /** Asks to go on from a state. `credit` is how many bytes of entries may come before more is granted. */
  | { readonly kind: 'follow'; readonly state: FollowState; readonly credit: number }
  | {
      readonly kind: 'ack'
      readonly received: Position
      /** Survives a power cut. */
      readonly durable: Position
      /** Can be read. */
      readonly applied: Position
      /** Bytes of entries that may be sent in all since `follow`. */
      readonly credit: number
    }
  | { readonly kind: 'open-snapshot'; readonly resume: string | undefined }
  /** `have` holds the sum of each page of the range that the follower has, 8 bytes each, or nothing. */
  | ({ readonly kind: 'fetch-pages'; readonly snapshot: string; readonly have: Uint8Array } & PageRange)
  | { readonly kind: 'close-snapshot'; readonly snapshot: string }
  | { readonly kind: 'alive' }
  | { readonly kind: 'status-request' }
  /** A question that the leader's host understands. */
  | { readonly kind: 'ask'; readonly body: Uint8Array }

/** What leaders send. */
export type LeaderMessage =
  | {
      readonly kind: 'welcome'
      /** The protocol version that both will speak. */
      readonly version: number
      readonly cluster: string
      readonly node: string
      readonly epoch: number
      readonly format: string
      readonly formatVersion: number
      /** Bytes. */
      readonly pageSize: number
      readonly tip: Position
      /** The leader's clock. */
      readonly time: Milliseconds
    }
  | { readonly kind: 'refuse'; readonly code: string; readonly message: string; readonly hint: string }
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  /** Whole entries, `first` to `last`, one after another. */
  | { readonly kind: 'entries'; readonly first: number; readonly last: number; readonly bytes: Uint8Array }
  /** A piece of an entry that is too large for a message. */
  | {
      readonly kind: 'entry-part'
      readonly sequence: number
      readonly offset: number
      readonly total: number
      readonly bytes: Uint8Array
    }
  | { readonly kind: 'heartbeat'; readonly tip: Position; readonly time: Milliseconds }
  | ({ readonly kind: 'snapshot' } & SnapshotInfo)
  | ({
      readonly kind: 'pages'
      readonly snapshot: string
      /** One bit a page of the range, lowest bit first; set for a page that is not in `bytes`. Empty when all are. */
      readonly leftOut: Uint8Array
      readonly bytes: Uint8Array
    } & PageRange)
  /** JSON, UTF-8. */
  | { readonly kind: 'status'; readonly json: Uint8Array }
  | { readonly kind: 'bye'; readonly code: string; readonly message: string }
  /** Answers `ask`: by a body, or by the code of an error, a text about it, and no body. */
  | { readonly kind: 'answer'; readonly code: string | undefined; readonly message: string; readonly body: Uint8Array }

/** Whatever goes over a link. */
export type Message = FollowerMessage | LeaderMessage
/** The kinds of messages that followers send. */
export type FollowerMessageKind = FollowerMessage['kind']
/** The kinds of messages that leaders send. */
export type LeaderMessageKind = LeaderMessage['kind']
