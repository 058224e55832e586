import type { StatementPolicy } from '@stemma/format-statement'
import {
  openFunctionRecorder,
  openGatedDatabase,
  openRecordedDatabase,
  openStatementJournal,
  type CommitGate,
  type GatedDatabase,
  type JournalMemory,
} from '@stemma/storage'

/** How statements are replicated, when followers may ask for the format `statement`. */
export interface StatementOptions {
  /**
   * What is done with a statement that may do something else on a follower:
   * - `mixed`, the default: its transaction travels as rows;
   * - `record`: what its functions gave is recorded and replayed where that is enough, else its transaction travels as rows;
   * - `reject`: it fails on the leader with STATEMENT_REFUSED and says why, before it has done anything;
   * - `raw`: it travels as it is, and followers may differ from then on.
   */
  readonly policy?: StatementPolicy
  /** Functions of the program that give something else each time, and whose results may be recorded and replayed under `record`. */
  readonly recordable?: readonly string[]
}

/** What the database of a leader's program is opened with. */
export interface WrittenOptions {
  readonly path: string
  readonly gate: CommitGate
  /** Where statements are left for the engine; undefined when no format asks for them. */
  readonly journal: JournalMemory | undefined
  readonly statements: StatementOptions
}

/** Opens the database that a leader's program writes to. */
export async function openWritten({ path, gate, journal, statements }: WrittenOptions): Promise<GatedDatabase> {
  const database = { fileMustExist: true }
  if (journal === undefined) return openGatedDatabase(path, gate, database)
  const { policy = 'mixed', recordable = [] } = statements
  const { openClassifierJudge } = await import('./classifier-judge.ts')
  return openRecordedDatabase(path, {
    gate,
    database,
    sink: openStatementJournal(path, journal),
    policy,
    recordable,
    openJudge: openClassifierJudge,
    openFunctions: openFunctionRecorder,
  })
}
