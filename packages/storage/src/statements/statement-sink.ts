import type { LoggedStatement } from '@stemma/log'

/**
 * Where the recorder puts what it has seen. All calls come from the thread that runs the statements.
 *
 * A transaction is `begin`, any number of `add` and `truncate`, for an explicit one `committing`, and one of `committed` and `dropped`. Under autocommit
 * each statement that may write is a transaction of its own: `begin` before it runs, `add` and `committed` after it, when it is in.
 */
export interface StatementSink {
  /** False while nobody wants statements: nothing need be recorded, and no other member is to be called. Cheap to ask. */
  readonly isWanted: boolean
  /**
   * Takes the news that the schema is, or may be, another one than is believed: somebody else changed it. The cookie that the engine saw
   * last; undefined when there is no news. It is best asked before each `begin`; cheap when there is none.
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
  /** COMMIT comes next, and if anything was written, the connection holds the write lock. Not called under autocommit. */
  committing(): void
  /**
   * The transaction is in.
   *
   * @param isCertain - it surely wrote to the main database: a statement of it that was not taken back told of changes to it, or its schema cookie moved
   */
  committed(isCertain: boolean): void
  /** It was rolled back, it failed, or its text can't be told: rows are sent for whatever it did. */
  dropped(): void
}
