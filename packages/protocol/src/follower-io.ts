import type { Milliseconds, Position, StemmaError } from '@stemma/base'
import type { FollowerMessage, Message, PageRange, SnapshotInfo, SnapshotReason } from './message.ts'

/** A copy of which it is known where it stands. */
export interface HeldCopy {
  readonly kind: 'copy'
  readonly cluster: string
  readonly position: Position
  readonly digest: bigint
  /** Bytes. */
  readonly pageSize: number
}

/** What a follower has on its disk. `unknown`: a copy, but not at which position. */
export type Held =
  | HeldCopy
  | { readonly kind: 'empty' }
  | { readonly kind: 'unknown'; readonly cluster: string; readonly pageSize: number; readonly epoch: number }

/** What happened on the follower's side. */
export type FollowerInput =
  /** A link is up and authenticated. It comes after `disconnected` of the link before it. */
  | { readonly kind: 'connected' }
  | { readonly kind: 'disconnected'; readonly error: StemmaError | undefined }
  | { readonly kind: 'message'; readonly message: Message }
  /** `decodeMessage` threw. */
  | { readonly kind: 'bad-message'; readonly error: StemmaError }
  /** Answers `apply`, one or more of them at once: the copy can be read at this position, and stands there for good or until a power cut. */
  | { readonly kind: 'applied'; readonly position: Position; readonly digest: bigint; readonly committedAt: Milliseconds }
  /** The copy up to here survives a power cut. Never said of a copy that a snapshot has replaced since. */
  | { readonly kind: 'durable'; readonly position: Position }
  /** Answers `stage`: pages before `next` are there already. With `compare` the host has pages whose sums are worth sending. */
  | { readonly kind: 'staged'; readonly snapshot: string; readonly next: number; readonly compare: boolean }
  /** Answers `read-sums`: 8 bytes a page, or fewer pages than asked for. */
  | ({ readonly kind: 'sums-read'; readonly snapshot: string; readonly have: Uint8Array } & PageRange)
  /** Answers `write-pages`. */
  | ({ readonly kind: 'pages-written'; readonly snapshot: string } & PageRange)
  /** Answers `finish-snapshot`: checked, durable, and what readers see from now on. */
  | { readonly kind: 'snapshot-installed'; readonly held: HeldCopy }
  /**
   * The copy can't go on by entries: it differs from what the leader says, or the next entry is a barrier.
   * Everything handed over and not yet done is thrown away.
   */
  | { readonly kind: 'needs-resync'; readonly why: 'differs' | 'barrier'; readonly error: StemmaError | undefined }
  /** The host could not do what an effect asked. Everything handed over and not yet done is thrown away; `error.recovery` decides what comes next. */
  | { readonly kind: 'failed'; readonly error: StemmaError }
  | { readonly kind: 'tick' }

/** What the follower's host must do, in the order given. Answers come back in the order of their questions. */
export type FollowerEffect =
  | { readonly kind: 'send'; readonly message: FollowerMessage }
  /** Entries `first` to `last`, opaque here; those that the copy has already are to be skipped. */
  | { readonly kind: 'apply'; readonly first: number; readonly last: number; readonly bytes: Uint8Array }
  /** Gets ready to receive a snapshot, or to go on receiving the same one. */
  | { readonly kind: 'stage'; readonly info: SnapshotInfo; readonly cluster: string; readonly format: string }
  | ({ readonly kind: 'read-sums'; readonly snapshot: string } & PageRange)
  | ({
      readonly kind: 'write-pages'
      readonly snapshot: string
      readonly leftOut: Uint8Array
      readonly bytes: Uint8Array
    } & PageRange)
  /** Checks the snapshot and puts it in the place of the copy. */
  | { readonly kind: 'finish-snapshot'; readonly snapshot: string }
  /** A snapshot begun earlier is of no use any more. */
  | { readonly kind: 'discard-snapshot'; readonly snapshot: string }
  /** Closes the link; another is made not before `retryAfterMs`. What was sent before still goes out. */
  | { readonly kind: 'disconnect'; readonly error: StemmaError; readonly retryAfterMs: Milliseconds }
  /** Closes the link and makes no other: a person must look. */
  | { readonly kind: 'stop'; readonly error: StemmaError }
  | { readonly kind: 'report'; readonly report: FollowerReport }

/** What people may want to know. */
export type FollowerReport =
  | { readonly kind: 'connected'; readonly node: string; readonly format: string; readonly tip: Position }
  | { readonly kind: 'disconnected'; readonly error: StemmaError | undefined }
  | { readonly kind: 'going-on'; readonly position: Position }
  | {
      readonly kind: 'needs-snapshot'
      readonly why: SnapshotReason | 'differs' | 'barrier' | 'diverged'
      readonly error: StemmaError | undefined
    }
  /** The copy is not in the leader's history. `at`: the last position that both share, if known. */
  | { readonly kind: 'diverged'; readonly position: Position; readonly at: Position | undefined }
  | { readonly kind: 'snapshot-started'; readonly info: SnapshotInfo; readonly next: number }
  | { readonly kind: 'snapshot-progress'; readonly done: number; readonly total: number }
  | { readonly kind: 'snapshot-installed'; readonly position: Position }
  | { readonly kind: 'caught-up'; readonly position: Position }

/**
 * | phase | |
 * | --- | --- |
 * | `offline` | no link |
 * | `greeting` | said hello |
 * | `settling` | welcomed; the host still works on what an earlier link brought |
 * | `asking` | asked to follow |
 * | `following` | gets entries |
 * | `opening` | asked for a snapshot |
 * | `staging` | the host gets ready for it |
 * | `fetching` | gets its pages |
 * | `installing` | the host checks it and puts it in place |
 * | `stopped` | for good |
 */
export type FollowerPhase =
  | 'offline'
  | 'greeting'
  | 'settling'
  | 'asking'
  | 'following'
  | 'opening'
  | 'staging'
  | 'fetching'
  | 'installing'
  | 'stopped'
