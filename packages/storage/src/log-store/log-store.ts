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

export interface LogSize {
  readonly bytes: number
  /** Per format: sequences of the oldest and the newest entry. */
  readonly formats: readonly { readonly format: string; readonly oldest: number; readonly newest: number; readonly bytes: number }[]
}

/**
 * A leader's memory of its history: entries, where in the WAL they came from, and the page sums at that place. A SQLite
 * file of its own beside the database, `<database>-stemma`.
 */
export interface LogStore {
  /** The history that this database's log belongs to: 32 hexadecimal digits, made with the log. */
  readonly cluster: string
  /** This node: 32 hexadecimal digits, made with the log. */
  readonly node: string
  /** Adds a batch, in one transaction. Not durable before `sync`. */
  write(batch: LogBatch): void
  /** Makes everything written so far durable. Called before a checkpoint may pass it. */
  sync(): void
  readPlace(): Place | undefined
  /** The page sums at `readPlace()`. */
  readSums(): PageSums
  /** Entries after a sequence, as many whole ones as fit `maxBytes` but at least one. */
  read(request: { readonly format: string; readonly after: number; readonly maxBytes: number }): LogRead
  entryAt(format: string, sequence: number): DecodedEntry | undefined
  /** Takes back every entry after a position and sets the place and sums: a power cut took their commits. */
  rewind(place: Place, sums: PageSums): void
  /** Sets place and sums without an entry: the first start, or a new format whose log begins here. */
  begin(place: Place, sums: PageSums): void
  /** Drops entries by the limits. `neededAfter` is the lowest sequence that a known follower stands at, if any. */
  retain(limits: Retention, neededAfter: number | undefined, now: number): void
  size(): LogSize
  /** The epoch of new commits. */
  readonly epoch: number
  close(): void
}

