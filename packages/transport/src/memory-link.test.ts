import { expect, test } from 'vitest'
import { End } from '../test/ends.ts'
import { memoryLinks } from './index.ts'

// What every link promises is judged in test/conformance.test.ts; this is what links in memory promise besides.

test('links in memory deliver when the scheduler says so, and keep the order whatever it does', () => {
  const waiting: (() => void)[] = []
  const left = new End()
  const right = new End()
  memoryLinks({ schedule: (deliver) => waiting.unshift(deliver), onLeft: left.onLink, onRight: right.onLink })
  for (const first of [1, 2, 3]) left.up.send([Uint8Array.of(first)])
  expect(right.messages).toEqual([])
  while (waiting.length > 0) waiting.shift()?.()
  expect(right.messages.map((bytes) => bytes[0])).toEqual([1, 2, 3])
})

test('a link in memory that is cut loses what is on its way, and tells both ends', () => {
  const waiting: (() => void)[] = []
  const left = new End()
  const right = new End()
  const pair = memoryLinks({ schedule: (deliver) => waiting.push(deliver), onLeft: left.onLink, onRight: right.onLink })
  left.up.send([Uint8Array.of(1)])
  pair.cut()
  while (waiting.length > 0) waiting.shift()?.()
  expect(right.messages).toEqual([])
  expect([left.ending, right.ending]).toEqual(['LINK_LOST', 'LINK_LOST'])
})

test('a link in memory overwrites what it delivered, so that nobody keeps it by mistake', () => {
  const kept: Uint8Array[] = []
  const waiting: (() => void)[] = []
  const left = new End()
  const onRight = (): ReturnType<End['onLink']> => ({ message: (bytes) => kept.push(bytes), drain() {}, closed() {} })
  memoryLinks({ schedule: (deliver) => waiting.push(deliver), onLeft: left.onLink, onRight })
  left.up.send([Uint8Array.of(1, 2)])
  for (const deliver of waiting) deliver()
  expect(kept).toEqual([Uint8Array.of(0xdb, 0xdb)])
})
