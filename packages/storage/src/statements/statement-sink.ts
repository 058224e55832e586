import type { LoggedStatement } from '@stemma/log'

/**
 * Where the recorder puts what it has seen. All calls come from the thread that runs the statements.
 *
 * A transaction is `begin`, any number of `add` and `truncate`, for an explicit one `committing`, and one of `committed` and `dropped`. Under autocommit
 * each statement that may write is a transaction of its own: `begin` before it runs, `add` and `committed` after it, when it is in.
 */
export interface StatementSink {
  /** False while nobody wants statements: nothing need be recorded, and no transaction is to be begun. Cheap to ask. */
  readonly isWanted: boolean
  /**
   * Takes the news that the schema is, or may be, another one than is believed: somebody else changed it. The cookie that the engine saw
   * last, which may be old by now, so it is to be read again; undefined when there is no news. It is best asked before each `begin`; cheap when
   * there is none.
   */
  takeSchemaNews(): number | undefined
  /**
   * The first statement of a transaction that may write is about to run.
   *
   * @param schemaVersion - the schema cookie by which its statements are judged: when the database has another, rows are sent
   * @param isAutocommit - the commit comes with the statement, without `committing`
   */
  begin(schemaVersion: number, isAutocommit: boolean): void
  /** How much has been added to the transaction, for `truncate`. */
  mark(): number
  /** Takes back what was added after that mark: ROLLBACK TO. */
  truncate(mark: number): void
  /**
   * A statement has run and its effects stand. It is read before the call returns and not kept, so the caller may use one object, its arrays and its blobs
   * again for the next. `verdict` is: pass the same object for the same text as long as it holds, and it is sent once. `settings` are cheapest if it is the
   * same object as before, too.
   */
  add(statement: LoggedStatement): void
  /**
   * COMMIT comes next, and if anything was written, the connection holds the write lock. Called again if it failed and comes once more. Not called
   * under autocommit.
   */
  committing(): void
  /**
   * The transaction is in. COMMIT may have been tried before and have failed, so `committing` may have come more than once.
   *
   * That statements told of changes does not mean that the WAL got a commit: an UPDATE, or the DO UPDATE of an upsert, that leaves rows as they were writes no
   * page. If others commit at that moment, theirs must not be taken for it.
   *
   * @param isOurs - true when a single commit that has come in since the transaction began is surely its own: it surely wrote to the main database, or no other
   *   connection has committed since that was last found out in this way. It is asked once at most, after the WAL was looked at for the place behind the
   *   commit, and only if it matters, since it may ask the database. When it says no, another connection may have committed after that look too
   */
  committed(isOurs: () => boolean): void
  /** It was rolled back, it failed, or its text can't be told: rows are sent for whatever it did. */
  dropped(): void
  /**
   * Something of this connection may have been committed of which nothing was told: the WAL may be further than it was when it was last looked at, without
   * anybody else having written. Cheap.
   */
  committedUntold(): void
}
