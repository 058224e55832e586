import type { Safety, StatementFinding } from '@stemma/log'
import type { PureCalls } from './function-recorder.ts'

/** What a judge says of a statement. */
export interface Judgement {
  readonly safety: Safety
  readonly findings: readonly JudgedFinding[]
  /** False when the statement changes nothing that is replicated. */
  readonly writes: boolean
  /** Functions that the statement calls only where they may ask neither clock nor time zone. */
  readonly pureCalls?: PureCalls
}

/** A reason for which a statement may do something else on a copy, with how much that matters. */
export interface JudgedFinding extends StatementFinding {
  readonly safety: Safety
}

/** Tells statements that can be run again on a copy from those that can't. */
export interface StatementJudge {
  /**
   * Judges a statement. Nothing is changed.
   *
   * @param edition - another number whenever schema or functions may be others
   */
  judge(sql: string, edition: number): Judgement
  /** Takes note of the rowid that the last INSERT gave. */
  noteRowid(rowid: bigint | number): void
  /** What a finding's code means, and what to write instead, as sentences. */
  explain(code: string): { readonly why: string; readonly instead: string }
  /** Splits a script at its semicolons. Places are in UTF-16 code units. */
  split(script: string): readonly { readonly sql: string; readonly start: number }[]
}

/** A connection that a judge may ask. Statements that read the main database name it: `main.t`. */
export interface JudgeConnection {
  prepare(sql: string): JudgeStatement
}

/** A prepared statement, as better-sqlite3 has it. Only statements that read are run. */
export interface JudgeStatement {
  all(...parameters: unknown[]): unknown[]
  get(...parameters: unknown[]): unknown
  /** Rows as arrays. */
  raw(): JudgeStatement
}

/** What a judge must know of the connection's functions. Both sets may change. */
export interface JudgeFunctions {
  /** Of SQLite's names, but registered by us: they mean what SQLite's own mean. */
  readonly own: ReadonlySet<string>
  /** Functions of the program whose results may be replayed. */
  readonly recordable: ReadonlySet<string>
}

/** Opens a judge for a program's connection. */
export type OpenJudge = (connection: JudgeConnection, functions: JudgeFunctions) => StatementJudge
