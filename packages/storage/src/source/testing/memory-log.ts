import { decodeEntry, encodeEntry, type DecodedEntry, type Entry } from '@stemma/log'
import type { LogBatch, LogRead, LogSize, LogStore } from '../../log-store/log-store.ts'
import { PageSums } from '../../page-sums.ts'
import type { Place } from '../../wal-place.ts'

/** A log store that forgets when the test ends. */
export class MemoryLog implements LogStore {
  readonly cluster: string = '0'.repeat(32)
  readonly node: string = '1'.repeat(32)
  readonly epoch: number = 1
  readonly url: string = ''
  place: Place | undefined
  sums: PageSums = new PageSums()
  readonly entries: DecodedEntry[] = []
  syncs = 0

  write(batch: LogBatch): void {
    this.place = batch.place
    this.sums.setPageCount(batch.place.pageCount)
    for (const [pageNumber, sum] of batch.changedSums) this.sums.set(pageNumber, sum)
  }

  keep(entry: Omit<Entry, 'format' | 'formatVersion' | 'digestBefore' | 'payload' | 'barrier'>): void {
    const whole = { ...entry, format: 'none', formatVersion: 1, barrier: false, digestBefore: 0n, payload: new Uint8Array() }
    this.entries.push(decodeEntry(encodeEntry(whole), 0)!)
  }

  sync(): void {
    this.syncs++
  }

  syncInBackground(): Promise<void> {
    this.syncs++
    return Promise.resolve()
  }

  announce(): void {}

  makeBy(): void {}

  readPlace(): Place | undefined {
    return this.place
  }

  readSums(): PageSums {
    return this.sums.copy()
  }

  read(): LogRead {
    return { kind: 'end' }
  }

  entryAt(_format: string, sequence: number): DecodedEntry | undefined {
    return this.entries.findLast((entry) => entry.position.sequence === sequence)
  }

  rewind(place: Place, sums: PageSums): void {
    this.begin(place, sums)
    while (this.entries.length > 0 && this.entries.at(-1)!.position.sequence > place.position.sequence) this.entries.pop()
  }

  begin(place: Place, sums: PageSums): void {
    this.place = place
    this.sums = sums.copy()
  }

  retain(): boolean {
    return false
  }

  startOver(place: Place, sums: PageSums): void {
    this.begin(place, sums)
  }

  size(): LogSize {
    if (this.entries.length === 0) return { bytes: 0, fileBytes: 0, formats: [] }
    const [oldest, newest] = [this.entries[0]!.position.sequence, this.entries.at(-1)!.position.sequence]
    return { bytes: 0, fileBytes: 0, formats: [{ format: 'none', oldest, newest, bytes: 0 }] }
  }

  close(): void {}
}
