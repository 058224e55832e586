import { StemmaError } from '@stemma/base'
import { FRAME_HEADER_SIZE, frameOffset, type WalIndexHeader } from '@stemma/sqlite-file'
import type { Disk } from '../disk/disk.ts'
import type { Backlog } from './backlog.ts'
import type { FrameRing } from './frame-ring.ts'
import type { LiveFiles, PageReader } from './page-reader.ts'
import type { WalIndexView } from './wal-index-view.ts'

/**
 * Copies frames out of the WAL into the backlog, much faster than they can be made into commits.
 *
 * A page that they change first is copied too, as it was before. That it still is so in the database is for the caller to see to, by a pin
 * that lets no checkpoint go beyond what has been copied. In a window it may be too late; who reads the page then sees it by its sum.
 */
export class Capture {
  readonly #disk: Disk
  readonly #files: LiveFiles
  readonly #index: WalIndexView
  readonly #ring: FrameRing
  readonly #reader: PageReader
  readonly #backlog: Backlog
  readonly #chunkFrames: number
  #chunk: Uint8Array | undefined
  readonly #page: Uint8Array

  constructor(parts: {
    disk: Disk
    files: LiveFiles
    index: WalIndexView
    ring: FrameRing
    reader: PageReader
    backlog: Backlog
  }) {
    this.#disk = parts.disk
    this.#files = parts.files
    this.#index = parts.index
    this.#ring = parts.ring
    this.#reader = parts.reader
    this.#backlog = parts.backlog
    this.#chunkFrames = Math.max(1, Math.floor(CHUNK_BYTES / (FRAME_HEADER_SIZE + parts.ring.pageSize)))
    this.#page = new Uint8Array(parts.ring.pageSize)
  }

  /**
   * Copies up to the end of the WAL as a wal-index header has it. The header is of the generation that the backlog ends with.
   *
   * @param pinned - false when nothing keeps the WAL from being restarted meanwhile
   * @returns false when the WAL has been restarted: what was copied before that is whole
   * @throws StemmaError DATABASE_BUSY when the backlog has no room; DAMAGED_FILE; what the disk throws
   */
  upTo(header: WalIndexHeader, pinned: boolean): boolean {
    return this.#copy(header.lastFrame, () => {
      if (pinned) return true
      // A restart is published before the first frame is overwritten.
      const after = this.#index.read()
      return after !== undefined && after.salt1 === header.salt1 && after.salt2 === header.salt2
    })
  }

  /**
   * Copies what a generation that is over has left in the file, up to a frame.
   *
   * @param isThere - whether the file still held all of it when this is called
   */
  remains(last: number, isThere: () => boolean): boolean {
    return this.#copy(last, isThere)
  }

  #copy(last: number, isWhole: () => boolean): boolean {
    for (let { frame } = this.#backlog.end!; frame < last;) {
      const count = Math.min(this.#chunkFrames, last - frame)
      if (!this.#copyChunk(frame + 1, count, isWhole)) return false
      frame += count
    }
    return true
  }

  #copyChunk(first: number, count: number, isWhole: () => boolean): boolean {
    const { pageSize } = this.#ring
    const stride = FRAME_HEADER_SIZE + pageSize
    this.#chunk ??= new Uint8Array(this.#chunkFrames * stride)
    const frames = this.#chunk.subarray(0, count * stride)
    const isRead = this.#disk.read(this.#files.wal, frames, frameOffset(first, pageSize)) === frames.byteLength
    if (!isWhole()) return false
    if (!isRead) throw new StemmaError('DAMAGED_FILE', `the -wal file ends before frame ${first + count - 1}`, {})
    const view = new DataView(frames.buffer, frames.byteOffset, frames.byteLength)
    const { salt1, salt2 } = this.#backlog.end!
    for (let at = 0; at < frames.byteLength; at += stride) {
      if (view.getUint32(at + 8) !== salt1 || view.getUint32(at + 12) !== salt2) {
        throw new StemmaError('DAMAGED_FILE', `frame ${first + at / stride} of the WAL has other salts than its header`, {})
      }
      this.#keepBefore(view.getUint32(at))
    }
    const end = frames.byteLength - stride
    this.#backlog.add(frames, { checksum1: view.getUint32(end + 16), checksum2: view.getUint32(end + 20) })
    return true
  }

  #keepBefore(pageNumber: number): void {
    // Page 0 there is none: who reads the frame will say so.
    if (pageNumber === 0 || this.#backlog.hasPage(pageNumber)) return
    this.#reader.read(pageNumber, this.#ring.lastIndexOf(pageNumber), this.#page)
    this.#backlog.keepPage(pageNumber, this.#page)
  }
}

/** Bytes that are copied at a time. */
const CHUNK_BYTES = 512 * 1024
