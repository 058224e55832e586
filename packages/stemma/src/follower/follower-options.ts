import type { Milliseconds, TextEncoding } from '@stemma/base'
import type { ConnectTls, Token } from '@stemma/transport'

/** How a follower's engine is to be opened: plain values, so that they can be sent to its thread. */
export interface FollowerEngineOptions {
  /** Where the leader listens: `tcp://host:port`, or with `tls`, `ws` or `wss`. */
  readonly url: string
  /** Path of the copy. */
  readonly database: string
  /** Name of the format to follow by. */
  readonly format: string
  readonly token?: Token
  readonly tls?: ConnectTls
  /** What people call this node. */
  readonly name: string
  /** False writes every entry's pages on their own; true writes a page once that several waiting entries changed. */
  readonly merge: boolean
  /** What to do when the copy turns out not to be in the leader's history. */
  readonly onDiverged: 'snapshot' | 'stop'
  /** Bytes of a page, and the encoding of texts, of a copy by rows that is to have others than the leader. */
  readonly pageSize?: number
  readonly encoding?: TextEncoding
  /** What to do when a row of a copy by rows is not what the leader's was. */
  readonly onDifference: 'stop' | 'force'
  /** Takes over what differs from the leader first, whatever the copy says of itself. */
  readonly resync: boolean
  /** Compares the copy with the leader at this distance; undefined: never. */
  readonly verifyEveryMs?: Milliseconds
  /** Tells each message that is sent or received. */
  readonly trace: boolean
  /** Checks every page of the copy when it is opened. */
  readonly verifyOnOpen: boolean
  /** Checks the structure of a snapshot that comes from a leader which did not prove who it is. */
  readonly checkSnapshots: 'always' | 'unauthenticated'
}
