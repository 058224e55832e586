import { StemmaError, type TextEncoding } from '@stemma/base'
import { openCheckpointThread, openCheckpointer } from '../checkpoint/checkpointer.ts'
import type { Disk } from '../disk/disk.ts'
import { copyError } from '../replica/replica-error.ts'
import { TableCatalog } from '../rows/table-catalog.ts'
import { sqliteCode, type SqliteConnection, type SqliteDriver } from '../sqlite/driver.ts'
import { readCopyNote, readEncoding, type CopyNote } from './copy-table.ts'
import { LiveWal } from './live-wal.ts'
import { LogicalApplier } from './logical-applier.ts'
import { LogicalKeeper } from './logical-keeper.ts'
import type { LogicalReplicaOptions } from './logical-replica.ts'

// Somebody may recover or checkpoint the WAL for a moment.
const BUSY_TIMEOUT = 2_000
const DEFAULT_CACHE_BYTES = 32 * 1024 * 1024
const DEFAULT_WAL_BYTES = 16 * 1024 * 1024
const DEFAULT_HARD_WAL_BYTES = 64 * 1024 * 1024

export interface AttachedCopyParts {
  readonly options: LogicalReplicaOptions
  readonly disk: Disk
  readonly driver: SqliteDriver
}

/** A logical copy that is there, and what works on it. */
export class AttachedCopy {
  readonly note: CopyNote
  readonly encoding: TextEncoding
  readonly pageSize: number
  readonly #parts: AttachedCopyParts
  readonly #connection: SqliteConnection
  readonly #catalog: TableCatalog
  readonly #applier: LogicalApplier
  readonly #wal: LiveWal
  readonly #keeper: LogicalKeeper
  #syncing: Promise<unknown> = Promise.resolve()
  #syncFailed = false
  /** Transactions that the wal-index counts, after the last of ours. */
  #counted: number | undefined

