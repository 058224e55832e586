import type Database from 'better-sqlite3'
import type { CommitGate } from '../source/commit-gate.ts'
import { GatedDatabase } from '../source/gated-database.ts'
import { type RecorderOptions, StatementRecorder } from './statement-recorder.ts'

/** How a database is opened whose statements are seen. */
export interface RecordedDatabaseOptions extends RecorderOptions {
  readonly gate: CommitGate
  readonly database?: Database.Options
}

/**
 * Opens a database whose statements are seen: those of each transaction that writes the main database go into a sink, with what came of them.
 *
 * It is better-sqlite3's own `Database` in every respect. Only the policy `reject` lets statements fail that would have run.
 */
export function openRecordedDatabase(path: string, options: RecordedDatabaseOptions): RecordedDatabase {
  return new RecordedDatabase(path, options)
}

/** See `openRecordedDatabase`. */
export class RecordedDatabase extends GatedDatabase {
  constructor(path: string, { gate, database, ...options }: RecordedDatabaseOptions) {
    super(path, gate, database, (plain, state) => new StatementRecorder(plain, state, options))
  }
}
