import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { betterSqlite3, nodeDisk, openLogStore } from '@stemma/storage'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { openLeader, type LeaderEvent } from '../../src/index.ts'

test('a commit whose rows nobody can know is a barrier in the row log and a warning, and the log of pages goes on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  const path = join(folder, 'app.db')
  const events: LeaderEvent[] = []
  const lead = async (write: (database: Database.Database) => void): Promise<void> => {
    const options = { database: path, listen: null, formats: ['wal', 'row'], thread: 'same' } as const
    const leader = await openLeader({ ...options, onEvent: (event) => events.push(event) })
    write(leader.database)
    await leader.status()
    await leader.close()
  }
  try {
    const database = new Database(path)
    database.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (a)')
    await lead((leading) => leading.exec('INSERT INTO t VALUES (1)'))
    for (let i = 0; i < 2; i++) {
      database.exec('UPDATE t SET a = a + 1')
      database.pragma('wal_checkpoint(TRUNCATE)')
    }
    await lead((leading) => leading.exec('INSERT INTO t VALUES (2)'))
    database.close()

    const warnings = events.flatMap((event) => (event.kind === 'warning' ? [event.error] : []))
    expect(warnings.map(({ code, details }) => [code, details['sequence']])).toEqual([['ROWS_UNKNOWN', 2]])
    const log = openLogStore({ database: path, driver: betterSqlite3, disk: nodeDisk })
    const barriers = (format: string): unknown[] => [1, 2, 3].map((sequence) => log.entryAt(format, sequence)?.barrier)
    expect({ wal: barriers('wal'), row: barriers('row') }).toEqual({ wal: [false, false, false], row: [false, true, false] })
    log.close()
  } finally {
    rmSync(folder, { recursive: true })
  }
})
