import type { Milliseconds, PageNumber, Position } from '@stemma/base'
import type { CommitRows } from './rows.ts'
import type { CommitStatements } from './statements.ts'

/** One page that a transaction wrote. */
export interface PageChange {
  readonly pageNumber: PageNumber
  /** The page before the transaction; undefined when the database did not have it yet. Read, never kept or written. */
  readonly before: Uint8Array | undefined
  /** The page after the transaction. Read, never kept or written. */
  readonly after: Uint8Array
  /** `pageSum` of `after`. */
  readonly sum: bigint
}

/**
 * One committed transaction, as the WAL tells it.
 *
 * It lives only during the call that it is passed to: its bytes are borrowed from buffers that are used again.
 */
export interface Commit {
  readonly position: Position
  /** When the commit was seen, by the leader's clock: milliseconds since 1970. */
  readonly committedAt: Milliseconds
  /**
   * True for a commit that stands for changes which happened while nobody watched the WAL. It brings a follower to the
   * leader's state, but may stand for many transactions at once, and pages in it may be unchanged.
   */
  readonly recovered: boolean
  /** True for a commit too large to hold in memory: `pages()` gives none, and the log gets a barrier for it. */
  readonly oversized: boolean
  /** Bytes: a power of two from 512 to 65536. */
  readonly pageSize: number
  /** Pages in the database after the commit. */
  readonly pageCount: number
  /** Pages in the database before the commit. */
  readonly pageCountBefore: number
  /** XOR of `pageSum` over all pages after the commit. */
  readonly digest: bigint
  /** The same before the commit. */
  readonly digestBefore: bigint
  /** The pages written, each once and as the commit left it, in the order of their numbers. None beyond `pageCount`. */
  pages(): readonly PageChange[]
  /**
   * The same as rows and changes of the schema.
   *
   * @throws StemmaError ROWS_UNKNOWN when they can't be told: the commit is `recovered` or `oversized`, its source was not asked to
   *   look at rows, or what its pages say does not add up
   */
  rows(): CommitRows
  /**
   * The same as the statements that did it. A commit that is `oversized` may have them.
   *
   * @throws StemmaError STATEMENTS_UNKNOWN when their text is not at hand: another program wrote, or it was lost
   */
  statements(): CommitStatements
}
