import type { Commit } from '@stemma/log'
import { betterSqlite3, nodeDisk, openCheckpointer, openLogStore, openSource } from '@stemma/storage'
import Database from 'better-sqlite3'
import { newWorkload, type Workload } from './workload.ts'

/** What a source took to read commits. */
export interface SourceCost {
  readonly commits: number
  /** Rows that were told, and gone through. */
  readonly rows: number
  /** CPU time of the process while it read, in microseconds. */
  readonly cpuUs: number
  /** Memory for what is known of pages, and how many pages the database has. */
  readonly mapBytes: number
  readonly pageCount: number
}

export interface SourceTask {
  readonly database: string
  readonly workload: Workload
  /** Commits that are measured; as many come before, since the compiler is not done with what reads them any earlier. */
  readonly count: number
  /** Whether commits are told as rows. */
  readonly rows: boolean
}

/** A source reads when a few commits have come, as a live one does. */
const COMMITS_AT_ONCE = 20

/** Writes, and reads what was written, in turns on one thread; only reading counts. */
export async function measureSource({ database, workload, count, rows }: SourceTask): Promise<SourceCost> {
  const log = openLogStore({ database, driver: betterSqlite3, disk: nodeDisk })
  let [commits, told] = [0, 0]
  const onCommit = (commit: Commit): void => {
    commits++
    if (!rows) return
    for (const table of commit.rows().tables) for (const { before, after } of table.rows()) if (before !== after) told++
  }
  const source = await openSource({
    database,
    log,
    views: rows ? ['rows'] : ['pages'],
    checkpointer: openCheckpointer(betterSqlite3, database),
    onCommit,
    onBatch: (batch) => log.write({ ...batch, runs: [] }),
  })
  const writer = new Database(database)
  try {
    source.start()
    const step = newWorkload(writer, workload, 7)
    const read = async (more: number): Promise<number> => {
      let cpuUs = 0
      for (let i = 1; i <= more; i++) {
        step()
        if (i % COMMITS_AT_ONCE !== 0 && i < more) continue
        const start = process.cpuUsage()
        await source.catchUp()
        const { user, system } = process.cpuUsage(start)
        cpuUs += user + system
      }
      return cpuUs
    }
    await read(count)
    commits = told = 0
    const cpuUs = await read(count)
    return { commits, rows: told, cpuUs, mapBytes: source.stats().rowsMapBytes, pageCount: source.place.pageCount }
  } finally {
    writer.close()
    await source.close()
    log.close()
  }
}
