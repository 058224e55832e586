import { DatabaseSync } from 'node:sqlite'
import { newWorkload, type Writable, type Workload } from './workload.ts'
import { write } from './write.ts'

// A writer whose changes are captured by a session of node:sqlite: another SQLite than the others use, so a program of its own.

export type CaptureTask =
  | { readonly kind: 'open-sessions'; readonly database: string }
  | { readonly kind: 'write'; readonly workload: Workload; readonly seconds: number }
  | { readonly kind: 'close' }

let database: DatabaseSync | undefined

process.on('message', (task: CaptureTask) => {
  try {
    process.send!({ result: run(task) })
  } catch (error) {
    process.send!({ error: String(error) })
  }
})
process.on('disconnect', () => process.exit(0))

function run(task: CaptureTask): unknown {
  switch (task.kind) {
    case 'open-sessions':
      database = new DatabaseSync(task.database)
      // As better-sqlite3 has it in WAL mode.
      database.exec('PRAGMA synchronous = NORMAL')
      database.exec('CREATE TABLE IF NOT EXISTS changes (id INTEGER PRIMARY KEY, changeset BLOB NOT NULL)')
      return undefined
    case 'write':
      return write(newStep(database!, task.workload), Infinity, task.seconds)
    case 'close':
      database?.close()
      return undefined
  }
}

/** A transaction, with a session whose changeset goes into a table, in the same transaction. */
function newStep(opened: DatabaseSync, workload: Workload): () => void {
  const writable: Writable = {
    prepare(sql) {
      const statement = opened.prepare(sql)
      return { run: (...values) => statement.run(...values) }
    },
    // Each step is a transaction below.
    transaction: (work) => work,
  }
  const step = newWorkload(writable, workload, 7)
  const [begin, commit] = [opened.prepare('BEGIN'), opened.prepare('COMMIT')]
  const keep = opened.prepare('INSERT INTO changes (changeset) VALUES (?)')
  return () => {
    const session = opened.createSession({ table: 'item' })
    begin.run()
    step()
    keep.run(session.changeset())
    commit.run()
    session.close()
  }
}
