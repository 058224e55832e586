import xxhash from 'xxhash-wasm'

const { h64Raw } = await xxhash()

/**
 * The checksum of one page: XXH64 over its bytes, seeded with its page number, so that two pages that swap places are noticed.
 *
 * It finds damage and drift. It is no defence against somebody who may write to the database.
 *
 * @returns 64 bits, unsigned
 */
export function pageSum(pageNumber: number, page: Uint8Array): bigint {
  return h64Raw(page, BigInt(pageNumber))
}

/** A checksum of any bytes: XXH64, 64 bits, unsigned. */
export function checksum64(bytes: Uint8Array): bigint {
  return h64Raw(bytes, 0n)
}

/** A checksum of any bytes: the low 32 bits of XXH64, unsigned. */
export function checksum32(bytes: Uint8Array): number {
  return Number(h64Raw(bytes, 0n) & 0xffffffffn)
}
