import type { Milliseconds, Position, StemmaError } from '@stemma/base'
import type { LeaderMessage, Message, PageRange, SnapshotInfo, SnapshotReason, Wish } from './message.ts'

/** The host's number for a link; no two links ever have the same. */
export type LinkId = number

/** Whole entries of one format, one after another; opaque here. Borrowed: read, never written. */
export interface ShippedRun {
  readonly format: string
  readonly first: number
  readonly last: number
  readonly bytes: Uint8Array
}

/** What happened on the leader's side. */
export type LeaderInput =
  /** `address` is for people. */
  | { readonly kind: 'link-opened'; readonly link: LinkId; readonly address: string }
  | { readonly kind: 'message'; readonly link: LinkId; readonly message: Message }
  /** `decodeMessage` threw. */
  | { readonly kind: 'bad-message'; readonly link: LinkId; readonly error: StemmaError }
  | { readonly kind: 'link-closed'; readonly link: LinkId; readonly error: StemmaError | undefined }
  /** The transport said to stop sending for now. */
  | { readonly kind: 'link-full'; readonly link: LinkId }
  | { readonly kind: 'link-writable'; readonly link: LinkId }
  /**
   * Commits up to `tip` may be shipped now. `runs` may bring the newest entries along, so that followers that are at the end
   * need no reading of the log: each ends at `tip`. They stay as they are until sent.
   */
  | { readonly kind: 'committed'; readonly tip: Position; readonly runs: readonly ShippedRun[] }
  /** Answers `read-log`, also when the link is gone by then. */
  | { readonly kind: 'log-read'; readonly link: LinkId; readonly read: LogAnswer }
  /** Answers `check-history`. */
  | { readonly kind: 'history'; readonly link: LinkId; readonly answer: HistoryAnswer }
  /** Answers `open-snapshot`. */
  | { readonly kind: 'snapshot-opened'; readonly info: SnapshotInfo }
  /** Answers `open-snapshot`, or says at any later time that the snapshot is lost. It is closed already. */
  | { readonly kind: 'snapshot-failed'; readonly snapshot: string; readonly error: StemmaError }
  /** Answers `read-pages`. For `leftOut` see the message `pages`. */
  | ({
      readonly kind: 'pages-read'
      readonly link: LinkId
      readonly snapshot: string
      readonly leftOut: Uint8Array
      readonly bytes: Uint8Array
    } & PageRange)
  /** Answers `answer-status`: JSON in UTF-8. */
  | { readonly kind: 'status-made'; readonly link: LinkId; readonly json: Uint8Array }
  /** Answers `answer-question`, at most `ANSWER_BYTES_MAX`; borrowed until sent. */
  | { readonly kind: 'question-answered'; readonly link: LinkId; readonly answer: Answer }
  /** A format is served no more. `error` is why, for those who follow by it. */
  | { readonly kind: 'format-withdrawn'; readonly format: string; readonly error: StemmaError }
  /** The leader ends: everybody is told, every snapshot closed. */
  | { readonly kind: 'stop' }
  | { readonly kind: 'tick' }

/** What the host says to a question: a body, or why there is none. */
export type Answer =
  | { readonly kind: 'body'; readonly body: Uint8Array }
  | { readonly kind: 'error'; readonly code: string; readonly message: string }

/** What the log holds behind the sequence that was asked for. */
export type LogAnswer =
  | { readonly kind: 'run'; readonly run: ShippedRun }
  | { readonly kind: 'end' }
  /** `after` is no longer followed by its next entry in the log. */
  | { readonly kind: 'gone'; readonly oldest: number }

/** Is this position, with this digest if one is given, in the leader's history? */
export type HistoryAnswer =
  | { readonly kind: 'held' }
  /** It is not: another commit, or none, has this position. `at`: the last position both share, if known. */
  | { readonly kind: 'not-held'; readonly at: Position | undefined }
  /** It can't be told, since the log does not reach back so far. `oldest`: the first position that entries follow on, if known. */
  | { readonly kind: 'not-kept'; readonly oldest?: Position | undefined }

/** What the leader's host must do, in the order given. Answers come back in the order of their questions. */
export type LeaderEffect =
  | { readonly kind: 'send'; readonly link: LinkId; readonly message: LeaderMessage }
  /** What was sent before still goes out. */
  | { readonly kind: 'close'; readonly link: LinkId; readonly error: StemmaError | undefined }
  | {
      readonly kind: 'check-history'
      readonly link: LinkId
      readonly format: string
      readonly position: Position
      /** Undefined for a feed, which has none. */
      readonly digest: bigint | undefined
    }
  /** Whole entries after `after` and none beyond `upTo`; about `maxBytes`, but at least one. */
  | {
      readonly kind: 'read-log'
      readonly link: LinkId
      readonly format: string
      readonly after: number
      readonly upTo: number
      readonly maxBytes: number
    }
  /** Opens a snapshot at a position not beyond the tip. */
  | { readonly kind: 'open-snapshot'; readonly snapshot: string }
  /** The pages of a range; those whose sum equals `have` (8 bytes a page, or nothing) are left out, and the lock-byte page is. */
  | ({ readonly kind: 'read-pages'; readonly link: LinkId; readonly snapshot: string; readonly have: Uint8Array } & PageRange)
  /** Of one that is open, being opened, or closed already. */
  | { readonly kind: 'close-snapshot'; readonly snapshot: string }
  | { readonly kind: 'answer-status'; readonly link: LinkId }
  /** At most one at a time for a link. A link that closes wants no answer any more. */
  | { readonly kind: 'answer-question'; readonly link: LinkId; readonly body: Uint8Array }
  | { readonly kind: 'report'; readonly report: LeaderReport }

/** What people may want to know. */
export type LeaderReport =
  | {
      readonly kind: 'follower-joined'
      readonly link: LinkId
      readonly node: string
      readonly name: string
      readonly address: string
      readonly format: string
      /** `feed` for one that keeps no copy. */
      readonly wants: Wish
    }
  | {
      readonly kind: 'follower-left'
      readonly link: LinkId
      readonly node: string
      readonly name: string
      readonly error: StemmaError | undefined
    }
  | {
      readonly kind: 'follower-needs-snapshot'
      readonly link: LinkId
      readonly node: string
      readonly name: string
      readonly why: SnapshotReason | 'asked'
    }
  | {
      readonly kind: 'follower-diverged'
      readonly link: LinkId
      readonly node: string
      readonly name: string
      readonly position: Position
    }
  | { readonly kind: 'link-refused'; readonly link: LinkId; readonly address: string; readonly error: StemmaError }

/** What a follower has said of its copy. */
export interface Acks {
  readonly received: Position
  readonly durable: Position
  readonly applied: Position
}

/** How far a commit has come at a follower. */
export type AckLevel = keyof Acks

/** A link as people see it. */
export interface PeerView {
  readonly link: LinkId
  readonly address: string
  readonly phase: PeerPhase
  readonly wants: Wish
  readonly node: string
  readonly name: string
  readonly format: string
  readonly acks: Acks | undefined
  /** When it was last heard, by the host's clock. */
  readonly heardAt: Milliseconds
}

/**
 * | phase | |
 * | --- | --- |
 * | `greeting` | has not said hello |
 * | `visiting` | came for the status only, or to ask |
 * | `welcomed` | agreed on version and format; is to ask from where to follow, or for a snapshot |
 * | `checking` | asked to follow; the host looks its position up |
 * | `following` | gets entries as they come |
 * | `copying` | has a snapshot open, or being opened |
 */
export type PeerPhase = 'greeting' | 'visiting' | 'welcomed' | 'checking' | 'following' | 'copying'
