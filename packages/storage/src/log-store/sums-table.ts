import { StemmaError } from '@stemma/base'
import { PageSums } from '../page-sums.ts'
import type { DriverRow, SqliteConnection, SqliteStatement } from '../sqlite/driver.ts'
import type { Place } from '../wal-place.ts'
import { decodeChanges, encodeChanges } from './sum-changes.ts'

/** Pages in one chunk of sums: 4 KiB. */
export const CHUNK_PAGES = 512

const WAITING_BYTES_MIN = 1024 * 1024

/** What a batch takes besides the sums that it changed, about. */
const BATCH_BYTES = 80

/**
 * Where the log has come to, and the page sums there.
 *
 *     batch(id, place..., sums)      one row a batch: the place after it, and the sums of the pages that it changed
 *     chunk(number, batch, bytes)    the sums of 512 pages as they were after a batch
 *
 * A batch costs 12 bytes a page and 80 besides. Changes wait in their batches until there are as many bytes of them as the sums take as
 * a whole (1 MiB at least); from then on each batch folds so much into chunks as it brings, the chunk that waited longest first,
 * so no batch takes long and the cost of a batch doesn't grow with the database. The sums are kept in memory too, since a
 * chunk is written from there.
 */
export class SumsTable {
  readonly #connection: SqliteConnection
  readonly #waitingBytesMin: number
  readonly #statements = new Map<string, SqliteStatement>()
  #sums: PageSums = new PageSums()
  #place: Place | undefined
  #batch = 0
  /** Chunks with changes that wait, and the first batch that holds any; the longest waiting first. */
  #waiting = new Map<number, number>()
  /** Sizes of the changes of the batches kept, oldest first. */
  #sizes: { readonly id: number; readonly bytes: number }[] = []
  #waitingBytes = 0

  static create(connection: SqliteConnection): void {
    connection.exec(
      `CREATE TABLE batch(id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL, digest INTEGER NOT NULL,
         page_size INTEGER NOT NULL, page_count INTEGER NOT NULL,
         wal_salt1 INTEGER, wal_salt2 INTEGER, wal_frame INTEGER, wal_checksum1 INTEGER, wal_checksum2 INTEGER, sums BLOB NOT NULL);
       CREATE TABLE chunk(number INTEGER PRIMARY KEY, batch INTEGER NOT NULL, bytes BLOB NOT NULL)`,
    )
  }

  /** @param waitingBytesMin - so many bytes of changes wait in any case before they are folded into chunks */
  constructor(connection: SqliteConnection, waitingBytesMin: number = WAITING_BYTES_MIN) {
    this.#connection = connection
    this.#waitingBytesMin = waitingBytesMin
  }

  get place(): Place | undefined {
    return this.#place
  }

  /** A copy of the sums at `place`. */
  copySums(): PageSums {
    return this.#sums.copy()
  }

  loadPlace(): void {
    const row = this.#sql('SELECT * FROM batch ORDER BY id DESC LIMIT 1').get()
    this.#place = row && placeOf(row)
  }

