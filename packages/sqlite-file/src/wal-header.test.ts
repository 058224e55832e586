import { StemmaError } from '@stemma/base'
import { expect, test } from 'vitest'
import { setUint32At } from './bytes.ts'
import type { WordOrder } from './host-order.ts'
import { WalChecksum } from './wal-checksum.ts'
import { decodeWalHeader, encodeWalHeader } from './wal-header.ts'

test.each<[string, Partial<Header>, string]>([
  ['little-endian checksums', {}, 'header: page 4096, little'],
  ['big-endian checksums', { magic: 0x377f0683 }, 'header: page 4096, big'],
  ['the largest page', { pageSize: 65_536 }, 'header: page 65536, little'],
  ['31 bytes', { size: 31 }, 'empty: short'],
  ['the magic of another file', { magic: 0x53514c69 }, 'empty: magic'],
  ['a page size that is no power of two', { pageSize: 4095 }, 'empty: page-size'],
  ['a page size that is too large', { pageSize: 131_072 }, 'empty: page-size'],
  ['a torn checksum', { checksum: 1 }, 'empty: checksum'],
  ['a version from the future', { version: 3_007_001 }, 'throws WAL_VERSION'],
  ['a version from the future and a torn checksum', { version: 3_007_001, checksum: 1 }, 'empty: checksum'],
])('%s', (_name, fields, want) => {
  expect(show(encode({ ...SOUND, ...fields }))).toBe(want)
})

test.each<WordOrder>(['little', 'big'])('an encoded header with %s-endian checksums is decoded to what it was', (wordOrder) => {
  const start = { wordOrder, pageSize: 1024, checkpointSequence: 5, salt1: 0xffffffff, salt2: 0x80000000 }
  const { bytes, header } = encodeWalHeader(start)
  expect(header).toMatchObject(start)
  expect(decodeWalHeader(bytes)).toEqual({ kind: 'header', header })
})

interface Header {
  readonly magic: number
  readonly version: number
  readonly pageSize: number
  readonly size: number
  readonly checksum: number | undefined
}

const SOUND: Header = { magic: 0x377f0682, version: 3_007_000, pageSize: 4096, size: 32, checksum: undefined }

function encode(header: Header): Uint8Array {
  const bytes = new Uint8Array(32)
  setUint32At(bytes, 0, header.magic)
  setUint32At(bytes, 4, header.version)
  setUint32At(bytes, 8, header.pageSize)
  const sum = new WalChecksum()
  sum.add(bytes, (header.magic & 1) === 1 ? 'big' : 'little', 0, 24)
  setUint32At(bytes, 24, header.checksum ?? sum.checksum1)
  setUint32At(bytes, 28, sum.checksum2)
  return bytes.subarray(0, header.size)
}

function show(bytes: Uint8Array): string {
  try {
    const start = decodeWalHeader(bytes)
    if (start.kind === 'empty') return `empty: ${start.why}`
    return `header: page ${start.header.pageSize}, ${start.header.wordOrder}`
  } catch (error) {
    if (StemmaError.is(error)) return `throws ${error.code}`
    throw error
  }
}
