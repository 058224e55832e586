import type { DecodedEntry } from '@stemma/log'
import type { PageSums } from '../page-sums.ts'
import type { Place } from '../wal-place.ts'

/** Whole entries of one format, one after another, as `encodeEntry` made them. */
export interface EntryRun {
  readonly format: string
  /** Sequence of the first entry. */
  readonly first: number
  /** Sequence of the last entry. */
  readonly last: number
  readonly bytes: Uint8Array
}

/** What is kept when nothing else is said: 1 GiB, a week, and 64 MiB that nobody needs. */
export const RETENTION: Retention = { maxBytes: 2 ** 30, maxAge: 7 * 24 * 3_600_000, unneededBytes: 64 * 2 ** 20 }

/** What one reading of the WAL gave. */
export interface LogBatch {
  /** At most one run per format; all cover the same commits. Empty when nobody's log is kept. */
  readonly runs: readonly EntryRun[]
  /** The place after the last commit of the batch. */
  readonly place: Place
  /** The new `pageSum` of each page that the batch changed; pages beyond `place.pageCount` are gone. */
  readonly changedSums: ReadonlyMap<number, bigint>
}

/** What a format's log answers to "what comes after this sequence?" */
export type LogRead =
  | { readonly kind: 'run'; readonly run: EntryRun }
  /** There is nothing after it yet. */
  | { readonly kind: 'end' }
  /** It is no longer kept; `oldest` is the sequence before the oldest entry that still is. */
  | { readonly kind: 'gone'; readonly oldest: number }

/** How long entries are kept. What exceeds any limit goes, oldest first; needed or not. */
export interface Retention {
  /** Over all formats, in bytes. */
  readonly maxBytes: number
  /** Milliseconds. */
  readonly maxAge: number
  /** Entries that no follower needs any more go when there are more than this many bytes of them. */
  readonly unneededBytes: number
}

/** How much a log holds. */
export interface LogSize {
  /** Of the entries of all formats. */
  readonly bytes: number
  /** What the log takes on disk, its own WAL included. */
  readonly fileBytes: number
  /** Per format: sequences of the oldest and the newest entry. */
  readonly formats: readonly {
    readonly format: string
    readonly oldest: number
    readonly newest: number
    readonly bytes: number
  }[]
}

/**
 * A leader's memory of its history: entries, where in the WAL they came from, and the page sums at that place. A SQLite
 * file of its own beside the database, `<database>-stemma`.
 *
 * After an error it is as it was before the call, and the call may be made again.
 *
 * @throws StemmaError LOG_FULL, LOG_FAILED, DAMAGED_LOG from every method but `close`
 */
export interface LogStore {
  /** The history that this database's log belongs to: 32 hexadecimal digits, made with the log. */
  readonly cluster: string
  /** This node: 32 hexadecimal digits, made with the log. */
  readonly node: string
  /** The epoch of new commits. */
  readonly epoch: number
  /** Where the leader listens, as it announced it last; empty when it doesn't, or ended in good order. */
  readonly url: string
  /** Says to readers of this log where the leader listens; empty: nowhere. */
  announce(url: string): void
  /**
   * Adds a batch, in one transaction: it survives the end of the process. Not durable before `sync`.
   *
   * A run that doesn't follow on from the newest entry of its format (nobody asked for it meanwhile) makes the older ones useless: they go.
   * The bytes are copied. After LOG_FULL nothing of the batch is written: drop old entries (`retain` with less), or all of
   * them (`startOver`), and write it again.
   */
  write(batch: LogBatch): void
  /** Makes everything written so far durable. Called before a checkpoint of the database may pass it. */
  sync(): void
  /** The same with the waiting done off this thread; covers what was written before the call. */
  syncInBackground(): Promise<void>
  /**
   * Says by which version of SQLite the entries of a format are made from now on, for one whose followers must run the same. Entries that another
   * version made, or one that is not known, go.
   */
  makeBy(format: string, sqlite: string): void
  readPlace(): Place | undefined
  /** The page sums at `readPlace()`; a copy. */
  readSums(): PageSums
  /** Entries after a sequence, as many whole ones as fit `maxBytes` but at least one. Read, never written to. */
  read(request: { readonly format: string; readonly after: number; readonly maxBytes: number }): LogRead
  entryAt(format: string, sequence: number): DecodedEntry | undefined
  /** Takes back every entry after a position and sets the place and sums: a power cut took their commits. */
  rewind(place: Place, sums: PageSums): void
  /** Sets place and sums without an entry: the first start, or a new format whose log begins here. */
  begin(place: Place, sums: PageSums): void
  /**
   * Drops entries by the limits, as many as take a few milliseconds; costs next to nothing when none has to go.
   *
   * @param neededAfter - the lowest sequence that a known follower stands at, if any
   * @returns true when there are more to drop: call it again
   */
  retain(limits: Retention, neededAfter: number | undefined, now: number): boolean
  /** Drops everything and begins here with the same ids, in a new file: works on a disk so full that nothing can be dropped otherwise. */
  startOver(place: Place, sums: PageSums): void
  size(): LogSize
  close(): void
}
