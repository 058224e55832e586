import { closeSync, existsSync, fstatSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'

/** A database that SQLite makes for one test. */
export interface Fixture {
  readonly db: Database.Database
  /** All bytes of the database file (`''`), or of the file beside it (`'-wal'`, `'-shm'`), as they are now. */
  read(suffix: '' | '-wal' | '-shm'): Uint8Array
}

/**
 * Makes a database in a folder of its own, hands it to a test and removes it.
 *
 * Descriptors stay open until the connection is closed: closing one earlier would drop SQLite's locks.
 *
 * @param prepare - changes the file after the first statement and before the others
 */
export function withDatabase<T>(setup: readonly string[], use: (fixture: Fixture) => T, prepare?: (file: string) => void): T {
  const folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  const file = join(folder, 'test.db')
  const held = new Map<string, number>()
  if (prepare !== undefined) {
    const first = new Database(file)
    first.exec(setup[0] ?? '')
    first.exec('PRAGMA user_version = 0')
    first.close()
    prepare(file)
  }
  const db = new Database(file)
  const read = (suffix: string): Uint8Array => {
    if (!existsSync(file + suffix)) return new Uint8Array(0)
    const fd = held.get(suffix) ?? openSync(file + suffix, 'r')
    held.set(suffix, fd)
    return readWhole(fd)
  }
  try {
    for (const sql of setup) db.exec(sql)
    return use({ db, read })
  } finally {
    db.close()
    for (const fd of held.values()) closeSync(fd)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Makes SQLite leave bytes alone at the end of each page, in a database that has no table yet. */
export function reserveBytes(reservedBytes: number): (file: string) => void {
  return (file) => {
    const bytes = readFileSync(file)
    const storedSize = bytes.readUInt16BE(16)
    const pageSize = storedSize === 1 ? 65_536 : storedSize
    bytes[20] = reservedBytes
    bytes.writeUInt16BE((pageSize - reservedBytes) & 0xffff, 105)
    writeFileSync(file, bytes)
  }
}

/** The only value of the only row of a query. */
export function ask(db: Database.Database, sql: string): unknown {
  return db.prepare(sql).pluck().get()
}

function readWhole(fd: number): Uint8Array {
  const bytes = new Uint8Array(fstatSync(fd).size)
  for (let at = 0; at < bytes.length;) {
    const count = readSync(fd, bytes, at, bytes.length - at, at)
    if (count === 0) break
    at += count
  }
  return bytes
}
