import { pageSum } from '@stemma/base'
import {
  FRAME_HEADER_SIZE,
  FrameChain,
  WAL_HEADER_SIZE,
  decodeFrameHeader,
  decodeWalHeader,
  frameOffset,
  lockBytePage,
  type WordOrder,
} from '@stemma/sqlite-file'
import type { Disk } from '../disk/disk.ts'
import type { WalPlace } from '../wal-place.ts'
import type { LiveFiles } from './page-reader.ts'

/**
 * Looks for frames of the former generation of a WAL behind what the new one has overwritten.
 *
 * When a WAL begins anew its old frames stay in the file until they are overwritten from the front. As long as the last frame that
 * was read is still there, so are all that followed it. Salts and running checksums say which belong to it. Since a WAL only begins
 * anew when the database holds all of it, each page must be in the database as its last frame has it: that rules out a
 * transaction that was written but never committed.
 *
 * @param place - the last frame that was read, not the start of the WAL
 * @param framesMax - gives up when there are more
 * @returns the last frame of the last transaction, `place.frame` when nothing followed it; undefined when it can't be known
 */
export function findRemains(
  disk: Disk,
  files: LiveFiles,
  old: { readonly place: WalPlace; readonly pageSize: number; readonly wordOrder: WordOrder; readonly framesMax: number },
): number | undefined {
  const { place, pageSize } = old
  if (place.frame === 0) return undefined
  const chain = new FrameChain({ ...place, pageSize, wordOrder: old.wordOrder })
  const stride = FRAME_HEADER_SIZE + pageSize
  const bytes = new Uint8Array(stride)
  let last = place.frame
  let pageCount = 0
  /** Of frames up to `last`, and of those after it, which may belong to no transaction. */
  const [sums, pending] = [new Map<number, bigint>(), new Map<number, bigint>()]
  for (let frame = place.frame + 1; ; frame++) {
    if (frame > place.frame + old.framesMax) return undefined
    if (disk.read(files.wal, bytes, frameOffset(frame, pageSize)) < stride || !chain.follow(bytes, 0)) break
    const header = decodeFrameHeader(bytes)
    pending.set(header.pageNumber, pageSum(header.pageNumber, bytes.subarray(FRAME_HEADER_SIZE)))
    if (header.commitPageCount === 0) continue
    last = frame
    pageCount = header.commitPageCount
    for (const [pageNumber, sum] of pending) sums.set(pageNumber, sum)
    pending.clear()
  }
  if (!isStillThere(disk, files, place, pageSize)) return undefined
  for (const [pageNumber, sum] of sums) {
    if (pageNumber > pageCount || pageNumber === lockBytePage(pageSize)) continue
    const page = bytes.subarray(0, pageSize)
    if (disk.read(files.database, page, (pageNumber - 1) * pageSize) < pageSize) return undefined
    if (pageSum(pageNumber, page) !== sum) return undefined
  }
  return last
}

/** True when the `-wal` file holds this very frame. */
export function isStillThere(disk: Disk, files: LiveFiles, place: WalPlace, pageSize: number): boolean {
  const bytes = new Uint8Array(FRAME_HEADER_SIZE)
  if (disk.read(files.wal, bytes, frameOffset(place.frame, pageSize)) < FRAME_HEADER_SIZE) return false
  const { salt1, salt2, checksum1, checksum2 } = decodeFrameHeader(bytes)
  return salt1 === place.salt1 && salt2 === place.salt2 && checksum1 === place.checksum1 && checksum2 === place.checksum2
}

/** The place before the first frame of the generation with these salts; undefined when the `-wal` file does not begin so. */
export function placeAtStart(
  disk: Disk,
  files: LiveFiles,
  generation: { readonly salt1: number; readonly salt2: number },
): WalPlace | undefined {
  const bytes = new Uint8Array(WAL_HEADER_SIZE)
  disk.read(files.wal, bytes, 0)
  const start = decodeWalHeader(bytes)
  if (start.kind === 'empty') return undefined
  const { salt1, salt2, checksum1, checksum2 } = start.header
  if (salt1 !== generation.salt1 || salt2 !== generation.salt2) return undefined
  return { salt1, salt2, frame: 0, checksum1, checksum2 }
}
