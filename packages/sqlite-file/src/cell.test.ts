import { expect, test } from 'vitest'
import { localPayloadSize } from './cell.ts'

// The edges of fileformat2, section 1.6: X is the most that stays, M the least, K what makes the last overflow page full.
test.each([
  { usableSize: 512, tableLeaf: true, payloadSize: 477, local: 477 },
  { usableSize: 512, tableLeaf: true, payloadSize: 478, local: 39 },
  { usableSize: 512, tableLeaf: true, payloadSize: 39 + 508, local: 39 },
  { usableSize: 512, tableLeaf: true, payloadSize: 39 + 508 + 438, local: 477 },
  { usableSize: 512, tableLeaf: true, payloadSize: 39 + 508 + 439, local: 39 },
  { usableSize: 512, tableLeaf: false, payloadSize: 102, local: 102 },
  { usableSize: 512, tableLeaf: false, payloadSize: 103, local: 39 },
  { usableSize: 4096, tableLeaf: true, payloadSize: 4061, local: 4061 },
  { usableSize: 4096, tableLeaf: true, payloadSize: 4062, local: 489 },
  { usableSize: 4096, tableLeaf: false, payloadSize: 1002, local: 1002 },
  { usableSize: 4096, tableLeaf: false, payloadSize: 1003, local: 489 },
  { usableSize: 65_536, tableLeaf: true, payloadSize: 65_501, local: 65_501 },
  { usableSize: 65_536, tableLeaf: false, payloadSize: 16_422, local: 16_422 },
])(
  '$payloadSize bytes on a page of $usableSize (table leaf: $tableLeaf): $local stay',
  ({ payloadSize, usableSize, tableLeaf, local }) => {
    expect(localPayloadSize(payloadSize, usableSize, tableLeaf)).toBe(local)
  },
)
