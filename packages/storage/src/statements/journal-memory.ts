/**
 * The memory in which a program's thread leaves the statements of its transactions for the engine's thread: a ring of records, and a few
 * cells by which the two threads tell each other where they are. One thread writes records, one takes them.
 *
 * Records begin anywhere before `ringBytes`, and lie in one piece: behind the ring there is room for the rest of the last one. The next begins
 * right behind the one before, or at 0 when that is past the end of the ring.
 */
export class JournalMemory {
  /** To be posted to another thread, which makes its own `JournalMemory` of it. */
  readonly memory: SharedArrayBuffer
  readonly cells: Int32Array
  readonly bytes: Uint8Array
  readonly view: DataView
  /** Records begin below this. */
  readonly ringBytes: number
  /** No record is larger than this. */
  readonly recordBytesMax: number

  constructor(memory: SharedArrayBuffer = newJournalMemory(RING_BYTES)) {
    this.memory = memory
    this.cells = new Int32Array(memory, 0, CELL_COUNT)
    this.bytes = new Uint8Array(memory, CELL_COUNT * 4)
    this.view = new DataView(memory, CELL_COUNT * 4)
    this.ringBytes = Math.floor((this.bytes.byteLength * 2) / 3)
    this.recordBytesMax = this.bytes.byteLength - this.ringBytes
  }

  /** Says that nobody takes records any more: for a reader's thread that is gone. */
  giveUp(): void {
    Atomics.store(this.cells, WANTED, 0)
  }

  /** Where a record begins that follows one which ends there. */
  after(end: number): number {
    return end >= this.ringBytes ? 0 : end
  }
}

/** @param ringBytes - of records that may wait; one may have half of that */
export function newJournalMemory(ringBytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(CELL_COUNT * 4 + Math.ceil((ringBytes * 3) / 2))
}

/** Where the next record will be written; all before it, from `TAKEN` on, is whole. */
export const WRITTEN = 0
/** Where the next record will be taken. */
export const TAKEN = 1
/** Odd while a commit of the program's may be in the WAL whose record is not in the ring yet. It moves at each end of that. */
export const PHASE = 2
/** 1 while the engine's thread waits for `PHASE` to move. */
export const WAITING = 3
/** 1 while somebody takes records. */
export const WANTED = 4
/** 1 when `SCHEMA` is news. */
export const NEWS = 5
/** The schema cookie that the engine saw last. */
export const SCHEMA = 6

const CELL_COUNT = 16
const RING_BYTES = 4 * 1024 * 1024
