import type { PageNumber, Position } from '@stemma/base'
import type { DecodedEntry, PageFormat } from '@stemma/log'
import type { Disk } from '../disk/disk.ts'
import type { SqliteDriver } from '../sqlite/driver.ts'
import type { CopyPlace } from './copy-place.ts'
import type { SnapshotToStage } from './page-store.ts'
import type { Staging } from './staging.ts'

/** Which copy by pages is opened, and what may be applied to it. */
export interface ReplicaOptions {
  /** The path of the copy. */
  readonly database: string
  /** The formats whose entries may come. */
  readonly formats: readonly PageFormat[]
  readonly driver?: SqliteDriver
  readonly disk?: Disk
  /** Entries that come together become one transaction, which is much faster. True by default. */
  readonly merge?: boolean
  /** Bytes of pages that are kept in memory; 16 MiB by default. */
  readonly cacheBytes?: number
  /** The size of the copy's WAL from which on it is checkpointed, in bytes; 16 MiB by default. */
  readonly softWalBytes?: number
  /** The size of the copy's WAL from which on `room` makes whoever applies wait for the checkpoint at work, in bytes; 64 MiB by default. */
  readonly hardWalBytes?: number
  /**
   * `always`, the default: reads the whole copy when it is opened, about a second a gigabyte, and finds out if it was changed
   * or damaged. `after-crash`: only when it was not closed in good order.
   */
  readonly verify?: 'always' | 'after-crash'
  /**
   * How a snapshot is checked before it takes the place of the copy. `structure`, the default: by its digest, and SQLite looks
   * through it (`quick_check`), for a leader that might be hostile or damaged. `digest`: that it is the leader's, byte by byte.
   */
  readonly check?: 'structure' | 'digest'
  /** Takes a database that Stemma did not make, such as an old copy, for a start. What differs will be overwritten. */
  readonly adopt?: boolean
  /** Checkpoints and checks run on threads of their own (the default), or on this one. */
  readonly threads?: boolean
  onEvent?(event: ReplicaEvent): void
}

/** What people may want to know of a replica at work. */
export type ReplicaEvent =
  /** The copy is read through; pages. */
  | { readonly kind: 'verifying'; readonly done: number; readonly pageCount: number }
  /** The copy is not what it was: which pages, if that can be told. A snapshot by difference mends it. */
  | { readonly kind: 'not-as-left'; readonly pages: readonly PageNumber[] }
  /** A checkpoint of the copy has ended. `restarted` is false when readers still use the WAL. */
  | { readonly kind: 'checkpointed'; readonly restarted: boolean; readonly walBytes: number }
  /** Something failed that will be tried again. */
  | { readonly kind: 'warning'; readonly error: unknown }

/** What a copy is. */
export type ReplicaState =
  /** There is none yet. */
  | { readonly kind: 'empty' }
  /** There is one, but not known of which position: it needs a snapshot, which costs only what differs. */
  | {
      readonly kind: 'unknown'
      /** The history that it was a copy of; undefined when Stemma did not make it. */
      readonly cluster: string | undefined
      /** The newest epoch that it has seen; 0 when Stemma did not make it. */
      readonly epoch: number
      readonly pageSize: number
    }
  | ({ readonly kind: 'ready' } & CopyPlace)

/** A copy of a leader's database, in an ordinary SQLite file that any program can read while it is written. */
export interface Replica {
  readonly database: string
  /** This node: 32 hexadecimal digits, made with the copy. */
  readonly node: string
  readonly state: ReplicaState
  /** Bytes of the copy's WAL that hold frames. */
  readonly walBytes: number
  /**
   * Applies entries; those that the copy has already are skipped. When it returns, readers see them: all at once (or in a few
   * steps when there are very many), or one after another with `merge: false`.
   *
   * When it throws, the copy stands at the end of one of the entries; `state` says which.
   *
   * @throws StemmaError ENTRY_GAP when entries are missing
   * @throws StemmaError HISTORY_DIVERGED when they don't follow on from what the copy has
   * @throws StemmaError DAMAGED_ENTRY, NO_COMMON_FORMAT
   * @throws StemmaError REPLICA_DIFFERS, REPLICA_WRITTEN, SNAPSHOT_NEEDED when entries can't bring the copy on
   * @throws StemmaError REPLICA_FULL, REPLICA_FAILED, DATABASE_BUSY, LOG_FULL, LOG_FAILED when the same call may work later
   */
  apply(entries: readonly DecodedEntry[]): void
  /**
   * Undefined when entries may be applied; else resolves when it is worth another look. Who asks before each `apply` keeps the WAL short: entries that
   * come faster than they are checkpointed wait. Where readers hold the WAL it grows all the same, since they may do so for ever.
   */
  room(): Promise<void> | undefined
  /** Makes what was applied so far durable, and says up to where that is. */
  sync(): Promise<Position>
  /** Gets ready for a snapshot, or to go on with the one that is being fetched if it is the same. */
  stage(snapshot: SnapshotToStage): Promise<Staging>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