  private constructor(parts: AttachedCopyParts, connection: SqliteConnection, wal: LiveWal) {
    const { options, driver } = parts
    const { database } = options
    const note = noteOf(connection, database)
    this.#parts = parts
    this.#connection = connection
    this.note = note
    this.encoding = readEncoding(connection)
    this.pageSize = numberOf(connection, 'page_size')
    this.#catalog = new TableCatalog(driver, this.encoding)
    this.#wal = wal
    this.#counted = wal.read()?.changeCounter
    this.#applier = new LogicalApplier({
      connection,
      openForStatements: () => openConnection(parts, 'statements'),
      driver,
      catalog: this.#catalog,
      encoding: this.encoding,
      formats: options.formats,
      note,
      merge: options.merge ?? true,
      onDifference: options.onDifference ?? 'stop',
      forced: (difference) => options.onEvent?.({ kind: 'forced', difference }),
      committed: () => (this.#counted = this.#counted === undefined ? undefined : (this.#counted + 1) >>> 0),
    })
    this.#keeper = new LogicalKeeper({
      connection,
      busyTimeout: BUSY_TIMEOUT,
      softBytes: options.softWalBytes ?? DEFAULT_WAL_BYTES,
      hardBytes: options.hardWalBytes ?? DEFAULT_HARD_WAL_BYTES,
      walBytes: () => this.walBytes,
      openCheckpointer: async () =>
        (options.threads ?? true) ? openCheckpointThread(driver, database) : openCheckpointer(driver, database),
      done: (round) => options.onEvent?.({ kind: 'checkpointed', ...round }),
      failed: (error) => options.onEvent?.({ kind: 'warning', error: copyError(error) }),
    })
  }

  /** @throws StemmaError NOT_A_DATABASE, NOT_WAL, NOT_A_REPLICA, SIDECAR_VERSION, and what the driver throws */
  static open(parts: AttachedCopyParts): AttachedCopy {
    const connection = openConnection(parts, 'rows')
    let wal: LiveWal | undefined
    try {
      wal = new LiveWal(parts.disk, parts.options.database)
      return new AttachedCopy(parts, connection, wal)
    } catch (error) {
      wal?.close()
      connection.close()
      throw error
    }
  }

  get applier(): LogicalApplier {
    return this.#applier
  }

  /** Bytes of the WAL that hold frames. */
  get walBytes(): number {
    return this.#wal.read()?.bytes ?? 0
  }

  /** The cookie of the schema that readers see. */
  schemaCookie(): number {
    return numberOf(this.#connection, 'schema_version')
  }

  /** Tells of what others have written since we last looked. */
  lookForOthers(): void {
    const now = this.#wal.read()?.changeCounter
    if (now === undefined) return
    const transactions = this.#counted === undefined ? 0 : (now - this.#counted) >>> 0
    this.#counted = now
    if (transactions > 0) this.#parts.options.onEvent?.({ kind: 'written', transactions })
  }

  /** Resolves when the checkpoint has ended that entries must wait for; undefined when they need not. */
  room(): Promise<void> | undefined {
    return this.#keeper.room()
  }

  /** Looks at the WAL after entries were applied. */
  keep(): void {
    this.#keeper.look()
  }

  /** Makes what is in the WAL durable. */
  sync(): Promise<void> {
    const sync = this.#sync()
    this.#syncing = sync.catch(() => undefined)
    return sync
  }

  /** Ends all that goes on, and gives the files back. The last connection takes the `-wal` along. */
  async close(): Promise<void> {
    await this.#keeper.close()
    // A descriptor that is being synced must not be closed: another file could get its number.
    await this.#syncing
    try {
      this.#wal.close()
      this.#catalog.close()
      this.#applier.close()
    } finally {
      this.#connection.close()
    }
  }

  async #sync(): Promise<void> {
    try {
      // After a sync that failed, the system may take for written what it could not write. A checkpoint writes it elsewhere.
      if (this.#syncFailed && !this.#keeper.restart())
        throw new StemmaError('REPLICA_FAILED', 'a sync failed, and readers hold back the checkpoint', {})
      await this.#wal.sync()
      this.#syncFailed = false
    } catch (error) {
      this.#syncFailed = true
      throw copyError(error)
    }
  }
}

/** What a connection needs for its work, besides what both need. */
const PRAGMAS = {
  // Nothing but the rows themselves is to happen.
  rows: 'PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; PRAGMA recursive_triggers = OFF',
  // The rest is told by the statements.
  statements: 'PRAGMA trusted_schema = ON',
}

function openConnection({ options, driver }: AttachedCopyParts, work: keyof typeof PRAGMAS): SqliteConnection {
  const { database, cacheBytes = DEFAULT_CACHE_BYTES } = options
  const connection = driver.open(database, { mustExist: true, mayWriteSchema: work === 'rows', busyTimeout: BUSY_TIMEOUT })
  try {
    connection.exec(`
      ${PRAGMAS[work]};
      PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;
      PRAGMA cache_size = -${Math.ceil(cacheBytes / 1024)}
    `)
    const mode = String(connection.prepare('PRAGMA journal_mode').get()?.['journal_mode'])
    if (mode !== 'wal') throw new StemmaError('NOT_WAL', `${database} is not in WAL mode`, { database })
    // So that the -wal and the -shm are there.
    connection.prepare('SELECT count(*) FROM sqlite_schema').get()
    return connection
  } catch (error) {
    connection.close()
    if (sqliteCode(error) === 'SQLITE_NOTADB')
      throw new StemmaError('NOT_A_DATABASE', `${database} is no SQLite database`, { database }, error)
    throw error
  }
}

function noteOf(connection: SqliteConnection, database: string): CopyNote {
  const note = readCopyNote(connection)
  if (note !== undefined) return note
  throw new StemmaError('NOT_A_REPLICA', `${database} is not a copy that Stemma made`, { database })
}

function numberOf(connection: SqliteConnection, pragma: string): number {
  return Number(connection.prepare(`PRAGMA ${pragma}`).get()?.[pragma])
}
