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
  /** Leader: those who follow. */
  readonly followers?: readonly FollowerStatus[]
  /** Follower: whom it follows. */
  readonly leader?: { readonly url: string; readonly connected: boolean; readonly tip: Position | undefined }
  /** Follower: how far it is behind. */
  readonly lag?: Lag
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
