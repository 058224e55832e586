import { StemmaError, type Milliseconds, type Position } from '@stemma/base'
import type { AckLevel } from '@stemma/protocol'
import {
  CommitGate,
  JournalMemory,
  RETENTION,
  checkDatabase,
  betterSqlite3,
  heldFiles,
  nodeDisk,
  type Retention,
} from '@stemma/storage'
import type { ListenTls, Token } from '@stemma/transport'
import type Database from 'better-sqlite3'
import type { LeaderEvent } from '../events.ts'
import type { NodeStatus } from '../status.ts'
import { openEngineThread } from '../thread/engine-thread.ts'
import { asStemmaError } from '../unexpected.ts'
import { openLeaderEngine, type WaitRequest } from './leader-engine.ts'
import type { LeaderEngineOptions } from './leader-options.ts'
import { openWritten, type StatementOptions } from './written-database.ts'

/** Which database is led, by which formats, and who may follow. */
export interface LeaderOptions {
  /** Path of a SQLite database in WAL mode. */
  readonly database: string
  /** Where followers connect: `tcp://host:port`, or with `tls`, `ws` or `wss`. By default a free port of this machine; null listens nowhere. */
  readonly listen?: string | null
  /** The formats that followers may ask for; `wal` by default. `row` is what row followers and `openChanges` read. */
  readonly formats?: readonly string[]
  /**
   * What the format `row` tells of rows that were updated or deleted: `full`, the default, all of them, so that a follower notices when its row is
   * another; `changed` the key and the columns that changed, in less space.
   */
  readonly rowImage?: 'full' | 'changed'
  /** How the format `statement` deals with statements that may do something else on a follower. */
  readonly statements?: StatementOptions
  /** A secret of at least 16 bytes that followers must know. Needed where others than this machine can connect. */
  readonly token?: Token
  readonly tls?: ListenTls
  /** Listens beyond this machine without TLS: what is sent can be read and changed on its way. */
  readonly insecure?: boolean
  /**
   * `synced`, the default: followers get a commit when it would outlive a power cut of the leader. `immediate`: as soon as it is
   * seen; what a power cut then takes from the leader is found on followers and mended when they connect again.
   */
  readonly ship?: 'synced' | 'immediate'
  /** How long the log is kept; what is left out is taken from `RETENTION`. */
  readonly retention?: Partial<Retention>
  /** Switches the database to WAL mode if it isn't in it. */
  readonly convertToWal?: boolean
  /** Where the work is done: on a thread of its own (the default), or on this one, which must then leave it time. */
  readonly thread?: 'worker' | 'same'
  onEvent?(event: LeaderEvent): void
}

/** What to wait for. */
export interface WaitOptions {
  /** By default: everything committed before the call. */
  readonly position?: Position
  /** How many followers must have it; 1 by default. */
  readonly followers?: number
  /** What they must say of it; `durable` by default. */
  readonly level?: AckLevel
  /** 5 seconds by default. */
  readonly timeoutMs?: Milliseconds
}

/** A database that others follow. */
export interface Leader {
  /** Where followers connect. Empty when it listens nowhere. */
  readonly url: string
  /**
   * The database, to write to: better-sqlite3's `Database` in every respect. Writes by other connections and other programs are
   * replicated as well; this one spares its writers the checkpoints.
   */
  readonly database: Database.Database
  status(): Promise<NodeStatus>
  /**
   * Waits until followers have what was committed.
   *
   * @throws StemmaError WAIT_TIMEOUT
   */
  waitFor(options?: WaitOptions): Promise<Position>
  /** Stops following and serving, and closes `database`. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Opens a database as the leader of others. When it resolves, followers can connect.
 *
 * @throws StemmaError NO_DATABASE, NOT_A_DATABASE, NOT_WAL, ALREADY_OPEN, UNKNOWN_FORMAT, LISTEN_FAILED, LISTEN_WITHOUT_TOKEN and
 * others, each with a hint
 */
export async function openLeader(options: LeaderOptions): Promise<Leader> {
  const { database: path, convertToWal = false } = options
  checkDatabase(path, { driver: betterSqlite3, disk: nodeDisk, convertToWal })
  const gate = new CommitGate()
  const journal = options.formats?.includes('statement') === true ? new JournalMemory() : undefined
  const database = await openWritten({ path, gate, journal, statements: options.statements ?? {} })
  try {
    const held = openedFiles(path, database)
    const engine = await openEngine(options, { gate, journal, held })
    return new OpenLeader(database, engine)
  } catch (error) {
    database.close()
    throw error
  }
}

/** A leader's engine, on whichever thread. */
interface AnyEngine {
  readonly url: string
  status(): NodeStatus | Promise<NodeStatus>
  waitFor(request: WaitRequest): Promise<Position>
  close(): Promise<void>
}

class OpenLeader implements Leader {
  readonly url: string
  readonly database: Database.Database
  readonly #engine: AnyEngine
  #closing: Promise<void> | undefined

