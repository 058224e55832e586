import { pageSum } from '@stemma/base'
import type { PageSums } from '../page-sums.ts'
import { scanSums } from '../snapshot/scan-sums.ts'
import type { CopyFile } from './copy-file.ts'
import { isSameWalPlace, type CopyPlace } from './copy-place.ts'
import type { ReplicaStore } from './replica-store.ts'
import { placeOf } from './wal-appender.ts'

/** What a copy turned out to be. */
export type Identified =
  | { readonly kind: 'known'; readonly place: CopyPlace; readonly sums: PageSums }
  | {
      readonly kind: 'unknown'
      readonly sums: PageSums
      /** Pages that are not what they were, as far as that can be told. */
      readonly damaged: readonly number[]
    }

/**
 * Finds out where in its history a copy stands.
 *
 * The truth is what the files hold. The place whose spot in the WAL and whose digest fit it is where the copy stands; if only
 * a digest fits, somebody else has checkpointed the WAL, or a power cut has taken its end.
 *
 * @param trust - believes the page sums that were kept, if the WAL is the one that they belong to, rather than reading all pages
 */
export async function identifyCopy(
  copy: CopyFile,
  store: ReplicaStore,
  options: { readonly trust: boolean; progress(done: number, pageCount: number): void },
): Promise<Identified> {
  const places = store.places()
  const wal = placeOf(copy.header)
  const byWal = wal && places.find((place) => isSameWalPlace(place.wal, wal))
  const expected = expectedSums(copy, store)
  if (options.trust && expected !== undefined) {
    const place = byWal ?? places.find((each) => wal === undefined && fits(each, expected))
    if (place !== undefined && fits(place, expected)) return { kind: 'known', place: { ...place, wal }, sums: expected }
  }
  const { pageSize, pageCount } = copy
  const sums = await scanSums({
    pageSize,
    pageCount,
    read: (first, count, into) => copy.readPages(first, into.subarray(0, count * pageSize)),
    progress: (done, total) => options.progress(done, total),
  })
  const place = byWal && fits(byWal, sums) ? byWal : places.find((each) => fits(each, sums))
  if (place !== undefined) return { kind: 'known', place: { ...place, wal }, sums }
  return { kind: 'unknown', sums, damaged: expected === undefined ? [] : differingPages(expected, sums) }
}

/**
 * The sums that were kept for the beginning of this WAL, and those of the pages that it holds.
 *
 * @returns undefined when those that were kept belong to another WAL
 */
function expectedSums(copy: CopyFile, store: ReplicaStore): PageSums | undefined {
  const kept = store.readSums()
  const { header, pageSize, pageCount } = copy
  if (kept === undefined || kept.origin.salt1 !== header.salt1 || kept.origin.salt2 !== header.salt2) return undefined
  const { sums } = kept
  sums.setPageCount(pageCount)
  const page = new Uint8Array(pageSize)
  for (const pageNumber of copy.pagesInWal.keys()) {
    if (pageNumber > pageCount) continue
    copy.readPage(pageNumber, page)
    sums.set(pageNumber, pageSum(pageNumber, page))
  }
  return sums
}

function fits(place: CopyPlace, sums: PageSums): boolean {
  return place.digest === sums.digest && place.pageCount === sums.pageCount
}

function differingPages(expected: PageSums, found: PageSums): number[] {
  const pages: number[] = []
  for (let page = 1; page <= found.pageCount; page++) if (expected.get(page) !== found.get(page)) pages.push(page)
  return pages
}
