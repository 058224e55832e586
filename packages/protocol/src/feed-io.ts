import type { Milliseconds, Position, StemmaError } from '@stemma/base'
import type { Assembling } from './assembly.ts'
import type { FollowerMessage, FormatOffer, Message } from './message.ts'

/** What a feed is, and stays while it runs: somebody who wants entries and keeps no copy. */
export interface FeedConfig {
  readonly node: string
  /** What people call it; may be empty. */
  readonly name: string
  /** Version of the SQLite library; may be empty. */
  readonly sqlite: string
  /** Best first. */
  readonly formats: readonly FormatOffer[]
  /** The history that the position is of, when that is known. */
  readonly cluster: string | undefined
  /** Entries are wanted from behind this position on; undefined: from when the leader is first asked. */
  readonly from: Position | undefined
}

/** What happened on the feed's side. */
export type FeedInput =
  /** A link is up and authenticated. It comes after `disconnected` of the link before it. */
  | { readonly kind: 'connected' }
  | { readonly kind: 'disconnected'; readonly error: StemmaError | undefined }
  | { readonly kind: 'message'; readonly message: Message }
  /** `decodeMessage` threw. */
  | { readonly kind: 'bad-message'; readonly error: StemmaError }
  /** Answers `take`, before anything else happens: the host holds all entries up to here, the last of which stands here. */
  | { readonly kind: 'taken'; readonly position: Position }
  /** The reader has been given everything up to here; `waitingBytes` of entries that were taken wait for it. */
  | { readonly kind: 'consumed'; readonly position: Position; readonly waitingBytes: number }
  | { readonly kind: 'tick' }

/** What the feed's host must do, in the order given. */
export type FeedEffect =
  | { readonly kind: 'send'; readonly message: FollowerMessage }
  /** Entries `first` to `last`, opaque here: next after those before. */
  | { readonly kind: 'take'; readonly first: number; readonly last: number; readonly bytes: Uint8Array }
  /** Closes the link; another is made. What was sent before still goes out. */
  | { readonly kind: 'disconnect'; readonly error: StemmaError }
  /** Closes the link and makes no other. */
  | { readonly kind: 'stop'; readonly error: StemmaError }
  | { readonly kind: 'report'; readonly report: FeedReport }

/** What people may want to know. */
export type FeedReport =
  | { readonly kind: 'connected'; readonly node: string; readonly format: string; readonly tip: Position }
  | { readonly kind: 'disconnected'; readonly error: StemmaError | undefined }
  /** Entries come from behind this position. */
  | { readonly kind: 'going-on'; readonly position: Position }

/**
 * | phase | |
 * | --- | --- |
 * | `offline` | no link |
 * | `greeting` | said hello |
 * | `asking` | asked to go on |
 * | `following` | gets entries |
 * | `stopped` | for good |
 */
export type FeedPhase = 'offline' | 'greeting' | 'asking' | 'following' | 'stopped'

/** A feed's whole state: a value. */
export interface Feed {
  readonly config: FeedConfig
  readonly limits: { readonly silenceMs: Milliseconds; readonly answerMs: Milliseconds; readonly windowBytes: number }
  readonly phase: FeedPhase
  /** The history that it reads; undefined before the first welcome. */
  readonly cluster: string | undefined
  /** The newest epoch that it has seen. */
  readonly epoch: number
  /** The host has all entries up to here; undefined as long as none was asked for. */
  readonly taken: Position | undefined
  /** The reader has been given everything up to here. */
  readonly consumed: Position | undefined
  /** The leader goes on from behind this position over the link that is up. */
  readonly from: Position | undefined
  /** Bytes of entries that the host holds for the reader. */
  readonly waitingBytes: number
  /** Sequence of the last entry handed over. */
  readonly received: number
  readonly receivedBytes: number
  readonly creditBytes: number
  /** The credit that was granted last. */
  readonly grantedBytes: number
  readonly assembling: Assembling | undefined
  readonly tip: Position | undefined
  readonly heardAt: Milliseconds
  /** Since when the leader owes an answer, or what it says to have. */
  readonly waitingSince: Milliseconds
}
