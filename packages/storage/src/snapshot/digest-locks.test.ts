import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { nodeDisk } from '../disk/disk.ts'
import { openLogStore } from '../log-store/open-log-store.ts'
import { betterSqlite3 } from '../sqlite/better-sqlite3.ts'
import { checkDatabase } from '../sqlite/check-database.ts'
import { lockDatabase } from '../sqlite/lock-database.ts'
import { digestDatabase } from './digest-database.ts'

const OPTIONS = { driver: betterSqlite3, disk: nodeDisk }

/** The locks that this process holds on a file, as the system lists them. */
function locksOn(path: string): readonly string[] {
  const inode = String(statSync(path).ino)
  const lines = readFileSync('/proc/locks', 'utf8').split('\n')
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[4] === String(process.pid) && fields[5]?.split(':')[2] === inode)
    .map((fields) => [fields[3], ...fields.slice(6)].join(' '))
    .sort()
}

test.skipIf(!existsSync('/proc/locks'))(
  'checking, digesting and logging take no lock from a connection of the same process',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'stemma-'))
    const database = join(folder, 'shop.db')
    const connection = betterSqlite3.open(database, { mustExist: false })
    connection.exec('PRAGMA journal_mode = WAL; CREATE TABLE t(a); INSERT INTO t VALUES (1)')
    connection.exec('BEGIN IMMEDIATE; INSERT INTO t VALUES (2)')
    const before = [locksOn(database), locksOn(`${database}-shm`)]
    expect(before.every((locks) => locks.length > 0)).toBe(true)
    for (let i = 0; i < 2; i++) {
      checkDatabase(database, OPTIONS)
      await digestDatabase(database, OPTIONS)
      const lock = lockDatabase({ database, ...OPTIONS })
      const log = openLogStore({ database, ...OPTIONS })
      const held = locksOn(`${database}-stemma-lock`)
      openLogStore({ database, ...OPTIONS, readOnly: true }).close()
      expect(locksOn(`${database}-stemma-lock`)).toEqual(held)
      log.close()
      lock.release()
      expect([locksOn(database), locksOn(`${database}-shm`)]).toEqual(before)
    }
    connection.exec('COMMIT')
    connection.close()
    rmSync(folder, { recursive: true })
  },
)
