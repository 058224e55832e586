import { pageSum, type Position } from '@stemma/base'
import { decodeEntry, encodeEntry, type DecodedEntry } from '@stemma/log'
import { lockBytePage } from '@stemma/sqlite-file'
import Database from 'better-sqlite3'
import { PageSums } from '../../src/page-sums.ts'
import type { SnapshotToStage } from '../../src/replica/page-store.ts'
import { TableCatalog } from '../../src/rows/table-catalog.ts'
import { betterSqlite3 } from '../../src/sqlite/better-sqlite3.ts'
import { CLUSTER, type Still } from '../replica/test-leader.ts'
import { encodeRows, jsonRows } from './json-rows.ts'
import { wholeDifference } from './whole-difference.ts'

export interface RowLeaderOptions {
  readonly pageSize?: number
  readonly encoding?: 'utf-8' | 'utf-16le' | 'utf-16be'
  readonly autoVacuum?: 'none' | 'full' | 'incremental'
}

/** A database that SQLite writes, and the log of its rows, found by comparing it whole with what it was. */
export class RowLeader {
  readonly database: Database.Database
  readonly entries: DecodedEntry[] = []
  readonly #catalog: TableCatalog
  position: Position = { epoch: 1, sequence: 0 }
  #bytes: Buffer

  constructor(path: string, options: RowLeaderOptions = {}) {
    this.database = startDatabase(path, options)
    this.#catalog = new TableCatalog(betterSqlite3, options.encoding ?? 'utf-8')
    this.#bytes = this.database.serialize()
  }

  get digest(): bigint {
    return sumsOf(this.#bytes, this.pageSize).digest
  }

  get pageSize(): number {
    return this.database.pragma('page_size', { simple: true }) as number
  }

  /** Runs SQL; all that it committed becomes one entry, if it is anything. */
  run(sql: string | (() => void)): DecodedEntry[] {
    if (typeof sql === 'string') this.database.exec(sql)
    else sql()
    const bytes = this.database.serialize()
    if (bytes.equals(this.#bytes)) return []
    const digestBefore = this.digest
    const rows = wholeDifference(this.#bytes, bytes, this.#catalog)
    this.#bytes = bytes
    this.position = { epoch: 1, sequence: this.position.sequence + 1 }
    const entry = decodeEntry(
      encodeEntry({
        format: jsonRows.name,
        formatVersion: 1,
        position: this.position,
        committedAt: 1_700_000_000_000,
        recovered: false,
        barrier: false,
        digest: this.digest,
        digestBefore,
        payload: encodeRows(rows),
      }),
      0,
    )!
    this.entries.push(entry)
    return [entry]
  }

  /** The same in one transaction. */
  commit(sql: string): DecodedEntry[] {
    return this.run(`BEGIN; ${sql}; COMMIT`)
  }

  still(): Still {
    return stillOf(this.database, this.position)
  }

  close(): void {
    this.#catalog.close()
    this.database.close()
  }
}

/** Makes a database in WAL mode, whose schema may be written. */
export function startDatabase(
  path: string,
  { pageSize = 1024, encoding = 'utf-8', autoVacuum = 'none' }: RowLeaderOptions,
): Database.Database {
  const database = new Database(path)
  database.unsafeMode(true)
  database.exec(`PRAGMA page_size = ${pageSize}; PRAGMA encoding = '${encoding}'; PRAGMA auto_vacuum = ${autoVacuum}`)
  database.pragma('journal_mode = WAL')
  database.exec('CREATE TABLE first (x); DROP TABLE first')
  return database
}

/** A database as it stands, at this position. */
export function stillOf(database: Database.Database, position: Position): Still {
  const bytes = new Uint8Array(database.serialize())
  const pageSize = database.pragma('page_size', { simple: true }) as number
  const sums = sumsOf(bytes, pageSize)
  const { pageCount, digest } = sums
  const pages = new Map<number, Uint8Array>()
  for (let page = 1; page <= pageCount; page++) pages.set(page, bytes.subarray((page - 1) * pageSize, page * pageSize))
  const snapshot: SnapshotToStage = { cluster: CLUSTER, format: jsonRows.name, position, digest, pageSize, pageCount }
  return { snapshot, pageCount, sums, pages }
}

function sumsOf(bytes: Uint8Array, pageSize: number): PageSums {
  const pageCount = bytes.byteLength / pageSize
  const sums = new PageSums(pageCount)
  sums.setPageCount(pageCount)
  for (let page = 1; page <= pageCount; page++) {
    if (page !== lockBytePage(pageSize)) sums.set(page, pageSum(page, bytes.subarray((page - 1) * pageSize, page * pageSize)))
  }
  return sums
}
