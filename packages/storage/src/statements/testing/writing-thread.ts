import { workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { JournalMemory } from '../journal-memory.ts'
import { openWalMarks } from '../open-journal.ts'
import { StatementJournal } from '../statement-journal.ts'
import { PlainRecorder } from './plain-recorder.ts'
import { doWork, programOn, workOf } from './workload.ts'

export interface WritingThreadData {
  readonly path: string
  readonly memory: SharedArrayBuffer
  readonly who: string
  readonly seed: number
  readonly count: number
}

/** A program that is recorded, on a thread of its own. */
const { path, memory, who, seed, count } = workerData as WritingThreadData
const database = new Database(path, { timeout: 20_000 })
database.pragma('synchronous = OFF')
database.prepare('SELECT 1 FROM sqlite_schema').get()
/** Now and then it is slow between two things that it does, so that others come in between. */
let turn = 0
function dawdle(): void {
  if (++turn % 5 !== 0) return
  const end = performance.now() + (turn % 7) / 10
  while (performance.now() < end);
}
const marks = openWalMarks(path)
const journal = new StatementJournal({
  shared: new JournalMemory(memory),
  marks: {
    read(into) {
      dawdle()
      const isRead = marks.read(into)
      dawdle()
      return isRead
    },
  },
})
const writer = programOn(new PlainRecorder(database, journal, dawdle))
for (const [i, work] of workOf(seed, count).entries()) doWork(database, writer, work, `${who}${i}`)
database.close()
