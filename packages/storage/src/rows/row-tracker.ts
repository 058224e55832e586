import type { Position } from '@stemma/base'
import type { CommitRows } from '@stemma/log'
import { RowDiffer, type DatabaseChange, type Pages } from '@stemma/sqlite-file'
import type { SqliteDriver } from '../sqlite/driver.ts'
import { RowsView, TableCatalogs } from './rows-view.ts'
import { unknownRows } from './unknown-rows.ts'

/** A commit as its rows are looked for in it. */
export interface TrackedCommit {
  readonly position: Position
  readonly digestBefore: bigint
  readonly digest: bigint
  /**
   * The pages before and after.
   *
   * @param reservedBytes - of each page before the commit, when that is known
   * @throws StemmaError ROWS_UNKNOWN when they can't be known
   */
  pages(reservedBytes: number | undefined): DatabaseChange
}

/**
 * Tells commits as rows, one after another. For that it knows of every page which tree it is in, and goes along with each commit.
 *
 * Whatever goes wrong is told of the commit it went wrong with, and never stops anybody: it then begins anew with the database as it was
 * before that commit, and if that does not help, after it.
 */
export class RowTracker {
  readonly #catalogs: TableCatalogs
  #state: { readonly differ: RowDiffer; readonly view: RowsView; digest: bigint } | undefined
  /** How often it has begun. */
  begun = 0
  /** How often in a row it failed, and why. A try may read a good part of the database, so it tries more and more rarely. */
  #failures = 0
  #failure: unknown
  #commitsToSkip = 0

  constructor(driver: SqliteDriver) {
    this.#catalogs = new TableCatalogs(driver)
  }

  /** Memory for what grows with the database, in bytes. */
  get mapBytes(): number {
    return this.#state?.differ.bytesOfMaps ?? 0
  }

  /** Takes a database as it is. If it can't, the next commit tries, and says what is wrong. */
  tryToBegin(pages: () => Pages, digest: bigint): void {
    if (this.#commitsToSkip > 0) return
    try {
      this.#begin(pages(), digest)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Takes a commit. What is returned gives its rows, or throws StemmaError ROWS_UNKNOWN. */
  step(commit: TrackedCommit): () => CommitRows {
    if (this.#commitsToSkip > 0) {
      this.#commitsToSkip--
      return this.skip(commit, this.#failure)
    }
    try {
      const rows = this.#tell(commit)
      this.#failures = 0
      return () => rows
    } catch (error) {
      this.#fail(error)
      return this.skip(commit, error)
    }
  }

  /** Takes a commit whose rows are not to be told, for a reason. What is returned throws StemmaError ROWS_UNKNOWN. */
  skip(commit: TrackedCommit, reason: unknown): () => never {
    this.#state = undefined
    this.tryToBegin(() => commit.pages(undefined).after, commit.digest)
    const error = unknownRows(commit.position, reason)
    return () => {
      throw error
    }
  }

  close(): void {
    this.#state = undefined
    this.#catalogs.close()
  }

  #tell(commit: TrackedCommit): CommitRows {
    if (this.#state?.digest === commit.digestBefore) {
      try {
        return this.#follow(commit)
      } catch {
        // Perhaps a file could not be read for a moment: tried once more, from the ground up.
      }
    }
    this.#begin(commit.pages(undefined).before, commit.digestBefore)
    return this.#follow(commit)
  }

  #follow(commit: TrackedCommit): CommitRows {
    const state = this.#state!
    const change = commit.pages(state.view.reservedBytes)
    const difference = state.differ.step(change)
    const rows = state.view.tell(difference, commit.position, change.written[0] === 1 ? change.after : undefined)
    state.digest = commit.digest
    return rows
  }

  #begin(pages: Pages, digest: bigint): void {
    this.#state = undefined
    const view = new RowsView(this.#catalogs, pages)
    this.#state = { differ: new RowDiffer({ pages, shapeOf: (row) => view.shapeOf(row) }), view, digest }
    this.begun++
  }

  #fail(error: unknown): void {
    this.#failure = error
    this.#commitsToSkip = Math.min(SKIPPED_MAX, 2 ** this.#failures++ - 1)
  }
}

const SKIPPED_MAX = 1024
