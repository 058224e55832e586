import type { FollowerReport, LeaderReport } from '@stemma/protocol'

type Reason =
  | Extract<FollowerReport, { readonly kind: 'needs-snapshot' }>['why']
  | Extract<LeaderReport, { readonly kind: 'follower-needs-snapshot' }>['why']

const TEXTS: Readonly<Record<Reason, string>> = {
  empty: 'there is no copy yet',
  unknown: 'the place of the copy is not known',
  'too-far-behind': 'the log no longer has the entries that the copy needs',
  differs: 'the copy differs from the leader',
  barrier: 'a commit was too large for the log',
  diverged: "the copy has another history than the leader's",
  asked: 'the follower asked for one',
}

/** Why a snapshot is needed, for people. */
export function showSnapshotReason(reason: Reason): string {
  return TEXTS[reason]
}
