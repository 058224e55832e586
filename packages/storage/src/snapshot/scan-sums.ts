import { newReadBuffer, pageSum, type PageNumber } from '@stemma/base'
import { lockBytePage } from '@stemma/sqlite-file'
import { PageSums } from '../page-sums.ts'

const CHUNK_BYTES = 1024 * 1024

/** What is read through, and by what. */
export interface ScanOptions {
  readonly pageCount: number
  /** Bytes. */
  readonly pageSize: number
  /**
   * Reads `count` whole pages into the start of `into`. Where it finds fewer, it fills up with zeros: that is how SQLite
   * reads a page beyond the end of the file.
   */
  read(first: PageNumber, count: number, into: Uint8Array): void
  /** Told after each chunk, at least once at the end. */
  progress?(done: number, pageCount: number): void
  /** Gives up when aborted. */
  readonly signal?: AbortSignal | undefined
  /** Told of each page with its bytes and its sum, which are good during the call. */
  page?(pageNumber: PageNumber, page: Uint8Array, sum: bigint): void
}

/**
 * Computes the sums of all pages of a database, 1 MiB at a time, and lets other work of this thread go on in between.
 *
 * The caller sees to it that the pages stay those of one moment. The page that holds the byte at 1 GiB has no sum.
 *
 * @throws the reason of `signal`, and what `read` throws
 */
export async function scanSums(options: ScanOptions): Promise<PageSums> {
  const { pageCount, pageSize, signal } = options
  const sums = new PageSums(pageCount)
  sums.setPageCount(pageCount)
  const perChunk = Math.max(1, Math.floor(CHUNK_BYTES / pageSize))
  const buffer = newReadBuffer(perChunk * pageSize)
  const pages = Array.from({ length: perChunk }, (_, i) => buffer.subarray(i * pageSize, (i + 1) * pageSize))
  const skipped = lockBytePage(pageSize)
  for (let first = 1; first <= pageCount; first += perChunk) {
    signal?.throwIfAborted()
    const count = Math.min(perChunk, pageCount - first + 1)
    options.read(first, count, buffer)
    for (let i = 0; i < count; i++) {
      if (first + i === skipped) continue
      const sum = pageSum(first + i, pages[i]!)
      sums.set(first + i, sum)
      options.page?.(first + i, pages[i]!, sum)
    }
    options.progress?.(first + count - 1, pageCount)
    await turn()
  }
  if (pageCount === 0) options.progress?.(0, 0)
  return sums
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
