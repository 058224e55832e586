export { nodeDisk, type Disk, type FileIdentity } from './disk/disk.ts'
export { heldFiles, type HeldFiles } from './disk/held-files.ts'
export {
  RETENTION,
  type EntryRun,
  type LogBatch,
  type LogRead,
  type LogSize,
  type LogStore,
  type Retention,
} from './log-store/log-store.ts'
export { openLogStore, type LogStoreOptions } from './log-store/open-log-store.ts'
export { PageSums } from './page-sums.ts'
export { betterSqlite3 } from './sqlite/better-sqlite3.ts'
export {
  isBusy,
  sqliteCode,
  type DriverRow,
  type DriverValue,
  type OpenOptions,
  type SqliteConnection,
  type SqliteDriver,
  type SqliteStatement,
} from './sqlite/driver.ts'
export type { LogicalReplicaEvent, LogicalReplicaOptions } from './logical/logical-replica.ts'
export { makeCopyTable, readCopyNote, type CopyNote } from './logical/copy-table.ts'
export { openLogicalReplica } from './logical/open-logical-replica.ts'
export { showDifference, type FoundDifference } from './logical/row-difference.ts'
export type { CopyPlace } from './replica/copy-place.ts'
export { openReplica } from './replica/open-replica.ts'
export type { Replica, ReplicaEvent, ReplicaOptions, ReplicaState } from './replica/replica.ts'
export { RANGE_PAGES_MAX, type SnapshotToStage } from './replica/page-store.ts'
export type { PagesOfRange, Staging } from './replica/staging.ts'
export type { StoredObject } from './rows/schema-scratch.ts'
export { TableCatalog, type TableDescription, type UniqueIndex } from './rows/table-catalog.ts'
export { readKeptPlaces, type KeptPlaces } from './replica/kept-places.ts'
export {
  SIDECAR_APPLICATION_ID,
  SIDECAR_VERSION,
  openSidecar,
  sidecarPath,
  type Role,
  type SidecarOptions,
} from './sqlite/sidecar.ts'
export { digestDatabase, type DatabaseDigest, type DigestOptions } from './snapshot/digest-database.ts'
export {
  RANGE_BYTES_MAX,
  openSnapshot,
  type Snapshot,
  type SnapshotOptions,
  type SnapshotPages,
  type SnapshotRange,
} from './snapshot/snapshot.ts'
export { scanSums, type ScanOptions } from './snapshot/scan-sums.ts'
export { checkDatabase, databaseError, type CheckOptions, type CheckedDatabase } from './sqlite/check-database.ts'
export { lockDatabase, type DatabaseLock } from './sqlite/lock-database.ts'
export { nodeSqlite } from './sqlite/node-sqlite.ts'
export { checkSqliteVersion, losesPages } from './sqlite/sqlite-version.ts'
export {
  openFunctionRecorder,
  type FunctionRecorderOptions,
  type FunctionTarget,
  type OpenFunctionRecorder,
} from './statements/functions/open-function-recorder.ts'
export { TimeLimit } from './time-limit.ts'
export type { Place, WalPlace } from './wal-place.ts'
export { openCheckpointThread, openCheckpointer, type Checkpointer } from './checkpoint/checkpointer.ts'
export type { CheckpointMode, CheckpointResult } from './checkpoint/connection.ts'
export { CommitGate, HOLD_MAX } from './source/commit-gate.ts'
export type { BeforeChange } from './source/commit.ts'
export { GatedDatabase, openGatedDatabase } from './source/gated-database.ts'
export type { PlainDatabase } from './source/gated-database.ts'
export { openSource } from './source/open-source.ts'
export type { Source, SourceBatch, SourceEvent, SourceOptions, SourceStats } from './source/source.ts'
export { JournalMemory } from './statements/journal-memory.ts'
export { openStatementJournal } from './statements/open-journal.ts'
export type { StatementsOptions } from './statements/statement-matcher.ts'
export type { StatementSink } from './statements/statement-sink.ts'
export type { FunctionRecorder, PureCalls, PureContext } from './statements/function-recorder.ts'
export type { StatementPolicy } from './statements/judged-statements.ts'
export { RecordedDatabase, openRecordedDatabase, type RecordedDatabaseOptions } from './statements/recorded-database.ts'
export type {
  JudgeConnection,
  JudgeFunctions,
  JudgeStatement,
  JudgedFinding,
  Judgement,
  OpenJudge,
  StatementJudge,
} from './statements/statement-judge.ts'
export type { RecorderOptions } from './statements/statement-recorder.ts'
