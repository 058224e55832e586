import type { Position, TextEncoding } from '@stemma/base'
import type { FeedEntry } from '../changes/feed-entry.ts'
import type { TargetChanges, TargetFeed, TargetOptions } from '../changes/open-target.ts'
import type { FollowerEvent, LeaderEvent } from '../events.ts'
import type { LogReader } from '../log/log-file.ts'
import type { NodeStatus } from '../status.ts'
import type { VerifyOptions } from '../verify/verify-copy.ts'
import type { VerifyResult } from '../verify/verify-result.ts'

/** What `stemma serve` asks of a leader. */
export interface ServeOptions {
  readonly database: string
  readonly listen: string
  readonly formats: readonly string[]
  readonly rowImage: 'full' | 'changed'
  readonly token?: string
  readonly tls?: { readonly cert: string; readonly key: string }
  readonly insecure: boolean
  readonly ship: 'synced' | 'immediate'
  readonly retention: { readonly maxBytes?: number; readonly maxAge?: number }
  readonly convertToWal: boolean
  readonly thread: 'same'
  onEvent(event: LeaderEvent): void
}

/** What `stemma follow` asks of a follower. */
export interface FollowOptions {
  readonly url: string
  readonly database: string
  readonly format: string
  readonly token?: string
  readonly tls?: { readonly ca: string }
  readonly name?: string
  readonly onDiverged: 'snapshot' | 'stop'
  readonly pageSize?: number
  readonly encoding?: TextEncoding
  readonly onDifference: 'stop' | 'force'
  readonly resync: boolean
  /** Milliseconds. */
  readonly verifyEvery?: number
  readonly ready: 'readable'
  readonly thread: 'same'
  readonly signal: AbortSignal
  onEvent(event: FollowerEvent): void
}

/** A leader or follower that runs. */
export interface RunningNode {
  status(): Promise<NodeStatus>
  close(): Promise<void>
}

/** Whom to ask, and by which token. */
export interface StatusOptions {
  /** A URL, or a database's path. */
  readonly target: string
  readonly token?: string
  readonly tls?: { readonly ca: string }
}

/** The digest of a database at one consistent point. */
export interface DatabaseDigest {
  readonly digest: bigint
  readonly pageSize: number
  readonly pageCount: number
  /** Undefined when Stemma does not know the database, or knows another state of it. */
  readonly position: Position | undefined
}

/** What the command needs of the rest of the package. A test gives it one of its own. */
export interface Engine {
  openLeader(options: ServeOptions): Promise<RunningNode>
  openFollower(options: FollowOptions): Promise<RunningNode>
  readStatus(options: StatusOptions): Promise<NodeStatus>
  readLog(database: string): LogReader
  openChanges(options: TargetOptions): Promise<TargetChanges>
  openPayloads(options: Omit<TargetOptions, 'tables'> & { readonly format: string }): Promise<TargetFeed<FeedEntry>>
  verify(options: VerifyOptions): Promise<VerifyResult>
  digestDatabase(database: string): Promise<DatabaseDigest>
}
