import type { TextEncoding } from '@stemma/base'
import type { RowFormat, StatementFormat } from '@stemma/log'
import type { Disk } from '../disk/disk.ts'
import type { ReplicaEvent } from '../replica/replica.ts'
import type { SqliteDriver } from '../sqlite/driver.ts'
import type { FoundDifference } from './row-difference.ts'

/** Which copy by rows or statements is opened, and what may be applied to it. */
export interface LogicalReplicaOptions {
  /** The path of the copy. */
  readonly database: string
  /** The formats whose entries may come. */
  readonly formats: readonly LogicalFormat[]
  readonly driver?: SqliteDriver
  readonly disk?: Disk
  /** Entries that come together become one transaction, which is much faster. True by default. */
  readonly merge?: boolean
  /** Bytes of pages that SQLite keeps in memory; 32 MiB by default. */
  readonly cacheBytes?: number
  /** The size of the copy's WAL from which on it is checkpointed, in bytes; 16 MiB by default. */
  readonly softWalBytes?: number
  /** The size of the copy's WAL from which on `room` makes whoever applies wait for the checkpoint at work, in bytes; 64 MiB by default. */
  readonly hardWalBytes?: number
  /** How a snapshot is checked before it becomes the copy: see `ReplicaOptions`. */
  readonly check?: 'structure' | 'digest'
  /**
   * What to do when a row of the copy is not what the leader's row was: `stop`, the default, with ROW_DIFFERS, or `force` the leader's
   * row and tell of it.
   */
  readonly onDifference?: 'stop' | 'force'
  /** Bytes of a page of the copy, when it is to have others than the leader. */
  readonly pageSize?: number
  /** How the copy stores text, when it is to be otherwise than the leader does. */
  readonly encoding?: TextEncoding
  /** Checkpoints and checks run on threads of their own (the default), or on this one. */
  readonly threads?: boolean
  onEvent?(event: LogicalReplicaEvent): void
}

/** A format that brings on a logical copy. */
export type LogicalFormat = RowFormat | StatementFormat

/** What people may want to know of a logical copy at work. */
export type LogicalReplicaEvent =
  | Extract<ReplicaEvent, { kind: 'checkpointed' | 'warning' }>
  /** A row of the copy was not what the leader's was; it is now what the leader's became. */
  | { readonly kind: 'forced'; readonly difference: FoundDifference }
  /** Somebody else has written to the copy, so many transactions since we last looked. */
  | { readonly kind: 'written'; readonly transactions: number }
