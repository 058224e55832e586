import Database from 'better-sqlite3'
import { moveMoney } from './folder.ts'
import { tell } from './orders.ts'

// A program that knows nothing of Stemma and writes to several databases in turn: `writer-process.ts PATH...`.
// What it says it has written was committed.

const writers = process.argv.slice(2).map((path) => {
  const database = new Database(path, { timeout: 5_000 })
  database.pragma('wal_autocheckpoint = 30')
  database.exec('CREATE TABLE IF NOT EXISTS entry (n INTEGER PRIMARY KEY, x TEXT, y BLOB)')
  return {
    database,
    n: database.prepare('SELECT coalesce(max(n), 0) FROM entry').pluck().get() as number,
    insert: database.prepare('INSERT INTO entry VALUES (?, hex(randomblob(8)), randomblob(abs(random() % 600)))'),
  }
})
tell({ kind: 'up' })
const rest = new Int32Array(new SharedArrayBuffer(4))
for (let round = 1; ; round++) {
  for (const writer of writers) {
    writer.insert.run(++writer.n)
    if (round % 5 === 0) moveMoney(writer.database)
    if (round % 40 === 0) writer.database.exec('DELETE FROM entry WHERE n < (SELECT max(n) FROM entry) - 200')
  }
  tell({ kind: 'wrote', counts: writers.map(({ n }) => n) })
  // The others need the processors as well.
  Atomics.wait(rest, 0, 0, 3)
}
