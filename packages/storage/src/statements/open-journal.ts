import { nodeDisk, type Disk } from '../disk/disk.ts'
import { heldFiles } from '../disk/held-files.ts'
import type { JournalMemory } from './journal-memory.ts'
import { StatementJournal, type WalMarks } from './statement-journal.ts'
import { WalMarkReader } from './wal-mark.ts'

/**
 * Makes a journal for the connection of this thread on a database.
 *
 * @param database - its path; the `-shm` file must be there when the first statement is wanted
 */
export function openStatementJournal(database: string, shared: JournalMemory, disk: Disk = nodeDisk): StatementJournal {
  return new StatementJournal({ shared, marks: openWalMarks(database, disk) })
}

/** Reads how far the WAL of a database has come. Its `-shm` file must be there at the first reading. */
export function openWalMarks(database: string, disk: Disk = nodeDisk): WalMarks {
  let reader: WalMarkReader | undefined
  return { read: (into) => (reader ??= new WalMarkReader(disk, heldFiles(disk).hold(`${database}-shm`))).read(into) }
}
