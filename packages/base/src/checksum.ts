import { INPUT_BYTES, newXxh64 } from './xxh64.ts'

const { input, output, sum, begin, add, end } = newXxh64()

/**
 * The checksum of one page: XXH64 over its bytes, seeded with its page number, so that two pages that swap places are noticed.
 *
 * It finds damage and drift. It is no defence against somebody who may write to the database.
 *
 * @param page - of a size that a database can have: a power of two from 512 to 65,536 bytes
 * @returns 64 bits, unsigned
 */
export function pageSum(pageNumber: number, page: Uint8Array): bigint {
  input.set(page)
  sum(page.byteLength, pageNumber)
  return output[0]!
}

/** A checksum of any bytes: the low 32 bits of XXH64, unsigned. */
export function checksum32(bytes: Uint8Array): number {
  begin(0n)
  const { byteLength } = bytes
  const inBlocks = byteLength - (byteLength % 32)
  for (let from = 0; from < inBlocks; from += INPUT_BYTES) {
    const to = Math.min(from + INPUT_BYTES, inBlocks)
    input.set(bytes.subarray(from, to))
    add(to - from)
  }
  input.set(bytes.subarray(inBlocks))
  return Number(BigInt.asUintN(32, end(BigInt(byteLength), 0, byteLength - inBlocks)))
}
