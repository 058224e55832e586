/** An unsigned 16-bit number, big-endian, as SQLite's files hold it. The caller has made sure that the bytes are there. */
export function uint16At(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!
}

/** An unsigned 32-bit number, big-endian. The caller has made sure that the bytes are there. */
export function uint32At(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>> 0
}

/** Writes an unsigned 16-bit number, big-endian. */
export function setUint16At(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8
  bytes[offset + 1] = value
}

/** Writes an unsigned 32-bit number, big-endian. */
export function setUint32At(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24
  bytes[offset + 1] = value >>> 16
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}
