import { setUint32At, uint32At } from './bytes.ts'

/** The order of the bytes of a word. */
export type WordOrder = 'big' | 'little'

/**
 * The order of this machine, asked once.
 *
 * Only the wal-index (`-shm`) depends on it: SQLite writes that file as its own memory. Everything else is big-endian everywhere.
 */
export const HOST_ORDER: WordOrder = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 'little' : 'big'

/** An unsigned 32-bit number in this machine's order. The caller has made sure that the bytes are there. */
export function hostUint32At(bytes: Uint8Array, offset: number): number {
  if (HOST_ORDER === 'big') return uint32At(bytes, offset)
  return (bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)) >>> 0
}

/** Writes an unsigned 32-bit number in this machine's order. */
export function setHostUint32At(bytes: Uint8Array, offset: number, value: number): void {
  if (HOST_ORDER === 'big') return setUint32At(bytes, offset, value)
  bytes[offset] = value
  bytes[offset + 1] = value >>> 8
  bytes[offset + 2] = value >>> 16
  bytes[offset + 3] = value >>> 24
}
