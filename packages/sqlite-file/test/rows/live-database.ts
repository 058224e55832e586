import { closeSync, existsSync, fstatSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import {
  FRAME_HEADER_SIZE,
  FrameChain,
  WAL_HEADER_SIZE,
  decodeFrameHeader,
  decodeWalHeader,
  lockBytePage,
  type DatabaseChange,
  type Pages,
} from '../../src/index.ts'

/** How large the WAL may become before it is emptied, in bytes. */
const WAL_BYTES_MAX = 4 << 20

/** A database in WAL mode whose commits are read from its WAL, as pages before and after. */
export class LiveDatabase implements Disposable {
  readonly db: Database.Database
  readonly #folder: string
  readonly #file: string
  #images: Uint8Array[]
  #pageSize: number
  #reserved: number
  #chain: FrameChain | undefined
  #walOffset = 0

  /** @param setup - run before WAL mode is turned on; pages as they are then are where changes begin */
  constructor(setup: readonly string[], prepare?: (file: string) => void) {
    this.#folder = mkdtempSync(join(tmpdir(), 'stemma-'))
    this.#file = join(this.#folder, 'test.db')
    if (prepare !== undefined) {
      const first = new Database(this.#file)
      first.exec(`${setup[0] ?? ''}; PRAGMA user_version = 0`)
      first.close()
      prepare(this.#file)
    }
    const creator = new Database(this.#file)
    creator.pragma('synchronous = OFF')
    for (const sql of setup) creator.exec(sql)
    creator.exec('PRAGMA user_version = 0; PRAGMA journal_mode = WAL')
    creator.close()
    const bytes = new Uint8Array(readFileSync(this.#file))
    const size = (bytes[16]! << 8) | bytes[17]!
    this.#pageSize = size === 1 ? 65_536 : size
    this.#reserved = bytes[20]!
    this.#images = []
    for (let at = 0; at < bytes.length; at += this.#pageSize) this.#images.push(bytes.slice(at, at + this.#pageSize))
    this.db = new Database(this.#file)
    this.db.exec('PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0')
  }

  /** The database as it is. */
  pages(): Pages {
    return pagesOfImages(this.#images, this.#pageSize, this.#reserved)
  }

  /** Runs SQL, and gives the transactions that it committed. */
  run(sql: string): DatabaseChange[] {
    this.db.exec(sql)
    return this.commits()
  }

  /** The transactions that were committed since the last call. */
  commits(): DatabaseChange[] {
    const changes: DatabaseChange[] = []
    const frames = new Map<number, Uint8Array>()
    for (const { header, image } of this.#newFrames()) {
      frames.set(header.pageNumber, image)
      if (header.commitPageCount === 0) continue
      changes.push(this.#take(frames, header.commitPageCount))
      frames.clear()
    }
    if (this.#walOffset > WAL_BYTES_MAX) {
      this.db.pragma('wal_checkpoint(TRUNCATE)')
      this.#walOffset = 0
      this.#chain = undefined
    }
    return changes
  }

  [Symbol.dispose](): void {
    this.db.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #take(frames: ReadonlyMap<number, Uint8Array>, pageCount: number): DatabaseChange {
    const before = this.pages()
    const images = this.#images.slice(0, pageCount)
    const written = [...frames.keys()].filter((pageNumber) => pageNumber <= pageCount)
    for (const pageNumber of written) images[pageNumber - 1] = frames.get(pageNumber)!
    for (let pageNumber = this.#images.length + 1; pageNumber <= pageCount; pageNumber++) {
      if (frames.has(pageNumber) || pageNumber === lockBytePage(this.#pageSize)) continue
      // Taken and freed in one transaction: such a page may have no frame.
      images[pageNumber - 1] = new Uint8Array(this.#pageSize)
      written.push(pageNumber)
    }
    written.sort((a, b) => a - b)
    this.#images = images
    return { before, after: this.pages(), written }
  }

  /** The frames up to the last that ends a transaction. */
  #newFrames() {
    const wal = this.#readWal()
    if (this.#walOffset === 0) {
      const start = decodeWalHeader(wal)
      if (start.kind === 'empty') return []
      this.#chain = new FrameChain(start.header)
    }
    const frames = []
    let committed = 0
    let at = this.#walOffset === 0 ? WAL_HEADER_SIZE : 0
    const chain = this.#chain!
    let end = { offset: this.#walOffset + at, checksum1: chain.checksum1, checksum2: chain.checksum2 }
    while (chain.follow(wal, at)) {
      const header = decodeFrameHeader(wal, at)
      frames.push({ header, image: wal.slice(at + FRAME_HEADER_SIZE, at + FRAME_HEADER_SIZE + this.#pageSize) })
      at += FRAME_HEADER_SIZE + this.#pageSize
      if (header.commitPageCount === 0) continue
      committed = frames.length
      end = { offset: this.#walOffset + at, checksum1: chain.checksum1, checksum2: chain.checksum2 }
    }
    chain.moveTo(end.checksum1, end.checksum2)
    this.#walOffset = end.offset
    return frames.slice(0, committed)
  }

  #readWal(): Uint8Array {
    if (!existsSync(`${this.#file}-wal`)) return new Uint8Array(0)
    const fd = openSync(`${this.#file}-wal`, 'r')
    const bytes = new Uint8Array(Math.max(0, fstatSync(fd).size - this.#walOffset))
    readSync(fd, bytes, 0, bytes.length, this.#walOffset)
    closeSync(fd)
    return bytes
  }
}

function pagesOfImages(images: readonly Uint8Array[], pageSize: number, reserved: number): Pages {
  return {
    pageSize,
    usableSize: pageSize - reserved,
    pageCount: images.length,
    read: (pageNumber) => {
      const image = images[pageNumber - 1]
      if (image === undefined) throw new RangeError(`page ${pageNumber} of ${images.length} was asked for`)
      return image
    },
  }
}
