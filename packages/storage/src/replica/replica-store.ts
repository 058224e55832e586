import { randomBytes } from 'node:crypto'
import type { Disk } from '../disk/disk.ts'
import { PageSums } from '../page-sums.ts'
import type { SqliteConnection, SqliteDriver } from '../sqlite/driver.ts'
import { openSidecar, sidecarError, sidecarPath } from '../sqlite/sidecar.ts'
import type { CopyHistory, CopyPlace, NotedPlace } from './copy-place.ts'
import { PlaceRing } from './place-ring.ts'

export interface ReplicaStoreOptions {
  readonly database: string
  readonly driver: SqliteDriver
  readonly disk: Disk
}

/** What the page sums that were kept stand for: the copy at the beginning of this WAL, named by its salts. */
export interface SumsOrigin {
  readonly salt1: number
  readonly salt2: number
}

const SUMS_IN_CHUNK = 512
// The sidecar's own WAL is put into it after so many times of keeping sums.
const TIMES_BETWEEN_CHECKPOINTS = 8

/**
 * A replica's memory: which histories the copy was a part of, where in them it stands, and the page sums at the beginning of its
 * WAL. In the sidecar `<database>-stemma`, and the places in a file of their own.
 *
 * Places are noted before the transactions that they describe. Of those that are kept, the one that fits what the copy
 * holds is the truth; the others are of transactions that never came to be, or that a power cut has taken back.
 */
export class ReplicaStore {
  readonly #connection: SqliteConnection
  readonly #path: string
  readonly #ring: PlaceRing
  /** This node: 32 hexadecimal digits. */
  readonly node: string
  #history: { readonly id: number; readonly of: CopyHistory } | undefined
  #timesKept = 0

  /** @throws StemmaError WRONG_ROLE and what else `openSidecar` throws */
  constructor(options: ReplicaStoreOptions) {
    const { database, disk } = options
    this.#path = sidecarPath(database)
    this.#connection = openSidecar({ ...options, role: 'replica', create: createTables })
    try {
      this.node = String(this.#connection.prepare('SELECT node FROM replica').get()?.['node'])
      this.#ring = new PlaceRing(disk, database)
    } catch (error) {
      this.#connection.close()
      throw sidecarError(error, this.#path)
    }
  }

  /** All places that are kept, newest first. */
  places(): CopyPlace[] {
    return this.#guard(() => joinHistories(this.#ring.read(), readHistories(this.#connection)))
  }

  /** The history that the copy came to last; undefined when there was none. */
  newestHistory(): CopyHistory | undefined {
    return this.#guard(() => [...readHistories(this.#connection).values()].at(-1))
  }

  /** Notes places, oldest first. Not durable before `sync`. */
  note(places: readonly CopyPlace[]): void {
    if (places.length === 0) return
    this.#guard(() => this.#ring.note(places.map((place) => ({ ...place, history: this.#idOf(place) }))))
  }

  /** Makes what was noted so far durable. */
  sync(): Promise<void> {
    return this.#ring.sync()
  }

  /** The same on this thread. */
  syncNow(): void {
    this.#ring.syncNow()
  }

  /** The page sums that were kept last, and what they stand for; undefined when there are none. */
  readSums(): { readonly origin: SumsOrigin; readonly sums: PageSums } | undefined {
    return this.#guard(() => {
      const row = this.#connection.prepare('SELECT salt1, salt2, page_count FROM sums_origin').get()
      if (row === undefined) return undefined
      const pageCount = Number(row['page_count'])
      const sums = new PageSums(pageCount)
      sums.setPageCount(pageCount)
      for (const { chunk, bytes } of this.#connection.prepare('SELECT chunk, bytes FROM sums').all()) {
        sums.load(Number(chunk) * SUMS_IN_CHUNK + 1, bytes as Uint8Array)
      }
      return { origin: { salt1: Number(row['salt1']), salt2: Number(row['salt2']) }, sums }
    })
  }

  /**
   * Keeps page sums. The first time all of them, whatever `changed` says.
   *
   * @param changed - numbers of pages that changed since they were last kept; undefined for all
   */
  keepSums(sums: PageSums, origin: SumsOrigin, changed: Iterable<number> | undefined): void {
    this.#writeSums(sums, origin, this.#timesKept > 0 ? changed : undefined)
    this.#timesKept++
    if (this.#timesKept % TIMES_BETWEEN_CHECKPOINTS === 0) {
      this.#guard(() => this.#connection.prepare('PRAGMA wal_checkpoint(PASSIVE)').get())
    }
  }

