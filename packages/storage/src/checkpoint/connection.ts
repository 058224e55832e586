import type { SqliteConnection, SqliteDriver } from '../sqlite/driver.ts'

/**
 * How far a checkpoint goes. `passive` copies what it may without waiting for anybody; `truncate` also waits (not at all: our
 * busy timeout is 0) for readers and the write lock, and empties the `-wal` file.
 *
 * @see https://sqlite.org/pragma.html#pragma_wal_checkpoint
 */
export type CheckpointMode = 'passive' | 'full' | 'restart' | 'truncate'

/** What came of a checkpoint, as `PRAGMA wal_checkpoint` tells it. */
export interface CheckpointResult {
  /** True when it could not do all that its mode asks for, because somebody held a lock. */
  readonly busy: boolean
  /** Frames in the WAL; -1 when it could not even begin. */
  readonly log: number
  /** Frames of the WAL that are in the database now; -1 when it could not even begin. */
  readonly checkpointed: number
}

/** Opens a connection that checkpoints and does nothing else. It syncs what a checkpoint must, and never waits for a lock. */
export function openCheckpointConnection(driver: SqliteDriver, database: string): SqliteConnection {
  const connection = driver.open(database, { mustExist: true })
  try {
    connection.exec('PRAGMA busy_timeout = 0; PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = NORMAL; PRAGMA mmap_size = 0')
    return connection
  } catch (error) {
    connection.close()
    throw error
  }
}

export function runCheckpoint(connection: SqliteConnection, mode: CheckpointMode): CheckpointResult {
  const row = connection.prepare(`PRAGMA wal_checkpoint(${mode})`).get()
  return {
    busy: Number(row?.['busy'] ?? 1) !== 0,
    log: Number(row?.['log'] ?? -1),
    checkpointed: Number(row?.['checkpointed'] ?? -1),
  }
}
