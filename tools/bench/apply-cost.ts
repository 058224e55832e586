import { join } from 'node:path'
import Database from 'better-sqlite3'
import { openFollower, openLeader, type Follower } from 'stemma'
import { BULK_ROWS, BULK_TABLE, BULK_UPDATE } from './statement-sizes.ts'

/** How long it took to change many rows at once, in milliseconds. */
export interface ApplyCost {
  /** Plain SQLite. */
  readonly plainMs: number
  /** A follower that runs the statement again, and one that writes its rows. */
  readonly statementMs: number
  readonly rowMs: number
}

/** An UPDATE of 100,000 rows: by plain SQLite, and by a follower of each format. */
export async function measureApplying(folder: string): Promise<ApplyCost> {
  const [plain, database] = [join(folder, 'plain.db'), join(folder, 'bulk.db')]
  for (const path of [plain, database]) new Database(path).exec(`PRAGMA journal_mode = WAL; ${BULK_TABLE}`).close()
  const leader = await openLeader({ database, formats: ['statement', 'row'] })
  const followers: Follower[] = []
  try {
    for (const format of ['statement', 'row'])
      followers.push(await openFollower({ url: leader.url, database: join(folder, `${format}.db`), format }))
    leader.database.prepare(BULK_UPDATE).run()
    await leader.waitFor({ followers: 2, level: 'applied', timeoutMs: 120_000 })
    const took = await Promise.all(followers.map((follower) => follower.status()))
    const [statementMs = NaN, rowMs = NaN] = took.map(({ work }) => work?.[0]?.tookMs)
    return { plainMs: timePlain(plain), statementMs, rowMs }
  } finally {
    for (const follower of followers) await follower.close()
    await leader.close()
  }
}

function timePlain(path: string): number {
  const database = new Database(path)
  try {
    const update = database.prepare(BULK_UPDATE)
    const start = performance.now()
    if (update.run().changes !== BULK_ROWS) throw new Error('not all rows were changed')
    return performance.now() - start
  } finally {
    database.close()
  }
}
