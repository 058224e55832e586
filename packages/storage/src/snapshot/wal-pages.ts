import type { PageNumber } from '@stemma/base'
import { FRAME_HEADER_SIZE, decodeFrameHeader, frameOffset, type WalIndexHeader } from '@stemma/sqlite-file'
import type { Disk } from '../disk/disk.ts'

const CHUNK_BYTES = 1024 * 1024

/**
 * Where in a WAL the newest version of each page is, up to the frame that a wal-index header names.
 *
 * @returns undefined when the WAL is no longer the one that the header tells of: it was begun anew meanwhile
 */
export function findWalPages(disk: Disk, fd: number, header: WalIndexHeader): ReadonlyMap<PageNumber, number> | undefined {
  const { pageSize, lastFrame } = header
  const frames = new Map<PageNumber, number>()
  const stride = FRAME_HEADER_SIZE + pageSize
  const perChunk = Math.max(1, Math.floor(CHUNK_BYTES / stride))
  const buffer = new Uint8Array(perChunk * stride)
  for (let first = 1; first <= lastFrame; first += perChunk) {
    const count = Math.min(perChunk, lastFrame - first + 1)
    const size = count * stride
    if (disk.read(fd, buffer.subarray(0, size), frameOffset(first, pageSize)) < size) return undefined
    for (let i = 0; i < count; i++) {
      const frame = decodeFrameHeader(buffer, i * stride)
      if (frame.salt1 !== header.salt1 || frame.salt2 !== header.salt2) return undefined
      frames.set(frame.pageNumber, first + i)
    }
  }
  return frames
}

/** Reads the page of a frame; false when the file is too short for it. */
export function readFrame(disk: Disk, fd: number, frame: number, into: Uint8Array): boolean {
  return disk.read(fd, into, frameOffset(frame, into.byteLength) + FRAME_HEADER_SIZE) === into.byteLength
}
