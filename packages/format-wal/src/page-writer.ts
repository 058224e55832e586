import { PayloadWriter } from '@stemma/log'
import { BORROW, END, INSERT, KEEP, LADDER, LITERAL, MOVE, REMOVE, RUN_BYTES_LONG, RUN_BYTES_MAX } from './ops.ts'

/** Collects a payload. */
export class PageWriter extends PayloadWriter {
  /** Whether a move was written since this was last set to false. */
  moved = false

  /** Writes the low half of a page's sum. */
  sum(value: bigint): void {
    const { bytes, length } = this
    const low = Number(BigInt.asUintN(32, value))
    bytes[length] = low
    bytes[length + 1] = low >>> 8
    bytes[length + 2] = low >>> 16
    bytes[length + 3] = low >>> 24
    this.length = length + 4
  }

  keep(count: number): void {
    let rest = count
    for (; rest > RUN_BYTES_MAX; rest -= RUN_BYTES_MAX) this.#run(KEEP, RUN_BYTES_MAX)
    if (rest > 0) this.#run(KEEP, rest)
  }

  literal(from: Uint8Array, start: number, end: number): void {
    let at = start
    for (; end - at > RUN_BYTES_MAX; at += RUN_BYTES_MAX) {
      this.#run(LITERAL, RUN_BYTES_MAX)
      this.copy(from, at, at + RUN_BYTES_MAX)
    }
    if (at === end) return
    this.#run(LITERAL, end - at)
    this.copy(from, at, end)
  }

  /** @param shift - where the bytes come from, less where they go */
  move(count: number, shift: number): void {
    this.moved = true
    for (let rest = count; rest > 0; rest -= RUN_BYTES_MAX) {
      this.#run(MOVE, Math.min(rest, RUN_BYTES_MAX))
      this.signedVarint(shift)
    }
  }

  borrow(lender: number, count: number, from: number): void {
    let at = from
    for (let rest = count; rest > 0; rest -= RUN_BYTES_MAX) {
      const run = Math.min(rest, RUN_BYTES_MAX)
      this.byte(BORROW + lender)
      this.#run(0, run)
      this.varint(at)
      at += run
    }
  }

  ladder(count: number, first: number, step: number): void {
    this.byte(LADDER)
    this.varint(count)
    this.byte(first >>> 8)
    this.byte(first & 0xff)
    this.signedVarint(step)
  }

  /** @param start - where in `from` the bytes are that go in */
  insert(count: number, moved: number, from: Uint8Array, start: number): void {
    this.byte(INSERT)
    this.byte(count)
    this.varint(moved)
    this.copy(from, start, start + count)
  }

  remove(count: number, moved: number): void {
    this.byte(REMOVE)
    this.byte(count)
    this.varint(moved)
  }

  end(): void {
    this.byte(END)
  }

  #run(kind: number, length: number): void {
    if (length < RUN_BYTES_LONG) {
      this.bytes[this.length++] = kind | (length - 1)
    } else {
      const rest = length - RUN_BYTES_LONG
      this.bytes[this.length++] = kind | (40 + (rest >>> 8))
      this.bytes[this.length++] = rest & 0xff
    }
  }
}
