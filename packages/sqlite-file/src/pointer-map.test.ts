import { StemmaError } from '@stemma/base'
import { expect, test } from 'vitest'
import { isPointerMapPage, pointerMapEntryOf, pointerMapPageOf, setPointerMapEntry } from './pointer-map.ts'

const SIZES = { pageSize: 512, usableSize: 512 }

test.each([
  [1, 0],
  [2, 2],
  [3, 2],
  [104, 2],
  [105, 105],
  [106, 105],
])('with pages of 512 bytes, page %i is described by page %i', (pageNumber, mapPage) => {
  expect(pointerMapPageOf(pageNumber, SIZES)).toBe(mapPage)
  expect(isPointerMapPage(pageNumber, SIZES)).toBe(pageNumber === mapPage && pageNumber !== 0)
})

test('with pages of 1024 bytes the lock-byte page lies where a pointer-map page would be, which follows it', () => {
  const sizes = { pageSize: 1024, usableSize: 1024 }
  expect(isPointerMapPage(1_048_577, sizes)).toBe(false)
  expect(isPointerMapPage(1_048_578, sizes)).toBe(true)
  expect(pointerMapPageOf(1_048_579, sizes)).toBe(1_048_578)
})

test.each(['root', 'free', 'first-overflow', 'next-overflow', 'child'] as const)('an entry of kind %s comes back', (kind) => {
  const bytes = new Uint8Array(512)
  setPointerMapEntry(bytes, 104, SIZES, { kind, parent: 0xfffffffe })
  expect(pointerMapEntryOf(bytes, 104, SIZES)).toEqual({ kind, parent: 0xfffffffe })
  expect(bytes.findIndex((byte) => byte !== 0)).toBe(505)
})

test('an entry of no known kind is damage', () => {
  for (const kind of [0, 6, 255]) {
    const bytes = new Uint8Array(512).fill(kind)
    expect(() => pointerMapEntryOf(bytes, 3, SIZES)).toThrow(StemmaError)
  }
})
