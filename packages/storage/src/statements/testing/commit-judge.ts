import { StemmaError } from '@stemma/base'
import type { Commit, CommitStatements } from '@stemma/log'
import Database from 'better-sqlite3'
import { copyOf, type ReplayedCopy } from '../../source/testing/follow.ts'
import type { Source } from '../../source/source.ts'

/** What was told of a commit. */
export interface ToldCommit {
  readonly recovered: boolean
  /** The first value bound to each statement; undefined when only rows are known. */
  readonly tags: readonly unknown[] | undefined
}

/**
 * Runs the statements of each commit on a database as it was before it, and says when that does not come to what the commit did. It goes
 * by the pages, which know nothing of statements.
 */
export class CommitJudge {
  readonly told: ToldCommit[] = []
  /** What was told and is not so. */
  readonly wrong: string[] = []
  #copy: ReplayedCopy | undefined

  /** Takes the database as it is before the first commit. */
  begin(source: Source): void {
    this.#copy ??= copyOf(source)
  }

  take(commit: Commit): void {
    const copy = this.#copy!
    const statements = statementsOf(commit)
    const twin = statements && openBytes(copy.bytes())
    copy.apply(commit)
    this.told.push({ recovered: commit.recovered, tags: statements?.statements.map(({ placed }) => placed[0]) })
    if (twin === undefined) return
    try {
      for (const { sql, placed } of statements!.statements) twin.prepare(sql).run(...placed)
      const after = openBytes(copy.bytes())
      const [expected, found] = [dump(after), dump(twin)]
      after.close()
      if (expected === found) return
      const sqls = statements!.statements.map(({ sql, placed }) => [sql, ...placed].join(' | ')).join('; ')
      this.wrong.push(`commit ${commit.position.sequence} is not "${sqls}":\n${found}\ninstead of\n${expected}`)
    } catch (error) {
      this.wrong.push(`commit ${commit.position.sequence}: ${String(error)}`)
    } finally {
      twin.close()
    }
  }
}

function statementsOf(commit: Commit): CommitStatements | undefined {
  try {
    return commit.statements()
  } catch (error) {
    if (StemmaError.is(error, 'STATEMENTS_UNKNOWN')) return undefined
    throw error
  }
}

function openBytes(bytes: Buffer): Database.Database {
  // A database in memory knows no WAL.
  bytes[18] = bytes[19] = 1
  return new Database(bytes)
}

function dump(database: Database.Database): string {
  const schema = database.prepare('SELECT name, sql FROM sqlite_schema ORDER BY name').all() as { name: string; sql: string }[]
  const tables = schema.filter(({ sql }) => sql?.startsWith('CREATE TABLE'))
  const rows = tables.map(({ name }) => [name, database.prepare(`SELECT rowid, * FROM "${name}" ORDER BY rowid`).raw().all()])
  return JSON.stringify({ schema, rows })
}
