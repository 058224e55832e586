import { readFileSync } from 'node:fs'
import { pageSum, type Position } from '@stemma/base'
import { decodeEntry, encodeEntry, type DecodedEntry, type Entry, type PageFormat } from '@stemma/log'
import {
  FRAME_HEADER_SIZE,
  FrameChain,
  decodeWalHeader,
  frameCommitPageCount,
  frameOffset,
  framePageNumber,
} from '@stemma/sqlite-file'
import Database from 'better-sqlite3'
import { PageSums } from '../../src/page-sums.ts'
import type { SnapshotToStage } from '../../src/replica/page-store.ts'

export const CLUSTER = '0123456789abcdef0123456789abcdef'

/** A format that holds whole pages: page count, then number, check and bytes of each. */
export const wholePages: PageFormat = {
  name: 'whole',
  version: 1,
  reads: [1],
  view: 'pages',
  encode: () => {
    throw new Error('the test leader encodes by itself')
  },
  apply(payload, _version, target) {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
    target.setPageCount(view.getUint32(0))
    for (let at = 4; at < payload.byteLength; at += 8 + target.pageSize) {
      const pageNumber = view.getUint32(at)
      target.page(pageNumber).set(payload.subarray(at + 8, at + 8 + target.pageSize))
      target.expect(pageNumber, view.getUint32(at + 4))
    }
  },
  describe: () => ({ summary: '', details: [] }),
}

/** A leader's database as it stood at one position. */
export interface Still {
  readonly snapshot: SnapshotToStage
  readonly pageCount: number
  readonly sums: PageSums
  readonly pages: ReadonlyMap<number, Uint8Array>
}

/** An entry that was put into its envelope again, with something else in it. */
export function anew(entry: DecodedEntry, change: Partial<Entry>): DecodedEntry {
  return decodeEntry(encodeEntry({ ...entry, ...change }), 0)!
}

/** A database that is written by SQLite, and the log that a leader would make of it, read from its WAL by other means than ours. */
export class TestLeader implements Still {
  readonly database: Database.Database
  readonly path: string
  readonly pageSize: number
  readonly sums = new PageSums()
  readonly pages = new Map<number, Uint8Array>()
  readonly entries: DecodedEntry[] = []
  position: Position = { epoch: 1, sequence: 0 }
  #frame = 0

  constructor(path: string, pragmas: { readonly pageSize?: number; readonly autoVacuum?: string } = {}) {
    this.path = path
    this.pageSize = pragmas.pageSize ?? 4096
    this.database = new Database(path)
    this.database.pragma(`page_size = ${this.pageSize}`)
    this.database.pragma(`auto_vacuum = ${pragmas.autoVacuum ?? 'none'}`)
    this.database.pragma('journal_mode = WAL')
    this.database.pragma('wal_autocheckpoint = 0')
    const first = this.database.pragma('page_count', { simple: true }) as number
    const bytes = readPagesOfFile(this.database)
    this.sums.setPageCount(first)
    for (let page = 1; page <= first; page++) this.#set(page, bytes.subarray((page - 1) * this.pageSize, page * this.pageSize))
  }

  get pageCount(): number {
    return this.sums.pageCount
  }

  get digest(): bigint {
    return this.sums.digest
  }

  /** Runs SQL, each statement a transaction unless it says otherwise, and gives the entries that came of it. */
  run(sql: string): DecodedEntry[] {
    this.database.exec(sql)
    return this.tail()
  }

  /** Reads the commits that the WAL has more than last time. */
  tail(): DecodedEntry[] {
    const wal = readFileSync(`${this.path}-wal`)
    const start = decodeWalHeader(wal)
    if (start.kind === 'empty') return []
    const chain = new FrameChain(start.header)
    const found: DecodedEntry[] = []
    let commit = new Map<number, Uint8Array>()
    for (let frame = 1; chain.follow(wal, frameOffset(frame, this.pageSize)); frame++) {
      if (frame <= this.#frame) continue
      const at = frameOffset(frame, this.pageSize)
      commit.set(framePageNumber(wal, at), wal.subarray(at + FRAME_HEADER_SIZE, at + FRAME_HEADER_SIZE + this.pageSize))
      const pageCount = frameCommitPageCount(wal, at)
      if (pageCount === 0) continue
      this.#frame = frame
      found.push(this.commit(commit, pageCount))
      commit = new Map()
    }
    return found
  }

  /** Makes an entry of pages, whatever they are. */
  commit(pages: ReadonlyMap<number, Uint8Array>, pageCount: number): DecodedEntry {
    const digestBefore = this.digest
    for (let gone = pageCount + 1; gone <= this.pageCount; gone++) this.pages.delete(gone)
    this.sums.setPageCount(pageCount)
    const kept = [...pages].filter(([page]) => page <= pageCount)
    for (const [page, bytes] of kept) this.#set(page, bytes)
    const payload = new Uint8Array(4 + kept.length * (8 + this.pageSize))
    const view = new DataView(payload.buffer)
    view.setUint32(0, pageCount)
    kept.forEach(([page, bytes], i) => {
      const at = 4 + i * (8 + this.pageSize)
      view.setUint32(at, page)
      view.setUint32(at + 4, Number(this.sums.get(page) & 0xffffffffn))
      payload.set(bytes, at + 8)
    })
    return this.entry(payload, { digestBefore })
  }

  entry(payload: Uint8Array, { barrier = false, digestBefore = this.digest } = {}): DecodedEntry {
    this.position = { epoch: 1, sequence: this.position.sequence + 1 }
    const entry = decodeEntry(
      encodeEntry({
        format: 'whole',
        formatVersion: 1,
        position: this.position,
        committedAt: 1_700_000_000_000,
        recovered: false,
        barrier,
        digest: this.digest,
        digestBefore,
        payload,
      }),
      0,
    )!
    this.entries.push(entry)
    return entry
  }

  get snapshot(): SnapshotToStage {
    const { position, digest, pageSize, pageCount } = this
    return { cluster: CLUSTER, format: 'whole', position, digest, pageSize, pageCount }
  }

  /** The database as it stands now. */
  still(): Still {
    return { snapshot: this.snapshot, pageCount: this.pageCount, sums: this.sums.copy(), pages: new Map(this.pages) }
  }

  /** The whole database, as it stands at `position`. */
  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.pageCount * this.pageSize)
    for (const [page, content] of this.pages) bytes.set(content, (page - 1) * this.pageSize)
    return bytes
  }

  close(): void {
    this.database.close()
  }

  #set(page: number, bytes: Uint8Array): void {
    this.pages.set(page, new Uint8Array(bytes))
    this.sums.set(page, pageSum(page, bytes))
  }
}

function readPagesOfFile(database: Database.Database): Buffer {
  return database.serialize()
}
