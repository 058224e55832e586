import { FRAME_HEADER_SIZE } from '@stemma/sqlite-file'

/** Reads frames with their headers, from one on that counts within its generation; false when they are not there. */
export type ReadFrames = (into: Uint8Array, first: number) => boolean

/**
 * The last frames that were read from the WAL, kept as they were read, and for every page the last frame that holds it.
 *
 * Frames get a running index that goes on over restarts of the WAL, so the ring goes on too. A page in the ring costs no
 * copy and no allocation. Nothing here knows of commits.
 */
export class FrameRing {
  readonly pageSize: number
  /** Frames that the ring holds. */
  readonly capacity: number
  readonly #stride: number
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #pages: (Uint8Array | undefined)[]
  /** By page number: the index of the page's last frame; 0 when there is none. */
  #lastIndex = new Uint32Array(64)
  /** The index of frame 1 of this generation, less 1. */
  #base = 0
  /** The ring holds indexes from `#low` to `#high`. */
  #low = 1
  #high = 0

  constructor(pageSize: number, ringBytes: number) {
    this.pageSize = pageSize
    this.#stride = FRAME_HEADER_SIZE + pageSize
    this.capacity = Math.min(FRAMES_MAX, Math.max(FRAMES_MIN, Math.floor(ringBytes / this.#stride)))
    this.#bytes = new Uint8Array(this.capacity * this.#stride)
    this.#view = new DataView(this.#bytes.buffer)
    this.#pages = Array.from({ length: this.capacity })
  }

  /**
   * Begins a new generation of the WAL, whose frames count from 1 again.
   *
   * @param frames - of the one before
   * @param mayForget - every page is in the database as its last frame has it
   */
  restart(frames: number, mayForget: boolean): void {
    this.#base += frames
    if (this.#high !== this.#base) {
      this.#high = this.#base
      this.#low = this.#base + 1
    }
    if (mayForget && this.#base > INDEX_MAX) this.clear()
  }

  /** Forgets everything; the next frame is frame 1, or whatever `load` names. */
  clear(): void {
    this.#lastIndex.fill(0)
    this.#base = 0
    this.#low = 1
    this.#high = 0
  }

  /**
   * Reads frames of this generation into the ring.
   *
   * @param count - at most `capacity`
   * @returns false when they are not there
   */
  load(read: ReadFrames, first: number, count: number): boolean {
    const index = this.#base + first
    const end = index + count - 1
    if (index !== this.#high + 1) this.#low = index
    this.#low = Math.max(this.#low, end - this.capacity + 1)
    this.#high = index - 1
    let done = 0
    while (done < count) {
      const slot = (index + done - 1) % this.capacity
      const n = Math.min(count - done, this.capacity - slot)
      const into = this.#bytes.subarray(slot * this.#stride, (slot + n) * this.#stride)
      if (!read(into, first + done)) {
        this.#low = this.#high + 1
        return false
      }
      done += n
    }
    this.#high = end
    return true
  }

  /** The offset of a loaded frame's header in `headers`. */
  offsetOf(index: number): number {
    return ((index - 1) % this.capacity) * this.#stride
  }

  /** For reading frame headers, at `offsetOf(index)`. */
  get headers(): DataView {
    return this.#view
  }

  get base(): number {
    return this.#base
  }

  has(index: number): boolean {
    return index >= this.#low && index <= this.#high
  }

  /** The page of a frame in the ring; good until `load` overwrites it. */
  page(index: number): Uint8Array {
    const slot = (index - 1) % this.capacity
    const known = this.#pages[slot]
    if (known !== undefined) return known
    const at = slot * this.#stride + FRAME_HEADER_SIZE
    return (this.#pages[slot] = this.#bytes.subarray(at, at + this.pageSize))
  }

  /** The index of the last frame that holds a page; 0 when none is known. It need not be of this generation, nor in the ring. */
  lastIndexOf(pageNumber: number): number {
    return pageNumber < this.#lastIndex.length ? this.#lastIndex[pageNumber]! : 0
  }

  setLastIndexOf(pageNumber: number, index: number): void {
    if (pageNumber >= this.#lastIndex.length) {
      const larger = new Uint32Array(Math.max(pageNumber + 1, this.#lastIndex.length * 2))
      larger.set(this.#lastIndex)
      this.#lastIndex = larger
    }
    this.#lastIndex[pageNumber] = index
  }
}

const FRAMES_MIN = 64
const FRAMES_MAX = 4096
/** Far from 2^32: an index must fit 32 bits to the end of any generation. */
const INDEX_MAX = 2 ** 30
