import { nodeDisk, type Disk } from '../disk/disk.ts'
import { heldFiles } from '../disk/held-files.ts'
import type { JournalMemory } from './journal-memory.ts'
import { StatementJournal } from './statement-journal.ts'
import { WalMarkReader } from './wal-mark.ts'

/**
 * Makes a journal for the connection of this thread on a database.
 *
 * @param database - its path; the `-shm` file must be there when the first statement is wanted
 */
export function openStatementJournal(database: string, shared: JournalMemory, disk: Disk = nodeDisk): StatementJournal {
  let marks: WalMarkReader | undefined
  return new StatementJournal({
    shared,
    marks: { read: (into) => (marks ??= new WalMarkReader(disk, heldFiles(disk).hold(`${database}-shm`))).read(into) },
  })
}
