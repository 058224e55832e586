import type { Place } from '../wal-place.ts'

/** A history that a copy belongs to, and the format by which it followed it last. */
export interface CopyHistory {
  /** 32 hexadecimal digits. */
  readonly cluster: string
  /** The format of the entry, or of the follower that took the snapshot, that led here. */
  readonly format: string
}

/** A place of a copy, and the history that it is a place of. */
export interface CopyPlace extends Place, CopyHistory {}

/** A place as it is noted: the history by its number in the sidecar. */
export interface NotedPlace extends Place {
  readonly history: number
}

/** Size of an encoded place, in bytes. */
export const PLACE_SIZE = 64

const IN_WAL = 1

/**
 * Encodes a place.
 *
 *     offset size
 *      0     8    epoch, a double
 *      8     8    sequence, a double
 *     16     8    digest
 *     24     4    page size
 *     28     4    page count
 *     32     4    1 when the WAL holds it, and the next three count; else 0
 *     36     8    salts of the WAL, two words
 *     44     4    frame
 *     48     8    checksum of the frame, two words
 *     56     4    number of the history
 *     60     4    0
 *
 * All little-endian.
 */
export function encodePlace(view: DataView, at: number, place: NotedPlace): void {
  const { position, digest, pageSize, pageCount, wal, history } = place
  view.setFloat64(at, position.epoch, true)
  view.setFloat64(at + 8, position.sequence, true)
  view.setBigUint64(at + 16, digest, true)
  view.setUint32(at + 24, pageSize, true)
  view.setUint32(at + 28, pageCount, true)
  view.setUint32(at + 56, history, true)
  if (wal === undefined) return
  view.setUint32(at + 32, IN_WAL, true)
  view.setUint32(at + 36, wal.salt1, true)
  view.setUint32(at + 40, wal.salt2, true)
  view.setUint32(at + 44, wal.frame, true)
  view.setUint32(at + 48, wal.checksum1, true)
  view.setUint32(at + 52, wal.checksum2, true)
}

/** Decodes what `encodePlace` made. */
export function decodePlace(view: DataView, at: number): NotedPlace {
  const word = (offset: number): number => view.getUint32(at + offset, true)
  const wal = { salt1: word(36), salt2: word(40), frame: word(44), checksum1: word(48), checksum2: word(52) }
  return {
    position: { epoch: view.getFloat64(at, true), sequence: view.getFloat64(at + 8, true) },
    digest: view.getBigUint64(at + 16, true),
    pageSize: word(24),
    pageCount: word(28),
    wal: word(32) === IN_WAL ? wal : undefined,
    history: word(56),
  }
}

/** True when two places are the same spot in the same WAL. */
export function isSameWalPlace(a: Place['wal'], b: Place['wal']): boolean {
  if (a === undefined || b === undefined) return a === b
  return (
    a.frame === b.frame &&
    a.salt1 === b.salt1 &&
    a.salt2 === b.salt2 &&
    a.checksum1 === b.checksum1 &&
    a.checksum2 === b.checksum2
  )
}
