import type { Position, StemmaError } from '@stemma/base'
import type { TracedMessage } from './follower/follower-host.ts'
import type { VerifyResult } from './verify/verify-result.ts'

/** Things that a leader tells about, as they happen. */
export type LeaderEvent =
  | { readonly kind: 'scanning'; readonly done: number; readonly total: number }
  | { readonly kind: 'listening'; readonly url: string }
  | { readonly kind: 'follower-joined'; readonly node: string; readonly peer: string; readonly format: string }
  | { readonly kind: 'follower-left'; readonly node: string; readonly why: string }
  | { readonly kind: 'follower-needs-snapshot'; readonly node: string; readonly why: string }
  /** Its history is not ours: it has commits that we lost, or it was written to. */
  | { readonly kind: 'follower-diverged'; readonly node: string; readonly position: Position }
  | { readonly kind: 'gap-mended'; readonly position: Position; readonly pages: number }
  | { readonly kind: 'rewound'; readonly position: Position }
  | { readonly kind: 'warning'; readonly error: StemmaError }
  /** The leader can go no further; it closes itself. */
  | { readonly kind: 'failed'; readonly error: StemmaError }

/** Things that a follower tells about, as they happen. */
export type FollowerEvent =
  | { readonly kind: 'connected'; readonly url: string; readonly tip: Position }
  | { readonly kind: 'disconnected'; readonly error: StemmaError | undefined }
  /** The copy is read through; pages. */
  | { readonly kind: 'verifying'; readonly done: number; readonly total: number }
  | {
      readonly kind: 'snapshot-started'
      readonly position: Position
      readonly pageCount: number
      readonly pageSize: number
      readonly why: string
    }
  /** Pages that are in place, of all; those that needn't be fetched count as well. */
  | { readonly kind: 'snapshot-progress'; readonly done: number; readonly total: number }
  | { readonly kind: 'snapshot-installed'; readonly position: Position }
  /** For the first time since it was connected. */
  | { readonly kind: 'caught-up'; readonly position: Position }
  | {
      readonly kind: 'progress'
      readonly position: Position
      readonly tip: Position
      readonly lagCommits: number
      readonly lagSeconds: number
    }
  /** The copy's history is not the leader's; a snapshot by difference mends it, or the follower stops. */
  | { readonly kind: 'diverged'; readonly position: Position }
  /** The copy was compared with its leader at one position. */
  | { readonly kind: 'verified'; readonly result: VerifyResult }
  /** The copy was found to differ from what it should be; a snapshot by difference mends it. */
  | { readonly kind: 'resync'; readonly error: StemmaError }
  /** With `trace`: a message went over the link. */
  | ({ readonly kind: 'message' } & TracedMessage)
  | { readonly kind: 'warning'; readonly error: StemmaError }
  /** The follower can go no further; it closes itself. */
  | { readonly kind: 'failed'; readonly error: StemmaError }
