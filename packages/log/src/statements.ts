import type { CommitRows } from './rows.ts'

/** A value that is bound to a parameter or given by a function: NULL, INTEGER (64 bits), REAL, TEXT, BLOB. */
export type StatementValue = null | bigint | number | string | Uint8Array

/**
 * How far a statement can be trusted when it is run again on a copy that holds equal rows, from the best to the worst:
 * - `safe`: it does the same there;
 * - `context`: it does the same if the copy runs it with the leader's settings, which travel with it;
 * - `record`: it does the same if the values that its functions gave on the leader are replayed;
 * - `rows`: what it does hangs on something that doesn't travel, so the rows that it changed have to;
 * - `reject`: what it does can't be told from the database alone, or is a trap; better not to run it.
 */
export type Safety = 'safe' | 'context' | 'record' | 'rows' | 'reject'

/** What one commit did, as the statements that did it. */
export interface CommitStatements {
  /** SQLite's schema cookie right before the first of them. */
  readonly schemaVersion: number
  /** The time zone of the program that ran them, as IANA names it, such as `Europe/Berlin`. */
  readonly timeZone: string
  /**
   * In the order in which they ran, without those that changed nothing that is replicated, and without what ROLLBACK TO or a failure
   * took back. Not empty. What came after one that is not repeatable is left out.
   */
  readonly statements: readonly LoggedStatement[]
}

/** One statement that ran on the leader. */
export interface LoggedStatement {
  /** Its text as it was given, never cut, parameters not put in. */
  readonly sql: string
  /** What was bound to `?`, in order. */
  readonly placed: readonly StatementValue[]
  /** What was bound by name, without the sigil. */
  readonly named: Readonly<Record<string, StatementValue>> | undefined
  readonly settings: StatementSettings
  readonly outcome: StatementOutcome
  readonly verdict: StatementVerdict
  /** What its functions gave, when that was recorded and is enough to run it again. */
  readonly recorded: RecordedValues | undefined
}

/** Settings of a connection that change what statements mean: the PRAGMAs of these names. */
export interface StatementSettings {
  readonly foreignKeys: boolean
  readonly deferForeignKeys: boolean
  readonly recursiveTriggers: boolean
  readonly caseSensitiveLike: boolean
  readonly ignoreCheckConstraints: boolean
  readonly reverseUnorderedSelects: boolean
}

/** What came of a statement: a copy must come to the same. */
export interface StatementOutcome {
  /** SQLite's extended result code by name, of a statement that failed and left some of its effects (OR FAIL); undefined when it did not fail. */
  readonly error: string | undefined
  /** Rows that it inserted, updated or deleted itself, as `changes()` counts them; of another kind of statement it says nothing. */
  readonly changes: number
  /** `last_insert_rowid()` after it; undefined when the statement left that as it was. */
  readonly lastInsertRowid: bigint | undefined
}

/** What the leader thinks of running a statement again. */
export interface StatementVerdict {
  readonly safety: Safety
  /** True when running it again, with what travels with it, gives the same: as the policy of the leader sees it. */
  readonly isRepeatable: boolean
  /** Why it is not simply safe. */
  readonly findings: readonly StatementFinding[]
}

/** One reason why a statement may do something else on a copy, and the place in its SQL, in UTF-16 code units; `end` is past the last one. */
export interface StatementFinding {
  /** A code that the statement format explains, such as `LIMIT_WITHOUT_ORDER`. */
  readonly code: string
  readonly start: number
  readonly end: number
  /** Through what the statement comes to it, such as `trigger audit`. */
  readonly through?: string
}

/** What functions gave while a statement ran. */
export interface RecordedValues {
  /** By calls of random(), randomblob() and functions of the program that are declared recordable: in the order of the calls. */
  readonly drawn: readonly RecordedCall[]
  /** By date and time functions that read the clock or the time zone: the same arguments give the same within a statement, in any order. */
  readonly told: readonly RecordedCall[]
  /** What the connection said of itself before the statement; undefined when the statement does not ask. */
  readonly connection: ConnectionState | undefined
}

/** One call of a function: with what, and what it gave. */
export interface RecordedCall {
  /** In lower case. */
  readonly function: string
  readonly arguments: readonly StatementValue[]
  readonly value: StatementValue
}

/** What `last_insert_rowid()`, `changes()` and `total_changes()` give. */
export interface ConnectionState {
  readonly lastInsertRowid: bigint
  readonly changes: number
  readonly totalChanges: number
}

/** Why a commit travels as rows though its statements are known: the first of them that can't be run again. */
export interface RowsReason {
  readonly sql: string
  readonly findings: readonly StatementFinding[]
}

/** What an entry of statements holds: the statements, or the rows where statements would not do. */
export type StatementsOrRows =
  | { readonly kind: 'statements'; readonly statements: CommitStatements }
  | { readonly kind: 'rows'; readonly rows: CommitRows; readonly because: RowsReason | undefined }
