import { StemmaError } from '@stemma/base'

const BYTES_A_PAGE = 12

/** Packs changed sums: all sums (8 bytes each, little-endian), then all page numbers (4 bytes each). Pages beyond `pageCount` are left out. */
export function encodeChanges(changes: ReadonlyMap<number, bigint>, pageCount: number): Uint8Array {
  let count = 0
  for (const pageNumber of changes.keys()) if (pageNumber <= pageCount) count++
  const bytes = new Uint8Array(count * BYTES_A_PAGE)
  const sums = new BigUint64Array(bytes.buffer, 0, count)
  const pageNumbers = new Uint32Array(bytes.buffer, count * 8, count)
  let at = 0
  for (const [pageNumber, sum] of changes) {
    if (pageNumber > pageCount) continue
    sums[at] = sum
    pageNumbers[at++] = pageNumber
  }
  return bytes
}

/** @throws StemmaError DAMAGED_LOG when these are no packed changes */
export function decodeChanges(bytes: Uint8Array, each: (pageNumber: number, sum: bigint) => void): void {
  if (bytes.byteLength % BYTES_A_PAGE !== 0) {
    throw new StemmaError('DAMAGED_LOG', `changed sums of ${bytes.byteLength} bytes`, { size: bytes.byteLength })
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = bytes.byteLength / BYTES_A_PAGE
  for (let i = 0; i < count; i++) {
    const pageNumber = view.getUint32(count * 8 + i * 4, true)
    if (pageNumber === 0) throw new StemmaError('DAMAGED_LOG', 'a changed sum of page 0', {})
    each(pageNumber, view.getBigUint64(i * 8, true))
  }
}
