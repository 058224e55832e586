import { expect, test } from 'vitest'
import { PageBuffers } from './page-buffers.ts'

test('memory is lent again only when all that was given to the link has left', () => {
  const link = newLink()
  const buffers = new PageBuffers(link)
  const first = buffers.lend(100)
  link.bytesWaiting = 100
  const second = buffers.lend(100)
  expect(second).not.toBe(first)
  link.bytesWaiting = 40
  const third = buffers.lend(100)
  expect([first, second]).not.toContain(third)
  link.bytesWaiting = 0
  expect([first, second, third]).toContain(buffers.lend(50))
})

test('a buffer that is too small is not lent', () => {
  const buffers = new PageBuffers(newLink())
  buffers.lend(10)
  expect(buffers.lend(100).byteLength).toBe(100)
})

test('a link that takes nothing makes no buffers pile up', () => {
  const link = newLink()
  const buffers = new PageBuffers(link)
  const kept = new Set<Uint8Array>()
  link.bytesWaiting = 1
  for (let i = 0; i < 100; i++) kept.add(buffers.lend(1))
  link.bytesWaiting = 0
  const before = buffers.lend(1)
  link.bytesWaiting = 1
  const again = Array.from({ length: 100 }, () => buffers.lend(1)).filter((buffer) => kept.has(buffer))
  expect(kept.has(before)).toBe(true)
  expect(again.length).toBeLessThan(8)
})

/** A link as far as it is asked how much waits. */
function newLink(): { bytesWaiting: number } {
  return { bytesWaiting: 0 }
}
