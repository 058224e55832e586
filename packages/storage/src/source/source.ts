import type { Milliseconds, Position } from '@stemma/base'
import type { Commit, View } from '@stemma/log'
import type { Checkpointer } from '../checkpoint/checkpointer.ts'
import type { Disk } from '../disk/disk.ts'
import type { LogStore } from '../log-store/log-store.ts'
import type { PageSums } from '../page-sums.ts'
import type { SqliteDriver } from '../sqlite/driver.ts'
import type { StatementsOptions } from '../statements/statement-matcher.ts'
import type { Place } from '../wal-place.ts'
import type { BeforeChange } from './commit.ts'
import type { CommitGate } from './commit-gate.ts'

/** Which database is followed, into which log, and what is told of its commits. */
export interface SourceOptions {
  /** The path of a database in WAL mode. */
  readonly database: string
  readonly driver?: SqliteDriver
  readonly disk?: Disk
  readonly log: LogStore
  /** Where writers of this process pass, on another thread than this one. */
  readonly gate?: CommitGate
  /** Milliseconds since 1970. */
  readonly now?: () => Milliseconds
  /** The WAL is begun anew when it is larger than this, in bytes. */
  readonly softWalBytes?: number
  /** With `insist`, writers may be locked out for a moment when the WAL is larger than this, in bytes. */
  readonly hardWalBytes?: number
  /**
   * Takes the write lock when the WAL can't be begun anew otherwise: a writer in another process that never waits for a lock then
   * sees SQLITE_BUSY that it would not see without us.
   */
  readonly insist?: boolean
  /**
   * What commits are to be looked at as; `pages` in any case. With `rows` or `statements`, interior pages of the whole database are read when it
   * opens, and 4 to 8 bytes of memory are taken for each page of the database.
   */
  readonly views?: readonly View[]
  /** Where the statements come from; without it no commit has any. */
  readonly statements?: StatementsOptions
  /** A commit with more bytes of pages than this is `oversized`. */
  readonly commitBytesMax?: number
  /** Memory for the frames that were read last, in bytes. */
  readonly ringBytes?: number
  /**
   * What may be copied out of the WAL before it is read, in bytes of a file without a name beside the database. A WAL of which more
   * waits to be read grows.
   */
  readonly backlogBytesMax?: number
  /** Where no gate can make writers wait: frames that are read at once when the pin is to move; more are copied first. */
  readonly readAtOnceFrames?: number
  /** Runs checkpoints; a thread of its own by default. Closed with the source. */
  readonly checkpointer?: Checkpointer
  /**
   * A commit, each once and in order. When it throws, following stops with `failed`: it is for the caller to deal with what may
   * go wrong.
   */
  onCommit(commit: Commit): void
  /**
   * The commits since the last batch are to be kept, by `LogStore.write`, with this place and these sums. When it throws,
   * nothing more is read until it has been called again with the same batch and did not throw.
   */
  onBatch(batch: SourceBatch): void
  onEvent?(event: SourceEvent): void
  /** Told while the whole database is read: at the first start, and to mend a gap. */
  onScan?(done: number, pageCount: number): void
}

/** What one reading of the WAL changed. It may have no commit, when only the place in the WAL is another. */
export interface SourceBatch {
  readonly place: Place
  /** The new sum of each page that changed; pages beyond `place.pageCount` are gone. The receiver's own. */
  readonly changedSums: ReadonlyMap<number, bigint>
}

/** Things that a source tells about, as they happen. */
export type SourceEvent =
  /** The WAL has begun anew. */
  | { readonly kind: 'restarted'; readonly frames: number }
  /** Changes that nobody saw were found by comparing the whole database, and became one commit. */
  | { readonly kind: 'gap-mended'; readonly pages: number; readonly position: Position }
  /** A power cut took commits which the log knew of: they were taken back. */
  | { readonly kind: 'rewound'; readonly from: Position; readonly to: Position }
  /** Something failed; the source goes on trying. Told once until `trouble-over`. */
  | { readonly kind: 'trouble'; readonly error: unknown }
  | { readonly kind: 'trouble-over' }
  /** Following has stopped for good. */
  | { readonly kind: 'failed'; readonly error: unknown }

/** What a source has done since it was opened. */
export interface SourceStats {
  /** The `-wal` file, in bytes. */
  readonly walBytes: number
  /** Frames of this generation of the WAL that have been read, and that are in the database. */
  readonly frames: number
  readonly backfilled: number
  readonly commits: number
  readonly restarts: number
  readonly checkpoints: number
  /** Times that the pin was let go of for a moment. */
  readonly windows: number
  /** Times that the whole database had to be compared. */
  readonly mends: number
  /** Pages whose former content was not known any more when they changed. */
  readonly pagesWithoutBefore: number
  /** Times that the interior pages of the whole database were read, to tell commits as rows from there on; 0 when that was not asked for. */
  readonly rowsBegun: number
  /** Memory for the map of pages that it takes, in bytes. */
  readonly rowsMapBytes: number
}

/** The leader's side of storage: follows a live database. */
export interface Source {
  /** How far it has come; what `onBatch` was last told of. */
  readonly place: Place
  /** The page sums at `place`, live: to be read, not kept. */
  readonly sums: PageSums
  /** Begins to follow. */
  start(): void
  /** Looks at the WAL now. */
  wake(): void
  /** Reads everything that was committed before the call; when it resolves, all of it was given on. */
  catchUp(): Promise<void>
  /** Everything that was given on before the call is on its medium when it resolves. */
  syncWal(): Promise<void>
  /**
   * Reads pages as they stand after the last commit that was given on. The page that holds the byte at 1 GiB reads as zeros.
   *
   * Gives on no commit meanwhile.
   *
   * @throws StemmaError DATABASE_BUSY when they can't be known at this moment: try again a few milliseconds later
   * @throws what the disk throws
   */
  readPages(first: number, count: number, into: Uint8Array): void
  /** Registers for pages before they change. Call what it returns to hear no more. */
  beforeChange(listener: BeforeChange): () => void
  /** True while it does not know all: in a window, with a backlog, or while it compares the database with its log. */
  readonly isUnsettled: boolean
  stats(): SourceStats
  /** Reads what is there, and stops. */
  close(): Promise<void>
}
