import type { PageSums } from '../page-sums.ts'
import type { Disk } from '../disk/disk.ts'
import type { LogStore } from '../log-store/log-store.ts'
import { scanSums } from '../snapshot/scan-sums.ts'
import type { Place } from '../wal-place.ts'
import type { WalIndexHeader } from '@stemma/sqlite-file'
import type { Position } from '@stemma/base'
import type { Backlog } from './backlog.ts'
import type { FrameRing } from './frame-ring.ts'
import type { LiveFiles, PageReader } from './page-reader.ts'
import { findRemains, isStillThere } from './remains.ts'
import type { WalTail } from './wal-tail.ts'

/** How the way back was found. */
export type Recovered =
  /** The WAL still held the place, or what followed it behind a newer generation. */
  | { readonly kind: 'went-on' }
  /** Nobody had followed this database before. */
  | { readonly kind: 'began' }
  /** The place was gone, but the database was as it should be. */
  | { readonly kind: 'unchanged' }
  /** Pages had changed unseen: a recovered commit tells of them. */
  | { readonly kind: 'mended'; readonly pages: number }
  /** The database is at an earlier commit than its log: a power cut took the rest. */
  | { readonly kind: 'rewound'; readonly from: Position; readonly to: Position }

export interface RecoveryParts {
  readonly disk: Disk
  readonly files: LiveFiles
  readonly ring: FrameRing
  readonly backlog: Backlog
  readonly reader: PageReader
  readonly tail: WalTail
  /** The sums that belong to the place; brought up to date. */
  readonly sums: PageSums
  readonly log: LogStore
  readonly signal: AbortSignal
  /** The log may be taken back: nobody has been given anything of it since the start. */
  readonly mayRewind: boolean
  progress?(done: number, pageCount: number): void
}

/**
 * Finds where to go on after a time in which nobody watched the WAL.
 *
 * A pin must be held that was taken before `header` was read. May be called again after it failed.
 *
 * @param place - what the log holds; undefined when there is none yet
 */
export async function recover(parts: RecoveryParts, header: WalIndexHeader, place: Place | undefined): Promise<Recovered> {
  const { tail, ring, disk, files } = parts
  const isSame = place !== undefined && place.pageSize === ring.pageSize && parts.sums.digest === place.digest
  if (isSame && place.wal !== undefined) {
    const { wal } = place
    const isCurrent = wal.salt1 === header.salt1 && wal.salt2 === header.salt2
    // At frame 0 nothing of this generation had been read: all of it follows.
    const isThere = wal.frame === 0 || (wal.frame <= header.lastFrame && isStillThere(disk, files, wal, ring.pageSize))
    if (isCurrent && isThere) {
      tail.goTo(header, wal.frame)
      return { kind: 'went-on' }
    }
    if ((wal.salt1 + 1) >>> 0 === header.salt1) {
      tail.goToRemains(wal, header.wordOrder)
      if (keepTailRemains(parts, tail)) {
        tail.restart(header)
        while (tail.isBehind) tail.takeKept()
        return { kind: 'went-on' }
      }
      parts.backlog.clear()
    }
  }
  return await scan(parts, header, place)
}

/**
 * Copies what followed the tail's end in a generation of the WAL that is over: see `findRemains`.
 *
 * @returns false when it can't be known, or is not whole any more
 */
export function keepTailRemains(parts: Pick<RecoveryParts, 'disk' | 'files' | 'ring'>, tail: WalTail): boolean {
  const { disk, files, ring } = parts
  const { pageSize } = ring
  const place = tail.end
  if (place === undefined) return false
  const last = findRemains(disk, files, { place, pageSize, wordOrder: tail.wordOrder, framesMax: REMAINS_MAX })
  return last !== undefined && tail.keepRemains(last, () => isStillThere(disk, files, place, pageSize))
}

async function scan(parts: RecoveryParts, header: WalIndexHeader, place: Place | undefined): Promise<Recovered> {
  const { tail, ring, reader, sums, log } = parts
  tail.goTo(header, header.lastFrame)
  const pageCount = header.pageCount || Math.ceil(parts.disk.size(parts.files.database) / ring.pageSize)
  const found = await scanSums({
    pageCount,
    pageSize: ring.pageSize,
    read: (first, count, into) => reader.range(first, count, into),
    signal: parts.signal,
    ...(parts.progress && { progress: parts.progress }),
  })
  if (place === undefined) {
    replaceSums(sums, found)
    log.begin(tail.place, found)
    return { kind: 'began' }
  }
  const changed = differing(sums, found)
  if (changed.length === 0 && sums.pageCount === pageCount) return { kind: 'unchanged' }
  const earlier = parts.mayRewind ? findEntry(log, found.digest) : undefined
  if (earlier !== undefined) {
    replaceSums(sums, found)
    tail.setPosition(earlier)
    log.rewind(tail.place, found)
    return { kind: 'rewound', from: place.position, to: earlier }
  }
  tail.recover(changed, pageCount)
  return { kind: 'mended', pages: changed.length }
}

function differing(known: PageSums, found: PageSums): { pageNumber: number; sum: bigint }[] {
  const changed: { pageNumber: number; sum: bigint }[] = []
  for (let pageNumber = 1; pageNumber <= found.pageCount; pageNumber++) {
    const sum = found.get(pageNumber)
    if (pageNumber > known.pageCount || known.get(pageNumber) !== sum) changed.push({ pageNumber, sum })
  }
  return changed
}

function replaceSums(sums: PageSums, found: PageSums): void {
  sums.setPageCount(found.pageCount)
  sums.load(1, found.bytes(1, found.pageCount))
}

/** The newest commit of the log after which the database had this digest. */
function findEntry(log: LogStore, digest: bigint): Position | undefined {
  const kept = log.size().formats[0]
  if (kept === undefined) return undefined
  for (let sequence = kept.newest; sequence >= Math.max(kept.oldest, kept.newest - SEARCH_MAX); sequence--) {
    const entry = log.entryAt(kept.format, sequence)
    if (entry?.digest === digest) return entry.position
  }
  return undefined
}

/** Frames: far more than a WAL has that is kept small. */
const REMAINS_MAX = 1_000_000
const SEARCH_MAX = 20_000
