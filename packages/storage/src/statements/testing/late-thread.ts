import { parentPort, workerData } from 'node:worker_threads'
import { JournalMemory, WAITING } from '../journal-memory.ts'
import { StatementJournal } from '../statement-journal.ts'
import { logged } from './plain-recorder.ts'

/** A program that has committed, and tells its statements only when somebody waits for them. */
const shared = new JournalMemory(workerData as SharedArrayBuffer)
let commits = 0
const journal = new StatementJournal({
  shared,
  marks: {
    read(into) {
      Object.assign(into, { salt1: 1, salt2: 2, frame: commits, commits: commits++ })
      return true
    },
  },
})
journal.begin(5, true)
parentPort!.postMessage('committed')
while (Atomics.load(shared.cells, WAITING) === 0);
journal.add(logged('INSERT'))
journal.committed(() => true)
