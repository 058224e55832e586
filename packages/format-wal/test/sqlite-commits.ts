import Database from 'better-sqlite3'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PagePair } from './commit.ts'

export interface SqliteCommit {
  readonly pageSize: number
  readonly pageCount: number
  readonly pairs: readonly PagePair[]
}

/**
 * The commits that SQLite makes, page by page, as they stand in its `-wal` file.
 *
 * @param prepare - runs before the first commit that is looked at, in a database without a WAL
 * @param work - runs the commits
 */
export function sqliteCommits(
  pageSize: number,
  prepare: (database: Database.Database) => void,
  work: (database: Database.Database) => void,
): SqliteCommit[] {
  const folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  const path = join(folder, 'x.db')
  const database = new Database(path)
  try {
    database.pragma(`page_size = ${pageSize}`)
    prepare(database)
    database.pragma('journal_mode = wal')
    database.pragma('wal_autocheckpoint = 0')
    database.pragma('synchronous = off')
    database.pragma('wal_checkpoint(TRUNCATE)')
    const file = new Uint8Array(readFileSync(path))
    work(database)
    return readWal(new Uint8Array(readFileSync(`${path}-wal`)), file, pageSize)
  } finally {
    database.close()
    rmSync(folder, { recursive: true })
  }
}

function readWal(wal: Uint8Array, file: Uint8Array, pageSize: number): SqliteCommit[] {
  const view = new DataView(wal.buffer, wal.byteOffset, wal.byteLength)
  const pages = new Map<number, Uint8Array>()
  for (let at = 0; at < file.byteLength; at += pageSize) pages.set(at / pageSize + 1, file.slice(at, at + pageSize))
  const commits: SqliteCommit[] = []
  let written = new Map<number, Uint8Array>()
  for (let at = 32; at + 24 + pageSize <= wal.byteLength; at += 24 + pageSize) {
    written.set(view.getUint32(at), wal.slice(at + 24, at + 24 + pageSize))
    const pageCount = view.getUint32(at + 4)
    if (pageCount === 0) continue
    const pairs = [...written]
      .filter(([pageNumber]) => pageNumber <= pageCount)
      .sort(([a], [b]) => a - b)
      .map(([pageNumber, after]) => ({ pageNumber, before: pages.get(pageNumber), after }))
    for (const { pageNumber, after } of pairs) pages.set(pageNumber, after)
    for (const pageNumber of pages.keys()) if (pageNumber > pageCount) pages.delete(pageNumber)
    commits.push({ pageSize, pageCount, pairs })
    written = new Map()
  }
  return commits
}
