import type { Milliseconds, Position } from '@stemma/base'

/** What a node says about itself. */
export interface NodeStatus {
  readonly role: 'leader' | 'follower'
  /** The database's path, as it was given. */
  readonly database: string
  /** The history that the database belongs to: 32 hexadecimal digits; empty for a follower that has nothing yet. */
  readonly cluster: string
  readonly node: string
  /** Undefined for a follower that has nothing yet. */
  readonly position: Position | undefined
  /** The digest at that position: 16 hexadecimal digits. */
  readonly digest: string | undefined
  /** Names and versions of the formats that it keeps (leader) or follows (follower): `wal/1`. */
  readonly formats: readonly string[]
  /** The version of SQLite that it runs. */
  readonly sqlite: string
  /** Bytes: size of the database's `-wal` file. */
  readonly walBytes: number
  /** Bytes: entries kept. 0 for a follower. */
  readonly logBytes: number
  /** What it has done since it was opened: a leader for each format that it keeps, a follower for its own. */
  readonly work?: readonly FormatWork[]
  /** Leader: those who follow. */
  readonly followers?: readonly FollowerStatus[]
  /** Follower: whom it follows. */
  readonly leader?: { readonly url: string; readonly connected: boolean; readonly tip: Position | undefined }
  /** Follower: how far it is behind. */
  readonly lag?: Lag
}

/** What a node did for one format since it was opened. Only grows: a monitor takes the difference of two readings. */
export interface FormatWork {
  readonly format: string
  /** Entries that a leader made, or a follower applied. */
  readonly entries: number
  /** Bytes of those entries as they are kept and sent, with their envelopes. */
  readonly bytes: number
  /**
   * For how long it was at work on them: the time that passed, also while the system let others run. Of a leader: encoding; what several formats
   * need to know of a commit is found for the first of them, and counts for that one.
   */
  readonly tookMs: Milliseconds
  /** Leader: entries that could not be made, behind which followers need a snapshot. 0 for a follower. */
  readonly barriers: number
  /** Leader, of a format of statements: entries that hold rows, since statements would not do or were not seen. */
  readonly asRows?: number
  /** Leader: why a format of somebody else's is called no more, until the leader is opened again: its entries are all barriers from there. */
  readonly suspended?: string
  /** Follower: from the commit, as the leader saw it, until the entry applied last could be read here. By two clocks, if on two machines. */
  readonly delayMs?: Milliseconds
}

/** How far a copy is behind. */
export interface Lag {
  readonly commits: number
  /** For how long it has not been caught up; 0 when it is. */
  readonly seconds: number
}

/** What a leader knows of a follower. Positions are undefined until it has said them. */
export interface FollowerStatus {
  readonly node: string
  /** The name it gave itself, if any. */
  readonly name: string
  /** Address and port. */
  readonly peer: string
  readonly format: string
  /** `feed`: it reads changes and keeps no copy. */
  readonly state: 'connecting' | 'snapshot' | 'following' | 'feed'
  /** Entries have arrived up to here. */
  readonly received: Position | undefined
  /** They will outlive a power cut of the follower. */
  readonly durable: Position | undefined
  /** They can be read there. */
  readonly applied: Position | undefined
  readonly lag: Lag
  /** When it was last heard from, by the leader's clock. */
  readonly heardAt: Milliseconds
}

/** Writes a digest as people compare it: 16 hexadecimal digits. */
export function showDigest(digest: bigint): string {
  return digest.toString(16).padStart(16, '0')
}
