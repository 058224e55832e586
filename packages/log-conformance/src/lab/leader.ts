import type { Milliseconds } from '@stemma/base'
import type { Commit, CommitStatements } from '@stemma/log'
import {
  betterSqlite3,
  nodeDisk,
  openCheckpointer,
  openLogStore,
  openSource,
  type LogStore,
  type Source,
  type SqliteConnection,
} from '@stemma/storage'
import { runRecorded } from './statements.ts'

export interface LeaderOptions {
  readonly pageSize?: number
  readonly encoding?: 'UTF-8' | 'UTF-16le' | 'UTF-16be'
  readonly autoVacuum?: 'none' | 'full' | 'incremental'
}

/** What is committed: statements of one transaction, each on its own. VACUUM and the like come alone, and run outside of one. */
export type Transaction = readonly string[]

/** Sees a commit while it lives. */
export type Witness = (commit: Commit) => void

/** A database that SQLite writes and a source follows, as on a real leader. */
export class Leader {
  readonly database: string
  readonly connection: SqliteConnection
  readonly source: Source
  readonly log: LogStore
  readonly #witnesses: Set<Witness>
  readonly #state: State

  private constructor(parts: {
    database: string
    connection: SqliteConnection
    source: Source
    log: LogStore
    witnesses: Set<Witness>
    state: State
  }) {
    this.database = parts.database
    this.connection = parts.connection
    this.source = parts.source
    this.log = parts.log
    this.#witnesses = parts.witnesses
    this.#state = parts.state
  }

  /** Opens a database that is there, or makes one. */
  static async open(
    database: string,
    options: LeaderOptions & { readonly first?: readonly string[]; readonly witness?: Witness } = {},
  ): Promise<Leader> {
    const { pageSize = 1024, encoding = 'UTF-8', autoVacuum = 'none', first = [], witness } = options
    const connection = betterSqlite3.open(database, { mustExist: false, mayWriteSchema: true })
    connection.exec(`PRAGMA page_size = ${pageSize}; PRAGMA encoding = '${encoding}'; PRAGMA auto_vacuum = ${autoVacuum}`)
    connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0')
    if (connection.prepare('PRAGMA page_count').get()!['page_count'] === 0n)
      connection.exec('CREATE TABLE first_of_all (x); DROP TABLE first_of_all')
    for (const sql of first) connection.exec(sql)
    const log = openLogStore({ database, driver: betterSqlite3, disk: nodeDisk })
    const witnesses = new Set<Witness>()
    if (witness !== undefined) witnesses.add(witness)
    const state: State = { failure: undefined, statements: undefined }
    const source = await openSource({
      database,
      log,
      views: ['rows'],
      now: () => NOON as Milliseconds,
      checkpointer: openCheckpointer(betterSqlite3, database),
      onCommit: (commit) => tell(commit, state, witnesses),
      onBatch: (batch) => log.write({ ...batch, runs: [] }),
      onEvent: (event) => {
        if (event.kind === 'failed' || event.kind === 'trouble') state.failure ??= event.error
      },
    })
    source.start()
    await source.catchUp()
    mustNotHaveFailed(state)
    return new Leader({ database, connection, source, log, witnesses, state })
  }

  /** Who is told of every commit, until what this returns is called. */
  watch(witness: Witness): () => void {
    this.#witnesses.add(witness)
    return () => this.#witnesses.delete(witness)
  }

  /** Commits a transaction, and waits until the source has told of it. What a witness throws comes out here. */
  async run(transaction: Transaction): Promise<void> {
    const state = this.#state
    const isAlone = transaction.length === 1
    if (!isAlone) this.connection.exec('BEGIN')
    state.statements = runRecorded(this.connection, transaction)
    if (!isAlone) this.connection.exec('COMMIT')
    await this.source.catchUp()
    state.statements = undefined
    mustNotHaveFailed(state)
  }

  async close(): Promise<void> {
    await this.source.close()
    this.log.close()
    this.connection.close()
  }
}

interface State {
  failure: unknown
  /** What the transaction that is being committed did. */
  statements: CommitStatements | undefined
}

/** @throws what a witness or the source threw since the last call */
function mustNotHaveFailed(state: State): void {
  const { failure } = state
  state.failure = undefined
  if (failure !== undefined)
    throw failure instanceof Error ? failure : new Error('what was thrown is no Error', { cause: failure })
}

/** A witness that fails must not stop the source: the leader goes on to be closed in good order. */
function tell(commit: Commit, state: State, witnesses: ReadonlySet<Witness>): void {
  const { statements } = state
  const seen = statements === undefined ? commit : withStatements(commit, statements)
  for (const witness of witnesses) {
    try {
      witness(seen)
    } catch (error) {
      state.failure ??= error
    }
  }
}

/** The same commit, with statements. */
export function withStatements(commit: Commit, statements: CommitStatements): Commit {
  return { ...commit, pages: () => commit.pages(), rows: () => commit.rows(), statements: () => statements }
}

/** When everything is committed here: milliseconds since 1970. */
const NOON = 1_800_000_000_000
