import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import type { Position } from '@stemma/base'
import { decodeEntry, encodeEntry } from '@stemma/log'
import type {
  DecodedEntry,
  LoggedStatement,
  RecordedValues,
  StatementFormat,
  StatementSettings,
  StatementValue,
  StatementVerdict,
} from '@stemma/log'
import type Database from 'better-sqlite3'
import { openLogicalReplica } from '../../src/logical/open-logical-replica.ts'
import type { LogicalReplicaOptions } from '../../src/logical/logical-replica.ts'
import type { Replica } from '../../src/replica/replica.ts'
import { inFolder, takeSnapshot } from '../replica/follow.ts'
import type { Still } from '../replica/test-leader.ts'
import { jsonRows } from './json-rows.ts'
import { RowLeader, type RowLeaderOptions } from './row-leader.ts'

/** A format that holds statements, or rows as `jsonRows` does: nothing of it is shared with the real one. */
export const plainStatements: StatementFormat = {
  name: 'plain-statements',
  version: 1,
  reads: [1],
  view: 'statements',
  needsSameSqlite: true,
  encode: () => {
    throw new Error('the test leader encodes by itself')
  },
  decode: (payload) => {
    if (payload[0] === 0x7b) return { kind: 'rows', rows: jsonRows.decode(payload, 1), because: undefined }
    return { kind: 'statements', statements: deserialize(payload) }
  },
  describe: () => ({ summary: '', details: [] }),
}

export const USUAL: StatementSettings = {
  foreignKeys: true,
  deferForeignKeys: false,
  recursiveTriggers: false,
  caseSensitiveLike: false,
  ignoreCheckConstraints: false,
  reverseUnorderedSelects: false,
}

/** A statement to be run, and what its log is to say that can't be seen here. */
export interface ToRun {
  readonly sql: string
  readonly placed?: readonly StatementValue[]
  readonly named?: Readonly<Record<string, StatementValue>>
  readonly verdict?: Partial<StatementVerdict>
  /** Called before it, and behind it for what was recorded. */
  readonly record?: { begin(): void; take(): RecordedValues | undefined }
}

/** A database whose commits are logged as the statements that made them, or as rows. */
export class StatementLeader {
  readonly rows: RowLeader
  readonly entries: DecodedEntry[] = []
  settings: StatementSettings = USUAL

  constructor(path: string, options?: RowLeaderOptions) {
    this.rows = new RowLeader(path, options)
    this.#rowidBefore()
  }

  get database(): Database.Database {
    return this.rows.database
  }

  /** Runs statements in one transaction, or a single one without, and logs them. Statements that fail are logged with their error. */
  run(...statements: readonly (string | ToRun)[]): DecodedEntry[] {
    const logged: LoggedStatement[] = []
    const entries = this.rows.run(() => {
      if (statements.length > 1) this.database.exec('BEGIN')
      for (const each of statements) logged.push(this.#run(typeof each === 'string' ? { sql: each } : each))
      if (statements.length > 1) this.database.exec('COMMIT')
    })
    return entries.map((entry) => this.#add(entry, serialize({ schemaVersion: 1, timeZone: 'UTC', statements: logged })))
  }

  /** Runs a script, and logs its rows. */
  runAsRows(script: string): DecodedEntry[] {
    return this.rows.run(script).map((entry) => this.#add(entry, entry.payload))
  }

  /** A commit of statements with semicolons between them. */
  commit(script: string): DecodedEntry[] {
    return this.run(...script.split(';').map((each) => each.trim()))
  }

  get position(): Position {
    return this.rows.position
  }

  still(): Still {
    return this.rows.still()
  }

  setSettings(settings: Partial<StatementSettings>): void {
    this.settings = { ...this.settings, ...settings }
    for (const [name, on] of Object.entries(this.settings))
      this.database.pragma(`${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)} = ${on}`)
  }

  close(): void {
    this.rows.close()
  }

  #add(entry: DecodedEntry, payload: Uint8Array): DecodedEntry {
    const own = decodeEntry(encodeEntry({ ...entry, format: plainStatements.name, payload }), 0)!
    this.entries.push(own)
    return own
  }

  #run({ sql, placed = [], named, verdict, record }: ToRun): LoggedStatement {
    const values = named === undefined ? placed : [...placed, named]
    const before = this.#rowidBefore()
    let error: string | undefined
    record?.begin()
    try {
      const statement = this.database.prepare(sql)
      if (statement.reader) statement.all(...values)
      else statement.run(...values)
    } catch (thrown) {
      error = (thrown as { code?: string }).code ?? 'unknown'
    }
    const recorded = record?.take()
    const { rowid, changes } = this.#state()
    return {
      sql,
      placed,
      named,
      settings: this.settings,
      outcome: { error, changes: Number(changes), lastInsertRowid: rowid === before ? undefined : rowid },
      verdict: { safety: 'safe', isRepeatable: true, findings: [], ...verdict },
      recorded,
    }
  }

  #rowidBefore(): bigint {
    return this.#state().rowid
  }

  #state(): { readonly rowid: bigint; readonly changes: bigint } {
    const statement = this.database.prepare('SELECT last_insert_rowid() AS rowid, changes() AS changes').safeIntegers(true)
    return statement.get() as { rowid: bigint; changes: bigint }
  }
}

export interface StatementPair {
  readonly leader: StatementLeader
  readonly replica: Replica
  /** The paths of the two. */
  readonly source: string
  readonly copy: string
  /** Applies all that the copy does not have. */
  follow(): void
}

/** A leader with this schema and these rows, and a copy of it that follows by statements, for as long as `work` runs. */
export function withStatements(
  sql: string,
  work: (pair: StatementPair) => void | Promise<void>,
  options: Partial<LogicalReplicaOptions> & { readonly leader?: RowLeaderOptions } = {},
): Promise<void> {
  return inFolder(async (folder) => {
    const pair = await newStatementPair(folder, sql, options)
    try {
      await work(pair)
    } finally {
      await pair.replica.close()
      pair.leader.close()
    }
  })
}

export async function newStatementPair(
  folder: string,
  sql: string,
  { leader: leaderOptions, ...options }: Partial<LogicalReplicaOptions> & { readonly leader?: RowLeaderOptions } = {},
): Promise<StatementPair> {
  const source = join(folder, 'leader.db')
  const leader = new StatementLeader(source, leaderOptions)
  leader.rows.run(sql)
  const replica = await openLogicalReplica({
    database: join(folder, 'copy.db'),
    formats: [plainStatements],
    threads: false,
    ...options,
  })
  await takeSnapshot(leader.rows.still(), replica)
  return { leader, replica, source, copy: replica.database, follow: () => replica.apply(leader.entries) }
}
