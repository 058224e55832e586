import { expect, test } from 'vitest'
import { parseStory, showStory } from './story-text.ts'

test.each([
  'tick',
  'heartbeat tip=2:10 time=1700000000000',
  'verdict verdict=diverged(at=2:5)',
  'committed tip=1:2 runs=[(format=wal, first=1, last=2, bytes=<7 bytes>), (format=row, first=1, last=2, bytes=<0 bytes>)]',
  'follow state=copy(position=1:2, digest=#fedcba9876543210) credit=8',
  'staged snapshot=r.1 next=1 compare=yes',
  'failed error=!DAMAGED_FILE',
  'bye code=PEER_LEFT message="two words, a \\"quote\\" and a )"',
  'hello name="yes" node="12"',
])('a story line is read back as it was written: %s', (line) => {
  expect(showStory(parseStory(line) as object)).toBe(line)
})

test.each(['', 'tick =', 'a b', 'a b=', 'a b=(', 'a b=[1'])('what is no story is a SyntaxError: %s', (line) => {
  expect(() => parseStory(line)).toThrow(SyntaxError)
})
