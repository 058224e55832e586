import type { Position } from '@stemma/base'
import type { CommitStatements, LoggedStatement } from '@stemma/log'
import type { SqliteConnection, SqliteDriver, SqliteStatement } from '../sqlite/driver.ts'
import { FunctionPlayer } from '../statements/functions/function-player.ts'
import { ChangeStates, type ChangeState } from './connection-state.ts'
import { PlaceNote, beginWrite, type NotedPlace } from './copy-side.ts'
import { StatementCache, firstWord, type CachedStatement } from './statement-cache.ts'
import { isOfStatement, isSameOutcome, statementDiffers, type OutcomeHere } from './statement-outcome.ts'
import { ConnectionSettings } from './statement-settings.ts'

/** The code of a finding: the statement asks what the connection did before. */
const ASKS_CONNECTION = 'CONNECTION_STATE'
/** The code of a finding: functions of the program that were declared recordable. */
const CALLS_RECORDABLE = 'RECORDABLE_FUNCTION'

/** Of a statement that is no INSERT, UPDATE or DELETE. VACUUM leaves any rowid behind. */
const NO_COUNTS: OutcomeHere = { error: undefined, changes: undefined, lastInsertRowid: undefined }

/** Quicker than to look for the first word. */
const MAY_BE_VACUUM = /vacuum/i

/** What statements run on: a connection of its own, and what is kept of it. */
interface Runner {
  readonly connection: SqliteConnection
  readonly settings: ConnectionSettings
  readonly cache: StatementCache
  readonly states: ChangeStates
  readonly note: PlaceNote
  readonly begin: SqliteStatement
  readonly commit: SqliteStatement
  /** Gives what functions gave on the leader; undefined while SQLite's own are good enough. */
  player: FunctionPlayer | undefined
}

export interface StatementSideOptions {
  /** Opens a connection that sees the schema as it is. */
  open(): SqliteConnection
  readonly driver: SqliteDriver
  /** Told of each transaction that was not begun here: that of a VACUUM. */
  committed(): void
}

/** Runs commits that travel as statements, by a connection on which triggers fire and foreign keys act. */
export class StatementSide {
  readonly #options: StatementSideOptions
  #runner: Runner | undefined
  /** What the connection said after the last statement of the leader's, before we wrote something of ours. */
  #own: ChangeState | undefined
  /** The same before the transaction that is open. */
  #ownBefore: ChangeState | undefined

  constructor(options: StatementSideOptions) {
    this.#options = options
  }

  /** VACUUM runs in no transaction. */
  isAlone({ statements }: CommitStatements): boolean {
    return statements.length === 1 && MAY_BE_VACUUM.test(statements[0]!.sql) && firstWord(statements[0]!.sql) === 'VACUUM'
  }

  /** Tells whether a commit can come into the transaction that is open. */
  fits({ statements }: CommitStatements): boolean {
    const { settings, player } = this.#runner!
    if (statements[0]!.settings.foreignKeys !== settings.foreignKeys) return false
    return player === undefined || !statements.some(needsOwnFunctions)
  }

  /** Begins a transaction for this commit. */
  start(commit: CommitStatements, position: Position): void {
    if (this.#runner?.player !== undefined && commit.statements.some(needsOwnFunctions)) this.close()
    const runner = (this.#runner ??= this.#open())
    this.#ownBefore = this.#own ?? runner.states.read()
    runner.settings.setForeignKeys(commit.statements[0]!.settings.foreignKeys)
    if (this.isAlone(commit)) {
      this.#run(runner, commit.statements[0]!, position)
      this.#options.committed()
    }
    beginWrite(runner.begin)
  }

  write(commit: CommitStatements, position: Position): void {
    if (this.isAlone(commit)) return
    for (const statement of commit.statements) this.#run(this.#runner!, statement, position)
  }

  end(place: NotedPlace, before: Position): void {
    const { states, note, commit, settings } = this.#runner!
    this.#own ??= states.read()
    note.write(place, before)
    commit.run()
    settings.ended()
  }

  /** After a failure: rolls back what is open. */
  rollback(): void {
    const runner = this.#runner
    if (runner === undefined) return
    this.#own = this.#ownBefore
    if (runner.connection.inTransaction) runner.connection.exec('ROLLBACK')
    runner.settings.ended()
  }

  close(): void {
    this.#runner?.player?.close()
    this.#runner?.connection.close()
    this.#runner = undefined
  }

  #open(): Runner {
    const connection = this.#options.open()
    return {
      connection,
      settings: new ConnectionSettings(connection),
      cache: new StatementCache(connection),
      states: new ChangeStates(connection),
      note: new PlaceNote(connection),
      begin: connection.prepare('BEGIN IMMEDIATE'),
      commit: connection.prepare('COMMIT'),
      player: undefined,
    }
  }

  #run(runner: Runner, statement: LoggedStatement, position: Position): void {
    if (statement.recorded !== undefined) runner.player ??= new FunctionPlayer(runner.connection, this.#options.driver)
    runner.settings.bringTo(statement.settings)
    this.#prepareState(runner, statement)
    const here = this.#execute(runner, statement)
    this.#own = undefined
    if (isSameOutcome(statement.outcome, here)) return
    throw statementDiffers(statement, here, position)
  }

  /** What we wrote between the leader's statements is not to be seen by those that ask. */
  #prepareState({ states }: Runner, { verdict, recorded }: LoggedStatement): void {
    const told = recorded?.connection
    if (told !== undefined) return states.set(told)
    if (this.#own === undefined || verdict.findings.length === 0) return
    if (verdict.findings.some(({ code }) => code === ASKS_CONNECTION)) states.set(this.#own)
  }

  #execute(runner: Runner, statement: LoggedStatement): OutcomeHere {
    const { states, player } = runner
    const { placed, named, recorded } = statement
    let cached: CachedStatement | undefined
    try {
      player?.begin(recorded)
      cached = prepared(runner, statement)
      const { changes, lastInsertRowid } = cached.statement.execute(placed, named)
      player?.end()
      return cached.isCounted ? { error: undefined, changes, lastInsertRowid } : NO_COUNTS
    } catch (error) {
      if (!isOfStatement(error)) throw error
      const { changes, lastInsertRowid } = states.read()
      return cached?.isCounted === true ? { error, changes, lastInsertRowid } : { ...NO_COUNTS, error }
    }
  }
}

/** Prepares a statement. What it may call of the program's functions is known by name only, if the leader did not call it either. */
function prepared({ cache, player }: Runner, { sql, verdict }: LoggedStatement): CachedStatement {
  for (;;) {
    try {
      return cache.get(sql)
    } catch (error) {
      const name = /^no such function: (.+)$/s.exec((error as Error).message)?.[1]
      const isRecordable = name !== undefined && verdict.findings.some(({ code }) => code === CALLS_RECORDABLE)
      if (!isRecordable || player?.defineUncalled(name.toLowerCase()) !== true) throw error
    }
  }
}

/** Logged though nothing was recorded that would make it safe: it gets what this copy's functions give. */
function needsOwnFunctions({ verdict, recorded }: LoggedStatement): boolean {
  return recorded === undefined && verdict.safety !== 'safe' && verdict.safety !== 'context'
}
