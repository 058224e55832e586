import { expect, test } from 'vitest'
import { Dice, Workload } from './workload.ts'
import { WatchedDatabase } from './watched-database.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
/** How many databases, each with a schema and a workload of its own; more in a long run. */
const DATABASES = Number(process.env['DATABASES'] ?? 6)
const STEPS = Number(process.env['STEPS'] ?? 100)
process.stdout.write(`seed ${SEED}\n`)

test(`whatever SQL does to a database, the rows that differ are told, each of them and no other (seed ${SEED})`, () => {
  let told = 0
  for (let seed = SEED; seed < SEED + DATABASES; seed++) told += runWorkload(seed)
  expect(told).toBeGreaterThan(DATABASES)
}, 3_600_000)

/** @returns how many rows and objects were told */
function runWorkload(seed: number): number {
  const workload = new Workload(new Dice(seed))
  using watched = new WatchedDatabase(workload.setup)
  const script: string[] = [...workload.setup]
  let told = 0
  for (let step = 0; step < STEPS; step++) {
    const sql = step === 0 ? workload.pragmas() : workload.next()
    script.push(sql)
    try {
      told += watched.run(sql).length
    } catch (error) {
      if (isRefused(error)) {
        // SQLite refuses some of what the dice want; the transaction is undone.
        if (watched.live.db.inTransaction) watched.live.db.exec('ROLLBACK')
        told += watched.check(watched.live.commits()).length
        continue
      }
      throw new Error(
        `SEED=${seed} DATABASES=1, step ${step}: ${String(error)}\n${script.slice(-6).join(';\n').slice(0, 4000)}`,
        { cause: error },
      )
    }
  }
  return told
}

function isRefused(error: unknown): boolean {
  return error instanceof Error && error.name === 'SqliteError'
}
