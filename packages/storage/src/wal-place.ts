import type { Position } from '@stemma/base'

/** A commit's place in a `-wal` file: the frame that ended it. */
export interface WalPlace {
  /** The salts of this generation of the WAL, two words of 32 bits. */
  readonly salt1: number
  readonly salt2: number
  /** The commit frame, from 1; 0 is before the first frame of this generation. */
  readonly frame: number
  /** The running checksum stored in that frame, two words of 32 bits; the header's when `frame` is 0. */
  readonly checksum1: number
  readonly checksum2: number
}

/** How far a node has come: a position, what the database looks like there, and where in the WAL that is. */
export interface Place {
  readonly position: Position
  readonly digest: bigint
  readonly pageSize: number
  readonly pageCount: number
  /** Undefined when the WAL was empty or missing: the database file alone holds the position. */
  readonly wal: WalPlace | undefined
}