  constructor(database: Database.Database, engine: AnyEngine) {
    this.database = database
    this.url = engine.url
    this.#engine = engine
  }

  async status(): Promise<NodeStatus> {
    this.#mustBeOpen()
    return await this.#engine.status()
  }

  async waitFor(options: WaitOptions = {}): Promise<Position> {
    this.#mustBeOpen()
    const { position, followers = 1, level = 'durable', timeoutMs = 5_000 } = options
    return await this.#engine.waitFor({ followers, level, timeoutMs, ...(position === undefined ? {} : { position }) })
  }

  close(): Promise<void> {
    this.#closing ??= this.#engine.close().finally(() => this.database.close())
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #mustBeOpen(): void {
    if (this.#closing !== undefined) throw new StemmaError('CLOSED', 'this leader was closed')
  }
}

/** Descriptors for the engine's thread: they must belong to a thread that lives as long as the process. */
function openedFiles(path: string, database: Database.Database): [string, number][] {
  // The first reading makes the -shm file.
  database.prepare('SELECT 1 FROM sqlite_schema').get()
  const held = heldFiles(nodeDisk)
  return [path, `${path}-shm`].map((file) => [file, held.hold(file)])
}

/** What the program and the engine share. */
interface Shared {
  readonly gate: CommitGate
  readonly journal: JournalMemory | undefined
  readonly held: [string, number][]
}

async function openEngine(options: LeaderOptions, { gate, journal, held }: Shared): Promise<AnyEngine> {
  const isSame = options.thread === 'same'
  const onEvent = (event: LeaderEvent): void => options.onEvent?.(event)
  const plain: LeaderEngineOptions = {
    database: options.database,
    listen: options.listen === undefined ? 'tcp://127.0.0.1:0' : options.listen,
    formats: options.formats ?? ['wal'],
    rowImage: options.rowImage ?? 'full',
    policy: options.statements?.policy ?? 'mixed',
    ship: options.ship ?? 'synced',
    retention: { ...RETENTION, ...options.retention },
    convertToWal: options.convertToWal ?? false,
    ...(options.token === undefined ? {} : { token: options.token }),
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    ...(options.insecure === undefined ? {} : { insecure: options.insecure }),
    ...(journal === undefined ? {} : { journal: { memory: journal.memory, timeZone: timeZone(), isShared: !isSame } }),
    held,
  }
  // On one thread the writer can't wait at the gate for the follower: they are the same.
  if (isSame) return openLeaderEngine(plain, onEvent)
  const { thread, opened } = await openEngineThread({
    module: 'leader',
    options: { ...plain, gate: gate.memory },
    onEvent: (event) => onEvent(event as LeaderEvent),
    onDeath(error) {
      journal?.giveUp()
      onEvent({ kind: 'failed', error: asStemmaError(error) })
    },
  })
  return {
    url: opened as string,
    status: () => thread.call('status') as Promise<NodeStatus>,
    waitFor: (request) => thread.call('waitFor', request) as Promise<Position>,
    close: () => thread.close(),
  }
}

function timeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone
}
