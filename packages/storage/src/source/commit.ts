import type { Commit, PageChange } from '@stemma/log'

/** A commit with what it changed, also when it is oversized: page numbers and sums are then cheap to look at, pages are not. */
export interface BuiltCommit extends Commit {
  readonly changed: readonly PageChange[]
}

/**
 * Hears of each page before it changes or is cut off: `before` is the page as it was, undefined when nobody knows any more. The
 * bytes are borrowed for the call. When it throws, the source tries the same commit again, so it may hear of a page twice.
 */
export type BeforeChange = (pageNumber: number, before: Uint8Array | undefined) => void
