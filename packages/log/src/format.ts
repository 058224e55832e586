import type { PageNumber } from '@stemma/base'
import type { Commit } from './commit.ts'
import type { CommitRows, TableLayout } from './rows.ts'
import type { StatementsOrRows } from './statements.ts'

/** What a format looks at when it encodes a commit. */
export type View = LogFormat['view']

/**
 * A log format: turns a commit into bytes on the leader, and understands those bytes on a follower.
 *
 * It holds no state between calls: a leader starts anew at any commit, a follower at any entry.
 */
export type LogFormat = CopyFormat | FeedFormat

/** A format whose payloads bring a copy on. */
export type CopyFormat = PageFormat | RowFormat | StatementFormat

/** What every format has, whatever its view. */
interface Format {
  /** A short name, as people type it and as entries carry it: lower-case letters, digits and dashes, 1 to 32 characters. */
  readonly name: string
  /** The version of the payloads that `encode` makes, from 1. */
  readonly version: number
  /** The payload versions that it understands. */
  readonly reads: readonly number[]
  /** True when followers must run the very version of SQLite that the leader runs. False when it is left out. */
  readonly needsSameSqlite?: boolean
  /**
   * Encodes one commit. The bytes are good until the next call of `encode`.
   *
   * @throws StemmaError ROWS_UNKNOWN when the commit can't be told as rows; followers then need a snapshot
   */
  encode(commit: Commit): Uint8Array
  /**
   * Explains a payload to people.
   *
   * @throws StemmaError DAMAGED_ENTRY when the payload makes no sense
   */
  describe(payload: Uint8Array, version: number): EntryDescription
}

/** A format whose followers are the leader's copies byte for byte. */
export interface PageFormat extends Format {
  readonly view: 'pages'
  readonly isFeedOnly?: false
  /**
   * Applies a payload to a copy that stands right before its commit.
   *
   * @throws StemmaError DAMAGED_ENTRY when the payload makes no sense; the target is then thrown away, so nothing need be undone
   */
  apply(payload: Uint8Array, version: number, target: PageTarget): void
}

/** A format whose followers hold the same rows as the leader, in pages of their own. */
export interface RowFormat extends Format {
  readonly view: 'rows'
  readonly isFeedOnly?: false
  /**
   * Gives back what the commit did. Views into `payload`.
   *
   * @throws StemmaError DAMAGED_ENTRY when the payload makes no sense; what is read lazily may throw it later
   */
  decode(payload: Uint8Array, version: number): CommitRows
  /** @param layoutOf - the layout of a table as earlier entries told it, for payloads that leave it out */
  describe(payload: Uint8Array, version: number, layoutOf?: (table: string) => TableLayout | undefined): EntryDescription
}

/** A format whose followers run the leader's statements again, and take rows where that would not do. */
export interface StatementFormat extends Format {
  readonly view: 'statements'
  readonly isFeedOnly?: false
  /**
   * Gives back what the commit did. Views into `payload`.
   *
   * @throws StemmaError DAMAGED_ENTRY when the payload makes no sense; what is read lazily may throw it later
   */
  decode(payload: Uint8Array, version: number): StatementsOrRows
  /** Whether a payload that `encode` made holds rows in place of statements: a look at it, for those who count. */
  holdsRows?(payload: Uint8Array): boolean
  /** @param layoutOf - as for a RowFormat */
  describe(payload: Uint8Array, version: number, layoutOf?: (table: string) => TableLayout | undefined): EntryDescription
}

/**
 * A format that is read and never applied, such as events for programs that are not databases. Nobody can follow by it; readers of the log and of
 * the change feed get its payloads as they are, one behind another, so a payload has to say itself where it ends.
 */
export interface FeedFormat extends Format {
  readonly view: 'rows'
  readonly isFeedOnly: true
}

/** A copy's pages, being changed by one or more commits. What is done to it becomes visible all at once, or never. */
export interface PageTarget {
  /** Bytes: a power of two from 512 to 65536. */
  readonly pageSize: number
  /**
   * A page as the commits so far left it, to be changed in place; zeros when the copy did not have it.
   * Good until the next call of `apply` returns.
   *
   * @throws StemmaError DAMAGED_ENTRY when the number is no page that a database of this page size can have
   */
  page(pageNumber: PageNumber): Uint8Array
  /** Says what the low 32 bits of `pageSum` of a page must be when this commit is applied. */
  expect(pageNumber: PageNumber, sum: number): void
  /** Says how many pages the database has after this commit. Pages beyond it are gone. */
  setPageCount(pageCount: number): void
}

/** What an entry does, for people. */
export interface EntryDescription {
  /** One line: `3 pages, 412 bytes`. */
  readonly summary: string
  /** More lines, one a fact. */
  readonly details: readonly string[]
}
