import { encodeEntry } from '@stemma/log'
import type { EntryRun, LogBatch } from '../src/log-store/log-store.ts'
import { PageSums } from '../src/page-sums.ts'
import type { Place } from '../src/wal-place.ts'

/** A history that grows, for tests: what a log store ought to hold, in the simplest form. */
export class SampleLog {
  readonly entries = new Map<string, { readonly sequence: number; readonly bytes: Uint8Array }[]>()
  sums = new PageSums()
  sequence = 0

  constructor(pageCount: number) {
    this.sums.setPageCount(pageCount)
    for (let pageNumber = 1; pageNumber <= pageCount; pageNumber++) this.sums.set(pageNumber, sumOf(pageNumber, 0))
  }

  get place(): Place {
    return {
      position: { epoch: 1, sequence: this.sequence },
      digest: this.sums.digest,
      pageSize: 4096,
      pageCount: this.sums.pageCount,
      wal:
        this.sequence % 7 === 0
          ? undefined
          : { salt1: 0xfffffffe, salt2: 7, frame: this.sequence, checksum1: 1, checksum2: 0xffffffff },
    }
  }

  /** Makes the next batch; remember it with `add` once it is written. */
  next(want: {
    readonly commits: number
    readonly pages: readonly number[]
    readonly pageCount?: number
    readonly formats?: readonly string[]
    readonly payload?: number
  }): SampleBatch {
    const { commits, pages, payload = 20 } = want
    const after = this.sums.copy()
    after.setPageCount(want.pageCount ?? after.pageCount)
    const changedSums = new Map<number, bigint>()
    // Pages that joined the database have sums too.
    for (let pageNumber = this.sums.pageCount + 1; pageNumber <= after.pageCount; pageNumber++)
      changedSums.set(pageNumber, sumOf(pageNumber, this.sequence + 1))
    for (const pageNumber of pages) changedSums.set(pageNumber, sumOf(pageNumber, this.sequence + commits))
    for (const [pageNumber, sum] of changedSums) after.set(pageNumber, sum)
    const runs: EntryRun[] = []
    const made: SampleBatch['made'] = []
    for (const format of want.formats ?? ['wal']) {
      const parts: Uint8Array[] = []
      for (let i = 1; i <= commits; i++) {
        const sequence = this.sequence + i
        const bytes = encodeEntry({
          format,
          formatVersion: 1,
          position: { epoch: 1, sequence },
          committedAt: 1_000_000 + sequence,
          recovered: false,
          barrier: false,
          digest: after.digest,
          digestBefore: i === 1 ? this.sums.digest : after.digest,
          payload: new Uint8Array(payload).fill(sequence),
        })
        parts.push(bytes)
        made.push({ format, sequence, bytes })
      }
      runs.push({ format, first: this.sequence + 1, last: this.sequence + commits, bytes: Buffer.concat(parts) })
    }
    const before = this.sequence
    this.sequence += commits
    const place = { ...this.place, digest: after.digest, pageCount: after.pageCount }
    this.sequence = before
    return { batch: { runs, place, changedSums }, sums: after, made }
  }

  add({ batch, sums, made }: SampleBatch): void {
    this.sequence = batch.place.position.sequence
    this.sums = sums
    for (const { format, sequence, bytes } of made) {
      const entries = this.entries.get(format) ?? []
      if (entries.length > 0 && entries.at(-1)!.sequence !== sequence - 1) entries.length = 0
      entries.push({ sequence, bytes })
      this.entries.set(format, entries)
    }
  }

  /** Forgets the entries after a sequence. */
  cut(sequence: number): void {
    this.sequence = sequence
    for (const [format, entries] of this.entries) {
      this.entries.set(
        format,
        entries.filter((entry) => entry.sequence <= sequence),
      )
    }
  }
}

export interface SampleBatch {
  readonly batch: LogBatch
  readonly sums: PageSums
  readonly made: { readonly format: string; readonly sequence: number; readonly bytes: Uint8Array }[]
}

function sumOf(pageNumber: number, version: number): bigint {
  return BigInt.asUintN(64, BigInt(pageNumber) * 0x9e3779b97f4a7c15n + BigInt(version) * 0xbf58476d1ce4e5b9n)
}
