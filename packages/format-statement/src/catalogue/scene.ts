import type { Safety } from '@stemma/log'
import type { StatementCode } from '../classify/codes.ts'

/**
 * By what the one who runs a statement again differs from the one who ran it first, though both hold equal rows:
 * - `clock`, `dice`, `time-zone`: its clock, its random numbers, its TZ;
 * - `connection`: its connection is another one: as old as it is, without TEMP tables and what was attached, with settings of its own;
 * - `function`: it has another function of this name, or none;
 * - `layout`: how its rows came to lie: its indexes, the order in which rows were inserted;
 * - `making`: how its database was made: encoding, rowids, sqlite_sequence, order of the schema. Copies that Stemma makes are alike in this;
 * - `version`, `machine`: its SQLite, its mathematics library.
 */
export type Difference = 'clock' | 'dice' | 'time-zone' | 'connection' | 'function' | 'layout' | 'making' | 'version' | 'machine'

/** One way in which a statement does something else when it is run again, as a play for two databases. */
export interface Scene {
  /** From 1 to 57; two scenes of one number are two faces of it. */
  readonly number: number
  readonly what: string
  /** A script that the first database runs before the second is made of it, so that both hold what it leaves. */
  readonly setup: string
  /** A script that the first connection runs before the statements, which the second never sees: settings, TEMP tables, ATTACH. */
  readonly session?: string
  /** The statements, each a transaction of its own. */
  readonly statements: readonly string[]
  readonly differs: Difference
  /** A script that makes the second database what it is. Its rows stay equal. */
  readonly copy?: string
  /** The text encoding of the second database, where it is another one. */
  readonly copyEncoding?: 'UTF-16le'
  /** A function of the program's own, and what it gives on either side. */
  readonly userFunction?: UserFunction
  /** What becomes of the second one if it just runs the statements: it holds other rows, or it can't run one. */
  readonly naive: 'differs' | 'fails'
  readonly safety: Safety
  /** A reason of that safety. */
  readonly code: StatementCode
  /** What becomes of it otherwise than its safety says. */
  readonly unlike?: Partial<Outcomes>
  /** What becomes of a copy whose making differs, which Stemma's own does not, under policies other than `raw`. */
  readonly tampered?: Outcome
}

/** A function of the program's own, by its name, and what it gives on the leader and on the copy. */
export interface UserFunction {
  readonly name: string
  readonly leader: string
  readonly copy: string
}

/** What a leader does with statements that are not safe to run again. */
export type Policy = 'raw' | 'mixed' | 'record' | 'reject'

/**
 * What becomes of a copy:
 * - `statements`: it runs them again, and is equal;
 * - `rows`: it gets the rows, and is equal;
 * - `differs`: it runs them again, and nobody notices that it is another one now;
 * - `stops`: it sees another row or another outcome than the leader's, and stops right there;
 * - `refused`: the leader's program gets an error, and nothing is done;
 * - `not-logged`: they change nothing that is replicated, so nothing travels, and it is equal;
 * - `no-follower`: a follower with this difference is turned away when it connects;
 * - `not-shown`: it would take another machine to see it.
 */
export type Outcome = 'statements' | 'rows' | 'differs' | 'stops' | 'refused' | 'not-logged' | 'no-follower' | 'not-shown'

/** What becomes of a copy under each policy. */
export type Outcomes = Readonly<Record<Policy, Outcome>>
