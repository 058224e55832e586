import type { JournalRecord } from './journal-reader.ts'

/** The frames of a commit in the WAL. */
export interface CommitFrames {
  /** Of the WAL's generation. */
  readonly salt1: number
  readonly salt2: number
  /** The last frame before its first. */
  readonly before: number
  readonly last: number
}

/** Records of one generation of the WAL. Those before `at` are gone. */
interface Generation {
  readonly salt1: number
  readonly salt2: number
  readonly records: JournalRecord[]
  at: number
}

/**
 * Records that wait for their commits. Both come in the order of the WAL, so whatever is before a record that was found has missed its commit and is
 * thrown away: a commit that nobody saw, or one that became part of a recovered one.
 */
export class RecordQueue {
  readonly #generations: Generation[] = []
  readonly #bytesMax: number
  #bytes = 0

  /** @param bytesMax - of records that wait; the oldest are thrown away when there are more */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  add(record: JournalRecord): void {
    let last = this.#generations.at(-1)
    if (last === undefined || last.salt1 !== record.salt1 || last.salt2 !== record.salt2) {
      last = { salt1: record.salt1, salt2: record.salt2, records: [], at: 0 }
      this.#generations.push(last)
    }
    last.records.push(record)
    this.#bytes += record.byteLength
    while (this.#bytes > this.#bytesMax) this.#dropOldest()
  }

  /**
   * Takes the record of a commit. Commits are to be asked for in the order of the WAL; some may be left out.
   *
   * @returns the record; `foreign` when the record of a later commit is here, so that this one has none; `none` when its record may still come
   */
  take(frames: CommitFrames): JournalRecord | 'foreign' | 'none' {
    const generations = this.#generations
    // Records of a generation that nobody comes to, since it was not seen, do not stop those of the ones behind it.
    const index = generations.findIndex(({ salt1, salt2 }) => salt1 === frames.salt1 && salt2 === frames.salt2)
    if (index < 0) return 'none'
    while (generations[0]!.salt1 !== frames.salt1 || generations[0]!.salt2 !== frames.salt2) this.#dropGeneration()
    const generation = generations[0]!
    for (let record = generation.records[generation.at]; record !== undefined; record = generation.records[generation.at]) {
      const distance = record.frame - (record.isBefore ? frames.before : frames.last)
      if (distance > 0) return 'foreign'
      this.#next(generation, record)
      if (distance === 0) return record
    }
    return generations.length > 1 ? 'foreign' : 'none'
  }

  #next(generation: Generation, { byteLength }: JournalRecord): void {
    this.#bytes -= byteLength
    generation.at++
    if (generation.at < SPARE) return
    generation.records.splice(0, generation.at)
    generation.at = 0
  }

  #dropGeneration(): void {
    const { records, at } = this.#generations.shift()!
    for (let i = at; i < records.length; i++) this.#bytes -= records[i]!.byteLength
  }

  #dropOldest(): void {
    const generation = this.#generations[0]!
    const record = generation.records[generation.at]
    if (record === undefined) this.#dropGeneration()
    else this.#next(generation, record)
  }
}

/** Records that were taken and are still held, at most. */
const SPARE = 256
