import { StemmaError } from '@stemma/base'
import type { Commit } from '@stemma/log'
import Database from 'better-sqlite3'
import { openCheckpointer } from '../../src/checkpoint/checkpointer.ts'
import { openSource } from '../../src/source/open-source.ts'
import type { Source, SourceEvent, SourceOptions } from '../../src/source/source.ts'
import type { Faults } from '../../src/source/testing/faults.ts'
import { copyOf } from '../../src/source/testing/follow.ts'
import { MemoryLog } from '../../src/source/testing/memory-log.ts'
import { betterSqlite3 } from '../../src/sqlite/better-sqlite3.ts'
import { RowCopy } from './row-copy.ts'
import { RowTruth } from './row-truth.ts'

/** Follows a database by the rows of its commits, and compares each commit with what SQLite said after it. */
export interface FollowedRows {
  readonly source: Source
  readonly log: MemoryLog
  readonly events: readonly SourceEvent[]
  /** Why the rows of commits were unknown, one line each. */
  readonly unknown: string[]
  /** The rows that were told, one line each: `insert t 1`. Emptied by who reads it. */
  readonly told: string[]
  commits: number
  /** Remembers what SQLite says now, for the next commit that is told. To be called after each statement that may be a commit. */
  committed(): void
  /** Waits until everything has been told, and compares the rows with those in the database. */
  caughtUp(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export async function followRows(
  path: string,
  database: Database.Database,
  options: Partial<SourceOptions> & { log?: MemoryLog; faults?: Faults } = {},
): Promise<FollowedRows> {
  const log = options.log ?? new MemoryLog()
  /** The test's own reading never fails. */
  const newCopy = (): RowCopy => {
    const { faults } = options
    const wasOn = faults?.on ?? false
    if (faults !== undefined) faults.on = false
    try {
      return new RowCopy(copyOf(source).bytes())
    } finally {
      if (faults !== undefined) faults.on = wasOn
    }
  }
  const truth = new RowTruth()
  // Sees by its data_version which statements of another connection wrote anything.
  const watcher = new Database(path)
  const version = (): unknown => watcher.pragma('data_version', { simple: true })
  let versionTold = version()
  /** What SQLite said after each commit that has not been told yet. */
  let waiting: string[] = []
  let copy: RowCopy | undefined
  const events: SourceEvent[] = []
  const followed = { unknown: [] as string[], told: [] as string[], commits: 0 }

  const onCommit = (commit: Commit): void => {
    log.keep(commit)
    followed.commits++
    const wanted = waiting.shift()
    try {
      const rows = commit.rows()
      for (const { name, ...table } of rows.tables) {
        for (const { kind, rowid } of table.rows()) followed.told.push(`${kind} ${name} ${rowid}`)
      }
      if (copy === undefined) return
      copy.apply(rows)
      if (wanted !== undefined && copy.show() !== wanted) throw new Error(difference(copy.show(), wanted))
    } catch (error) {
      if (!StemmaError.is(error, 'ROWS_UNKNOWN')) throw error
      followed.unknown.push(error.message)
      copy?.close()
      copy = undefined
    }
  }
  const source = await openSource({
    checkpointer: openCheckpointer(betterSqlite3, path),
    onBatch: (batch) => log.write({ ...batch, runs: [] }),
    onEvent: (event) => events.push(event),
    views: ['pages', 'rows'],
    ...options,
    onCommit,
    database: path,
    log,
  })
  copy = newCopy()
  source.start()
  return Object.assign(followed, {
    source,
    log,
    events,
    committed() {
      if (version() === versionTold) return
      versionTold = version()
      waiting.push(truth.show(database))
    },
    async caughtUp() {
      for (let i = 0; i < 5 || (source.isUnsettled && i < 200); i++) {
        source.wake()
        await new Promise((resolve) => setImmediate(resolve))
      }
      await source.catchUp()
      const failed = events.find(({ kind }) => kind === 'failed')
      if (failed?.kind === 'failed') throw failed.error
      waiting = []
      copy ??= newCopy()
      const [found, wanted] = [copy.show(), truth.show(database)]
      if (found !== wanted) throw new Error(difference(found, wanted))
    },
    async [Symbol.asyncDispose]() {
      await source.close()
      watcher.close()
      copy?.close()
      truth.close()
    },
  })
}

function difference(found: string, wanted: string): string {
  const [a, b] = [new Set(found.split('\n')), new Set(wanted.split('\n'))]
  const lines = [
    ...[...a].filter((line) => !b.has(line)).map((line) => `- ${line}`),
    ...[...b].filter((line) => !a.has(line)).map((line) => `+ ${line}`),
  ]
  return `rows as they were told (-) and as they are (+):\n${lines.slice(0, 20).join('\n')}`
}
