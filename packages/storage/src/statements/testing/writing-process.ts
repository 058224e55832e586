import Database from 'better-sqlite3'
import { doWork, strangerOn, workOf } from './workload.ts'

/** A program that knows nothing of Stemma: `writing-process.ts DATABASE NAME SEED COUNT`. */
const [path, who, seed, count] = process.argv.slice(2)
const database = new Database(path!, { timeout: 20_000 })
database.pragma('synchronous = OFF')
const writer = strangerOn(database)
for (const [i, work] of workOf(Number(seed), Number(count)).entries()) doWork(database, writer, work, `${who}${i}`)
database.close()
