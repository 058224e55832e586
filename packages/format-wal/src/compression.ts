import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { Compressor } from '@stemma/log'

const FAST = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

/** Zstandard as Node has it, at its fastest level. */
export const ZSTD: Compressor = {
  compress: (bytes) => zstdCompressSync(bytes, FAST),
  decompress: (bytes, lengthMax) => zstdDecompressSync(bytes, { maxOutputLength: lengthMax }),
}