  #writeSums(sums: PageSums, origin: SumsOrigin, changed: Iterable<number> | undefined): void {
    const chunkCount = Math.ceil(sums.pageCount / SUMS_IN_CHUNK)
    this.#guard(() => {
      this.#connection.exec('BEGIN IMMEDIATE')
      try {
        this.#connection.prepare('DELETE FROM sums WHERE chunk >= ?').run(BigInt(changed === undefined ? 0 : chunkCount))
        const insert = this.#connection.prepare('INSERT OR REPLACE INTO sums(chunk, bytes) VALUES (?, ?)')
        for (const chunk of changed === undefined ? range(chunkCount) : chunksOf(changed, chunkCount)) {
          insert.run(BigInt(chunk), sums.bytes(chunk * SUMS_IN_CHUNK + 1, SUMS_IN_CHUNK))
        }
        this.#connection.exec('DELETE FROM sums_origin')
        this.#connection
          .prepare('INSERT INTO sums_origin(salt1, salt2, page_count) VALUES (?, ?, ?)')
          .run(BigInt(origin.salt1), BigInt(origin.salt2), BigInt(sums.pageCount))
        this.#connection.exec('COMMIT')
      } catch (error) {
        if (this.#connection.inTransaction) this.#connection.exec('ROLLBACK')
        throw error
      }
    })
  }

  /** Says that a WAL goes by other salts than when its sums were kept. */
  moveSums(from: SumsOrigin, to: SumsOrigin): void {
    if (from.salt1 === to.salt1 && from.salt2 === to.salt2) return
    const values = [to.salt1, to.salt2, from.salt1, from.salt2].map(BigInt)
    this.#guard(() => {
      this.#connection.prepare('UPDATE sums_origin SET salt1 = ?, salt2 = ? WHERE salt1 = ? AND salt2 = ?').run(...values)
    })
  }

  close(): void {
    try {
      this.#connection.close()
    } finally {
      this.#ring.close()
    }
  }

  /** The number of a history, which is durable when this returns. */
  #idOf({ cluster, format }: CopyHistory): number {
    if (this.#history?.of.cluster === cluster && this.#history.of.format === format) return this.#history.id
    const known = [...readHistories(this.#connection)].findLast(([, of]) => of.cluster === cluster && of.format === format)
    let id = known?.[0]
    if (id === undefined) {
      this.#connection.exec('PRAGMA synchronous = FULL')
      this.#connection.prepare('INSERT INTO history(cluster, format) VALUES (?, ?)').run(cluster, format)
      this.#connection.exec('PRAGMA synchronous = NORMAL')
      id = Number(this.#connection.prepare('SELECT max(id) AS id FROM history').get()?.['id'])
    }
    this.#history = { id, of: { cluster, format } }
    return id
  }

  #guard<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw sidecarError(error, this.#path)
    }
  }
}

function createTables(connection: SqliteConnection): void {
  connection.exec(`
    CREATE TABLE replica(node TEXT NOT NULL);
    CREATE TABLE history(id INTEGER PRIMARY KEY, cluster TEXT NOT NULL, format TEXT NOT NULL);
    CREATE TABLE sums(chunk INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
    CREATE TABLE sums_origin(salt1 INTEGER NOT NULL, salt2 INTEGER NOT NULL, page_count INTEGER NOT NULL);
  `)
  connection.prepare('INSERT INTO replica(node) VALUES (?)').run(randomBytes(16).toString('hex'))
}

/** The histories of a sidecar by their numbers, oldest first. */
export function readHistories(connection: SqliteConnection): Map<number, CopyHistory> {
  const rows = connection.prepare('SELECT id, cluster, format FROM history ORDER BY id').all()
  return new Map(rows.map((row) => [Number(row['id']), { cluster: String(row['cluster']), format: String(row['format']) }]))
}

/** Says of each place which history it belongs to; places of unknown histories are left out. */
export function joinHistories(places: readonly NotedPlace[], histories: ReadonlyMap<number, CopyHistory>): CopyPlace[] {
  return places.flatMap(({ history, ...place }) => {
    const of = histories.get(history)
    return of === undefined ? [] : [{ ...place, ...of }]
  })
}

function chunksOf(pages: Iterable<number>, chunkCount: number): Set<number> {
  const chunks = new Set<number>()
  for (const page of pages) {
    const chunk = Math.floor((page - 1) / SUMS_IN_CHUNK)
    if (chunk < chunkCount) chunks.add(chunk)
  }
  return chunks
}

function* range(count: number): Iterable<number> {
  for (let i = 0; i < count; i++) yield i
}