  /**
   * Reads everything.
   *
   * @throws StemmaError DAMAGED_LOG when the sums don't make the digest of the place
   */
  load(): void {
    this.loadPlace()
    const sums = new PageSums(this.#place?.pageCount)
    this.#waiting = new Map()
    this.#sizes = []
    this.#waitingBytes = 0
    this.#batch = 0
    // How old each chunk is; a chunk that has no row holds zeros, older than any batch.
    const foldedAt = new Map<number, number>()
    for (const row of this.#sql('SELECT number, batch, bytes FROM chunk').all()) {
      const number = Number(row['number'])
      sums.grow((number + 1) * CHUNK_PAGES)
      sums.load(number * CHUNK_PAGES + 1, row['bytes'] as Uint8Array)
      foldedAt.set(number, Number(row['batch']))
    }
    // A batch before the first one kept may have been larger.
    let pageCountBefore = Infinity
    for (const row of this.#sql('SELECT id, page_count, sums FROM batch ORDER BY id').all()) {
      this.#loadBatch(row, sums, { foldedAt, pageCountBefore })
      pageCountBefore = Number(row['page_count'])
    }
    sums.setPageCount(this.#place?.pageCount ?? 0)
    this.#forgetChunksFrom(chunksOf(sums.pageCount))
    if (this.#place !== undefined && sums.digest !== this.#place.digest) {
      throw new StemmaError('DAMAGED_LOG', 'the page sums that were kept do not make the digest that was kept', {
        place: this.#place,
      })
    }
    this.#sums = sums
  }

  #loadBatch(
    row: DriverRow,
    sums: PageSums,
    state: { readonly foldedAt: ReadonlyMap<number, number>; readonly pageCountBefore: number },
  ): void {
    const { foldedAt, pageCountBefore } = state
    const id = Number(row['id'])
    const pageCount = Number(row['page_count'])
    sums.grow(pageCount)
    for (let number = Math.floor(pageCount / CHUNK_PAGES); number * CHUNK_PAGES < sums.pageCount; number++) {
      if ((foldedAt.get(number) ?? 0) < id) sums.clear(Math.max(pageCount, number * CHUNK_PAGES) + 1, (number + 1) * CHUNK_PAGES)
    }
    if (pageCount < pageCountBefore) this.#wait(chunksOf(pageCount) - 1, id)
    const bytes = row['sums'] as Uint8Array
    decodeChanges(bytes, (pageNumber, sum) => {
      const number = chunkOf(pageNumber)
      if ((foldedAt.get(number) ?? 0) >= id) return
      sums.set(pageNumber, sum)
      this.#wait(number, id)
    })
    this.#keep(id, bytes.byteLength)
  }

  /** Adds a batch's place and sums. */
  append(place: Place, changedSums: ReadonlyMap<number, bigint>): void {
    const id = this.#batch + 1
    const before = this.#sums.pageCount
    this.#sums.setPageCount(place.pageCount)
    if (place.pageCount < before) this.#shrink(place.pageCount, id)
    for (const [pageNumber, sum] of changedSums) {
      if (pageNumber > place.pageCount) continue
      this.#sums.set(pageNumber, sum)
      this.#wait(chunkOf(pageNumber), id)
    }
    const changes = encodeChanges(changedSums, place.pageCount)
    this.#insertBatch(id, place, changes)
    const limit = Math.max(this.#waitingBytesMin, this.#sums.pageCount * 8)
    if (this.#waitingBytes <= limit) return
    const toFold = Math.max(changes.byteLength + BATCH_BYTES, this.#waitingBytes - limit)
    this.#fold(Math.ceil((this.#waiting.size * toFold) / this.#waitingBytes))
  }

  /** Sets place and sums anew. */
  replace(place: Place, sums: PageSums): void {
    this.#sql('DELETE FROM batch').run()
    this.#sql('DELETE FROM chunk').run()
    this.#sums = sums.copy()
    this.#waiting.clear()
    this.#sizes = []
    this.#waitingBytes = 0
    this.#insertBatch(this.#batch + 1, place, new Uint8Array(0))
    for (let number = 0; number * CHUNK_PAGES < sums.pageCount; number++) this.#writeChunk(number)
  }

  #insertBatch(id: number, place: Place, changes: Uint8Array): void {
    const { position, wal } = place
    this.#sql('INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
      id,
      position.epoch,
      position.sequence,
      BigInt.asIntN(64, place.digest),
      place.pageSize,
      place.pageCount,
      wal?.salt1 ?? null,
      wal?.salt2 ?? null,
      wal?.frame ?? null,
      wal?.checksum1 ?? null,
      wal?.checksum2 ?? null,
      changes,
    )
    this.#place = { position, digest: place.digest, pageSize: place.pageSize, pageCount: place.pageCount, wal }
    this.#keep(id, changes.byteLength)
  }

  #keep(id: number, changeBytes: number): void {
    this.#batch = id
    this.#sizes.push({ id, bytes: changeBytes + BATCH_BYTES })
    this.#waitingBytes += changeBytes + BATCH_BYTES
  }

  #shrink(pageCount: number, id: number): void {
    const beyond = chunksOf(pageCount)
    this.#sql('DELETE FROM chunk WHERE number >= ?').run(beyond)
    this.#forgetChunksFrom(beyond)
    this.#wait(beyond - 1, id)
  }

  #wait(number: number, id: number): void {
    if (number >= 0 && !this.#waiting.has(number)) this.#waiting.set(number, id)
  }

  #forgetChunksFrom(beyond: number): void {
    for (const number of this.#waiting.keys()) if (number >= beyond) this.#waiting.delete(number)
  }

  /** Writes the chunks that waited longest, and drops the batches that are then no longer needed. */
  #fold(count: number): void {
    let left = count
    for (const number of this.#waiting.keys()) {
      if (left-- === 0) break
      this.#waiting.delete(number)
      this.#writeChunk(number)
    }
    const [oldest] = this.#waiting.values()
    const needed = oldest ?? this.#batch
    let dropped = 0
    while (this.#sizes[dropped]!.id < needed) this.#waitingBytes -= this.#sizes[dropped++]!.bytes
    if (dropped === 0) return
    this.#sizes.splice(0, dropped)
    this.#sql('DELETE FROM batch WHERE id < ?').run(needed)
  }

  #writeChunk(number: number): void {
    const bytes = this.#sums.bytes(number * CHUNK_PAGES + 1, CHUNK_PAGES)
    this.#sql('INSERT OR REPLACE INTO chunk(number, batch, bytes) VALUES (?, ?, ?)').run(number, this.#batch, bytes)
  }

  #sql(sql: string): SqliteStatement {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#connection.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}

function chunksOf(pageCount: number): number {
  return Math.ceil(pageCount / CHUNK_PAGES)
}

function chunkOf(pageNumber: number): number {
  return Math.floor((pageNumber - 1) / CHUNK_PAGES)
}

function placeOf(row: DriverRow): Place {
  const salt1 = row['wal_salt1']
  return {
    position: { epoch: Number(row['epoch']), sequence: Number(row['sequence']) },
    digest: BigInt.asUintN(64, BigInt(row['digest'] as bigint)),
    pageSize: Number(row['page_size']),
    pageCount: Number(row['page_count']),
    wal:
      salt1 === null || salt1 === undefined
        ? undefined
        : {
            salt1: Number(salt1),
            salt2: Number(row['wal_salt2']),
            frame: Number(row['wal_frame']),
            checksum1: Number(row['wal_checksum1']),
            checksum2: Number(row['wal_checksum2']),
          },
  }
}
